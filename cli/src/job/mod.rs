//! A job as a user writes it, in a file, in flags, or both, and the scatter event that it becomes.
//!
//! # The job file
//! ```toml
//! job = "population-by-country"          # letters, digits, '.', '_', '-'
//! key = "2026-11-24"                     # optional: one execution for one key
//! workers = 8                            # optional: segments worked on at once
//! on_complete = "./publish.sh"           # optional: gets the completion event on standard input; so do
//!                                        # on_success, on_failure, on_first_failure and on_stall their events
//! hook_timeout = "24h"                   # optional: the longest that such a command may take
//! then = "report.toml"                   # optional: the job that follows a success
//! durable = false                        # optional: true survives a power cut, and is slower
//!
//! [tags]                                 # optional: names and values that the execution keeps and its events carry
//! team = "maps"
//!
//! [source]                               # one of:
//! type = "dynamodb-scan"                 #   table, items_per_segment or segments, count = "exact" or "estimate"
//! table = "cities"                       # type = "range":  from, to (numbers or dates; `to` is not in it), size
//! items_per_segment = 1000               # type = "list":   codes = ["SY", "IR"], or codes_file (a code a line)
//!                                        # type = "external": for `open`; segments come by `add`
//!
//! [parameters]                           # passed to the worker; for the built-in ones:
//! work = "sum"                           #   "count", "sum", "exec" or "noop"
//! attribute = "population"               #   sum; with codes also table and index, as for count
//! # command = "./segment.sh"             #   exec; also permanent_exit_code, and kill_grace = "10s"
//! # sleep_ms = 10                        #   noop
//!
//! [schedule]                             # optional, for `serve`
//! cron = "30 2 * * MON-FRI"              #   minute, hour, day of the month, month, day of the week; or
//!                                        #   after = ["load"]: once those jobs SUCCEEDED, with their key
//! timezone = "Europe/Berlin"             #   of cron; UTC if not given
//! catch_up = "last"                      #   of missed moments: "none", "last" (if not given) or "all"
//! max_active = 1                         #   executions of this job at once
//!
//! [policy]                               # optional
//! max_attempts = 3
//! tolerated_failures = 0                 # or a share: "5%"
//! on_too_many_failures = "stop"          # or "finish": every segment gets its outcome, and the execution fails at its end
//! backoff = { base_ms = 1000, cap_ms = 300000 }
//! segment_timeout = "15m"                # of an attempt; spans are 500ms, 90s, 15m, 2h, 7d
//! execution_timeout = "6h"
//! stall_after = "30m"
//! max_concurrency = 4                    # segments of this execution in flight at once
//! retention = "30d"
//! ```
//! Unknown fields are refused. A relative `codes_file` or `then` is relative to the job file.

mod event;
mod file;
mod flags;
mod for_stack;
mod list;
#[cfg(test)]
mod property_tests;
mod schedule;
#[cfg(test)]
mod tests;
mod value;

pub use self::event::RunPlan;
pub use self::schedule::{At, JobFile};

use std::path::{Path, PathBuf};

use control_table::id::{ExecutionKey, JobName};
use control_table::policy::{OnTooManyFailures, Tolerance};
use control_table::tags::Tags;
use engine::scatter::sources::Bound;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::args::{Counting, RunArgs, SourceType};
use crate::span::{Retention, Span};

/// The longest job file. An execution's plan has at most 256 KB, and comments are allowed for.
const MAX_FILE_BYTES: usize = 1024 * 1024;

/// Every field that a job can have; what is `None` was not given. The file is one layer, the flags the next.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Job {
    #[serde(rename = "job")]
    name: Option<JobName>,
    key: Option<ExecutionKey>,
    workers: Option<u16>,
    on_complete: Option<String>,
    on_success: Option<String>,
    on_failure: Option<String>,
    on_first_failure: Option<String>,
    on_stall: Option<String>,
    then: Option<PathBuf>,
    hook_timeout: Option<Span>,
    durable: bool,
    #[serde(skip)]
    any_worker: bool,
    tags: Tags,
    schedule: Option<schedule::ScheduleTable>,
    source: Source,
    policy: Policy,
    #[serde(deserialize_with = "value::object")]
    parameters: Map<String, Value>,
}

