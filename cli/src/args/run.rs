//! What `run` takes.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use control_table::id::{ExecutionKey, JobName};
use control_table::policy::Tolerance;
use control_table::tags::Tag;
use engine::scatter::sources::Bound;
use serde::Deserialize;

use super::SystemArgs;
use crate::span::{Retention, Span};

/// Runs a job to its end: scatters it into segments, works on them, gathers the outcome.
///
/// A job is a TOML file, or flags, or both: flags win. A key that was used before, for the same source and parameters,
/// starts nothing: its execution is waited for, and its result is the answer.
#[derive(Debug, Clone, Default, Args)]
pub struct RunArgs {
    /// The job as a file
    #[arg(value_name = "JOB.toml")]
    pub file: Option<PathBuf>,
    /// The job's name
    #[arg(long, value_name = "NAME")]
    pub job: Option<JobName>,
    /// One execution for one key: the day it is for, for example [default: a new execution each time]
    #[arg(long, value_name = "KEY")]
    pub key: Option<ExecutionKey>,
    /// A name and a value that the execution keeps and that its events carry; may be given up to ten times
    #[arg(long, value_name = "NAME=VALUE")]
    pub tag: Vec<Tag>,

    /// Follow the execution that the job and the key have: nothing is started, and nothing else is needed
    #[arg(long, requires_all = ["job", "key"])]
    pub attach: bool,

    /// Where the segments come from
    #[arg(long, value_enum, help_heading = "Source")]
    pub source: Option<SourceType>,
    /// The table to scan; or, with another source, to look codes up in
    #[arg(long, value_name = "T", help_heading = "Source")]
    pub table: Option<String>,
    /// dynamodb-scan: items that a segment should have [default: 1000]
    #[arg(long, value_name = "N", help_heading = "Source", conflicts_with = "segments")]
    pub items_per_segment: Option<u64>,
    /// dynamodb-scan: segments, whatever the table has
    #[arg(long, value_name = "N", help_heading = "Source")]
    pub segments: Option<u64>,
    /// dynamodb-scan: how the table is counted [default: exact]
    #[arg(long, value_enum, help_heading = "Source")]
    pub count: Option<Counting>,
    /// range: the first number or date
    #[arg(long, value_name = "A", help_heading = "Source", allow_hyphen_values = true)]
    pub from: Option<Bound>,
    /// range: the number or date after the last
    #[arg(long, value_name = "B", help_heading = "Source", allow_hyphen_values = true)]
    pub to: Option<Bound>,
    /// range: numbers or days of a segment
    #[arg(long, value_name = "N", help_heading = "Source")]
    pub size: Option<u64>,
    /// list: the codes, one a segment
    #[arg(long, value_name = "A,B", value_delimiter = ',', help_heading = "Source", conflicts_with = "codes_file")]
    pub codes: Option<Vec<String>>,
    /// list: a file with a code a line; a pipe, or - for standard input, is read once
    #[arg(long, value_name = "F", help_heading = "Source")]
    pub codes_file: Option<PathBuf>,

    /// What is done with a segment
    #[arg(long, value_enum, help_heading = "Work")]
    pub work: Option<WorkName>,
    /// sum: the number to add up
    #[arg(long, value_name = "A", help_heading = "Work")]
    pub attribute: Option<String>,
    /// count, sum: the table's index to look codes up in
    #[arg(long, value_name = "NAME", help_heading = "Work")]
    pub index: Option<String>,
    /// exec: the command for a segment, run by the shell
    #[arg(long, value_name = "CMD", help_heading = "Work", allow_hyphen_values = true)]
    pub exec: Option<String>,
    /// exec: the exit code that says no retry will help
    #[arg(long, value_name = "N", help_heading = "Work")]
    pub permanent_exit_code: Option<u8>,
    /// exec: from SIGTERM to SIGKILL, for a command whose time is up or whose execution is cancelled: 500ms, 2m [default: 10s]
    #[arg(long, value_name = "SPAN", help_heading = "Work")]
    pub kill_grace: Option<Span>,
    /// noop: how long a segment takes
    #[arg(long, value_name = "MS", help_heading = "Work")]
    pub sleep_ms: Option<u64>,
    /// Parameters for a worker of your own, as a JSON object
    #[arg(long, value_name = "JSON", help_heading = "Work")]
    pub parameters: Option<String>,

    /// Attempts that a segment gets [default: 3]
    #[arg(long, value_name = "N", help_heading = "Failures")]
    pub max_attempts: Option<u32>,
    /// The longest wait before the second attempt; it doubles with each [default: 1000]
    #[arg(long, value_name = "MS", help_heading = "Failures")]
    pub backoff_base_ms: Option<u64>,
    /// The longest wait before any attempt [default: 300000]
    #[arg(long, value_name = "MS", help_heading = "Failures")]
    pub backoff_cap_ms: Option<u64>,
    /// Failed segments with which the execution still counts as succeeded: a number, or a share of them [default: 0]
    #[arg(long, value_name = "N|P%", help_heading = "Failures")]
    pub tolerated_failures: Option<Tolerance>,
    /// Work on every segment, also after more failures than are tolerated: the execution fails at its end
    #[arg(long, help_heading = "Failures")]
    pub finish_anyway: bool,

    /// The longest an attempt may take: 90s, 15m [default: as long as its invocation has]
    #[arg(long, value_name = "SPAN", help_heading = "Limits")]
    pub segment_timeout: Option<Span>,
    /// The longest the execution may take; what has no outcome by then is cancelled, and the execution has failed
    #[arg(long, value_name = "SPAN", help_heading = "Limits")]
    pub execution_timeout: Option<Span>,
    /// Report the execution as stalled after so long without progress [default: 30m]
    #[arg(long, value_name = "SPAN", help_heading = "Limits")]
    pub stall_after: Option<Span>,
    /// Segments of this execution in flight at once [default: as many as there are workers]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    pub max_concurrency: Option<u32>,
    /// Delete the execution with its rows after so many days: 30d [default: keep it]
    #[arg(long, value_name = "DAYS", help_heading = "Limits")]
    pub retention: Option<Retention>,

    /// How the system runs.
    #[command(flatten)]
    pub system: SystemArgs,
}

/// Where segments come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceType {
    /// A table, scanned in parallel
    #[value(name = "dynamodb-scan")]
    #[serde(rename = "dynamodb-scan")]
    DynamoDbScan,
    /// Whole numbers or dates, in pieces
    Range,
    /// Codes, one a segment
    List,
    /// Segments that come by `add`: for `open`
    External,
}

impl SourceType {
    /// As it is typed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DynamoDbScan => "dynamodb-scan",
            Self::Range => "range",
            Self::List => "list",
            Self::External => "external",
        }
    }
}

/// How a table is counted before it is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counting {
    /// By reading it
    Exact,
    /// By DynamoDB's own number, which may be six hours old
    Estimate,
}

/// The work that needs no program of the user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WorkName {
    /// Count the items
    Count,
    /// Add up a number over the items
    Sum,
    /// Run a command
    Exec,
    /// Do nothing
    Noop,
}

impl WorkName {
    /// As it is typed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Exec => "exec",
            Self::Noop => "noop",
        }
    }
}