/// Where segments come from: the fields of every source.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Source {
    #[serde(rename = "type")]
    kind: Option<SourceType>,
    table: Option<String>,
    items_per_segment: Option<u64>,
    segments: Option<u64>,
    count: Option<Counting>,
    #[serde(deserialize_with = "value::bound")]
    from: Option<Bound>,
    #[serde(deserialize_with = "value::bound")]
    to: Option<Bound>,
    size: Option<u64>,
    codes: Option<Vec<String>>,
    codes_file: Option<PathBuf>,
}

/// The fields of [`control_table::policy::Policy`] in the units of a job file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    max_attempts: Option<u32>,
    #[serde(deserialize_with = "value::tolerance")]
    tolerated_failures: Option<Tolerance>,
    on_too_many_failures: Option<OnTooManyFailures>,
    backoff: Backoff,
    segment_timeout: Option<Span>,
    execution_timeout: Option<Span>,
    stall_after: Option<Span>,
    max_concurrency: Option<u32>,
    #[serde(alias = "retention_days")]
    retention: Option<Retention>,
}

/// The wait before a retry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backoff {
    base_ms: Option<u64>,
    cap_ms: Option<u64>,
}

/// The command line or the job file is not valid. Nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// The job file cannot be read.
    #[error("cannot read the job file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The job file is no job.
    #[error("the job file {path} is not a job: {source}")]
    Toml {
        /// The file.
        path: PathBuf,
        /// Where, and what is wrong.
        source: Box<toml::de::Error>,
    },
    /// A file, or standard input, cannot be read as text.
    #[error(transparent)]
    Text(#[from] text::TextError),
    /// A number in a job file that its parameters cannot hold.
    #[error(
        "{path}, {place}: the number {number} has more digits, or another magnitude, than is kept exactly: write it as a string, \
         \"{number}\""
    )]
    Number {
        /// The file.
        path: PathBuf,
        /// Where in it.
        place: text::Place,
        /// The number, as it is written.
        number: String,
    },
    /// A required field is missing.
    #[error("{what} is missing: give {how}")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// How it is said.
        how: &'static str,
    },
    /// The chosen source or work does not take this field.
    #[error("{field} does not go with {chosen}")]
    NotTogether {
        /// What was said.
        field: &'static str,
        /// The choice that it contradicts.
        chosen: String,
    },
    /// Two fields that exclude each other.
    #[error("{0} and {1} exclude each other: leave one out")]
    Both(&'static str, &'static str),
    /// A command's grace that cannot be meant.
    #[error("kill_grace is {given}: write a span of time of at most {limit_ms} ms, such as \"10s\"")]
    KillGrace {
        /// What was given.
        given: Value,
        /// The longest, in milliseconds.
        limit_ms: u64,
    },
    /// `--parameters` is no JSON object.
    #[error("--parameters wants a JSON object: {0}")]
    Parameters(String),
    /// A path that cannot be written down as text.
    #[error("the path {0:?} is not Unicode")]
    Path(PathBuf),
    /// A flag of the built-in work was given to an own worker.
    #[error("this program brings its own work: leave out {0}; what it needs goes into --parameters")]
    OwnWork(&'static str),
    /// Something that only the system in this process has was asked of a stack.
    #[error(
        "{0} is for executions on this machine, not for a stack: there the template sets the number of workers, and rules on \
         its bus react to events"
    )]
    OnlyHere(&'static str),
    /// An address that other machines could reach.
    #[error(
        "{0} is no address of this machine's loopback interface: use 127.0.0.1 or [::1]. To reach it from elsewhere, use `ssh -L`"
    )]
    NotLoopback(std::net::SocketAddr),
    /// A token that a header or a URL could not carry.
    #[error("--token: {0}")]
    Token(String),
    /// A table of an account, which other programs may need.
    #[error("tables of an account are not deleted here: use `aws dynamodb delete-table --table-name {0}`")]
    TableOfAccount(String),
    /// This program was built without the SDK's way to AWS.
    #[cfg(not(feature = "aws"))]
    #[error("this program was built without AWS: build it with `--features aws`, or leave --stack and --aws out")]
    NoAws,
    /// A list of codes that is too long for an event.
    #[error("{path} has more than {limit} bytes, which is what an event takes: use `open`, `add --file` and `seal`")]
    LongList {
        /// The file.
        path: PathBuf,
        /// The longest, in bytes.
        limit: usize,
    },
    /// There is no data directory to keep a list in.
    #[error("neither XDG_DATA_HOME nor HOME says where your data goes: name a data directory with --data-dir")]
    NoDataDir,
    /// A list of codes without an end.
    #[error("{path} has more than {limit} bytes of codes")]
    HugeList {
        /// The list.
        path: PathBuf,
        /// The longest, in bytes.
        limit: u64,
    },
    /// A list of codes that cannot be read.
    #[error("cannot read the codes in {path}")]
    Codes {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The event that the job makes is not valid.
    #[error(transparent)]
    Event(#[from] Box<engine::EngineError>),
    /// The changed limit is not valid.
    #[error(transparent)]
    Policy(#[from] control_table::policy::InvalidPolicy),
    /// The folder of job files cannot be read.
    #[error("cannot read the folder {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A folder without job files.
    #[error("the folder {0} has no job files: they end in .toml")]
    NoJobs(PathBuf),
    /// A folder with more job files than are served.
    #[error(
        "the folder {path} has more than {limit} job files: serve them from several folders, with a data directory each"
    )]
    ManyJobs {
        /// The folder.
        path: PathBuf,
        /// The most.
        limit: usize,
    },
    /// A job file of a folder is not in order.
    #[error("{path}: {source}")]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<Self>,
    },
    /// The cron pattern or its time zone.
    #[error(transparent)]
    Timetable(#[from] local::schedule::InvalidTimetable),
    /// The schedules of a folder do not fit together.
    #[error(transparent)]
    Agenda(#[from] local::schedule::AgendaError),
    /// A schedule that AWS does not have.
    #[error("{path}: the schedule cannot be one on AWS: {reason}")]
    NotOnAws {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// None of the job files has a schedule.
    #[error("none of the job files in {0} has a [schedule], so nothing would ever start: give one to a job")]
    NothingScheduled(PathBuf),
    /// A number of executions at once that is out of its limits.
    #[error("max_active is {given}: write a number from 1 to {limit}")]
    MaxActive {
        /// What was given.
        given: u32,
        /// The most.
        limit: u32,
    },
    /// The tags are not valid.
    #[error(transparent)]
    Tags(#[from] control_table::tags::InvalidTags),
    /// A moment that cannot be read.
    #[error(transparent)]
    Since(#[from] crate::since::InvalidSince),
}

impl Job {
    /// The job of a `run`: the file, if there is one, and the flags over it.
    pub fn from_args(args: &RunArgs, own_work: bool) -> Result<Self, UsageError> {
        let base = match &args.file {
            Some(path) => Self::from_file(path)?,
            None => Self::default(),
        };
        base.overlaid(args, own_work)
    }

    /// The same, with a list that can be read only once kept in the data directory.
    pub fn keeping_its_list(mut self, data_dir: &Path) -> Result<Self, UsageError> {
        if let Some(path) = self.source.codes_file.take() {
            self.source.codes_file = Some(list::keep(&path, data_dir)?);
        }
        Ok(self)
    }

    /// The job of an `open`: its source is `external`.
    pub fn for_open(mut self) -> Result<Self, UsageError> {
        match self.source.kind {
            None | Some(SourceType::External) => {
                self.source.kind = Some(SourceType::External);
                Ok(self)
            }
            Some(kind) => {
                let chosen = "`open`, whose segments come by `add`: use `run`".to_owned();
                Err(UsageError::NotTogether { field: kind.as_str(), chosen })
            }
        }
    }

    /// The job of a `run`: its segments come from a source.
    pub fn for_run(self) -> Result<Self, UsageError> {
        if self.source.kind == Some(SourceType::External) {
            let chosen = "`run`: use `open`, then `add` and `seal`".to_owned();
            return Err(UsageError::NotTogether { field: "the source external", chosen });
        }
        Ok(self)
    }

    fn from_file(path: &Path) -> Result<Self, UsageError> {
        Self::parse(&text::document(text::Text::open(path)?, MAX_FILE_BYTES)?, path)
    }
}
