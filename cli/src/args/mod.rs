//! The command line's arguments.

mod console;
mod execution;
mod import;
mod run;
mod simulate;
mod tables;

pub use self::console::{ConsoleArgs, ListenArgs};
pub use self::execution::{
    AddArgs, CancelArgs, DeadLettersArgs, FailuresArgs, LogsArgs, RedriveArgs, RepairArgs, ResultsArgs, SealArgs,
    SetArgs,
};
pub use self::import::ImportArgs;
pub use self::run::{Counting, RunArgs, SourceType, WorkName};
pub use self::simulate::{SimulateArgs, TransportName};
pub use self::tables::{TablesAction, TablesArgs};

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use control_table::id::{ExecutionKey, JobName};
use control_table::rows::{ExecutionStatus, SegmentStatus};
use control_table::tags::Tag;

use crate::job::UsageError;
use crate::since::{Day, Since};
use crate::span::Span;

/// The exit statuses, for the end of `--help`.
const EXIT_STATUS: &str = "\
Exit status:
  0    it is done; of an execution that was followed: it SUCCEEDED
  1    it failed; of an execution that was followed: it did not end as wanted
  2    the command line or the job is wrong, and nothing was written
  3    `repair --dry-run` found a difference
  130  ended by SIGINT (Ctrl-C); 143 by SIGTERM, 129 by SIGHUP, 131 by SIGQUIT";

/// Cuts long jobs into segments, runs them on many workers, and gathers the outcome.
///
/// Without `--stack` everything runs on this machine, on files in the data directory that several processes may use at once.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true, after_help = EXIT_STATUS)]
pub struct Cli {
    /// What every verb takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The variable that names the data directory.
pub const DATA_DIR_VARIABLE: &str = "SCATTERCTL_DATA_DIR";

/// The heading of what every verb takes, so that a verb's own options stand together.
const GLOBAL: &str = "Global options";

/// What every verb takes.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct Global {
    /// The directory with the control table and the tables [default: scatter-gather in the user's data directory]
    #[arg(long, global = true, env = DATA_DIR_VARIABLE, value_name = "DIR", help_heading = GLOBAL)]
    pub data_dir: Option<PathBuf>,
    /// Run the functions' own handlers on an emulated DynamoDB and Kinesis: a rehearsal of a deployment, with executions of its own
    #[arg(long, global = true, conflicts_with_all = ["stack", "aws"], help_heading = GLOBAL)]
    pub emulate: bool,
    /// Which stack, if one.
    #[command(flatten)]
    pub deployed: Deployed,
    /// Answer in JSON; errors too, on standard error
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub json: bool,
    /// No colours, even on a terminal; as the variable `NO_COLOR`
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub no_color: bool,
    /// No progress
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = GLOBAL)]
    pub quiet: bool,
    /// Log what happens (-vv: in detail); `RUST_LOG` says it more precisely
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = GLOBAL)]
    pub verbose: u8,
}

/// Which stack, if one.
#[derive(Debug, Clone, Default, Args)]
pub struct Deployed {
    /// Work with this deployed stack instead of a data directory; credentials and region as the AWS CLI finds them
    #[arg(long, global = true, env = "SCATTERCTL_STACK", value_name = "NAME", help_heading = GLOBAL)]
    stack: Option<String>,
    /// As `--stack scatter-gather`
    #[arg(long, global = true, conflicts_with = "stack", help_heading = GLOBAL)]
    aws: bool,
}

impl Deployed {
    /// The name that docs/deploy.md gives a stack.
    const USUAL: &str = "scatter-gather";

    /// The stack's name.
    pub fn name(&self) -> Option<&str> {
        if self.aws { Some(Self::USUAL) } else { self.stack.as_deref() }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Put the rows of a CSV or JSON-lines file into a table
    Import(ImportArgs),
    /// List, describe or delete the tables that were imported
    Tables(TablesArgs),
    /// Run a job to its end, with progress
    Run(Box<RunArgs>),
    /// Show how an execution stands
    Status(IdArgs),
    /// List executions, newest first
    List(ListArgs),
    /// List the segments of an execution, with their errors
    Segments(SegmentsArgs),
    /// Print the outcomes of an execution's segments as JSON lines
    Results(ResultsArgs),
    /// Count an execution's failed segments by their errors, the most frequent first
    Failures(FailuresArgs),
    /// Print what the commands of an execution's segments have printed
    Logs(LogsArgs),
    /// Follow an execution until it ends
    Watch(IdArgs),
    /// Change limits of an execution, also while it runs
    Set(SetArgs),
    /// Stop an execution: nothing new starts, and it ends CANCELLED with what it has
    Cancel(CancelArgs),
    /// Run the segments of an execution again that did not succeed, and follow it to its end
    Redrive(RedriveArgs),
    /// Recount an execution from its segments, say what differs, and put it right
    Repair(RepairArgs),
    /// Open an execution whose segments come by `add`, and print its ID
    Open(Box<RunArgs>),
    /// Add segments to an execution that was opened
    Add(AddArgs),
    /// Say that an execution that was opened has all its segments, and follow it to its end
    Seal(SealArgs),
    /// List records that could not be read, newest first
    DeadLetters(DeadLettersArgs),
    /// Go on with what was interrupted, until it ends
    Resume(ResumeArgs),
    /// Start the jobs of a folder by their schedules, and serve the console, until this process is stopped
    Serve(Box<ServeArgs>),
    /// Print a CloudFormation template that starts the jobs of a folder by their schedules on a stack
    Schedules(FolderArgs),
    /// Simulate a job on AWS before it runs there: time to the end, and dollars
    Simulate(Box<SimulateArgs>),
    /// Show executions in a browser, and serve the HTTP API, on this machine's loopback address
    Console(Box<ConsoleArgs>),
    /// Run the system, and offer its DynamoDB to other programs
    Local(LocalArgs),
}

/// Which execution.
#[derive(Debug, Clone, Args)]
pub struct IdArgs {
    /// The execution: its ID, the beginning or the end of it, JOB/KEY, or `latest`
    pub id: String,
    /// Only an execution of this job: the `latest` one of it, for example
    #[arg(long, value_name = "NAME")]
    pub job: Option<JobName>,
}

/// What `list` takes.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only executions of this job
    #[arg(long, value_name = "NAME")]
    pub job: Option<JobName>,
    /// Only executions with this key
    #[arg(long, value_name = "KEY")]
    pub key: Option<ExecutionKey>,
    /// Only executions with this status; may be given several times
    #[arg(long, value_enum, value_name = "STATUS", ignore_case = true)]
    pub status: Vec<ExecutionFilter>,
    /// Only executions with this tag; may be given several times: then with all of them
    #[arg(long, value_name = "NAME=VALUE")]
    pub tag: Vec<Tag>,
    /// Only executions begun since: 7d, 24h, 30m, a date, or an RFC 3339 time
    #[arg(long, value_name = "WHEN")]
    pub since: Option<Since>,
    /// Only executions begun before: as --since
    #[arg(long, value_name = "WHEN")]
    pub until: Option<Since>,
    /// Only executions begun on this day (UTC): 2026-11-24
    #[arg(long, value_name = "DATE", conflicts_with_all = ["since", "until"])]
    pub day: Option<Day>,
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
    /// Only executions before this one: the `next` of the page before
    #[arg(long, value_name = "ID")]
    pub before: Option<String>,
}

impl ListArgs {
    /// Whether the list is narrowed.
    pub const fn has_filters(&self) -> bool {
        let of_time = self.since.is_some() || self.until.is_some() || self.day.is_some();
        of_time || self.job.is_some() || self.key.is_some() || !self.status.is_empty() || !self.tag.is_empty()
    }
}

/// An execution's status, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExecutionFilter {
    /// Gets its segments
    Scattering,
    /// Has all its segments, and works on them
    Running,
    /// Ended, with no more failures than tolerated
    Succeeded,
    /// Ended, with more failures than tolerated
    Failed,
    /// Is being stopped
    Cancelling,
    /// Was stopped on request
    Cancelled,
    /// Gets segments to run again
    Redriving,
}

impl From<ExecutionFilter> for ExecutionStatus {
    fn from(filter: ExecutionFilter) -> Self {
        match filter {
            ExecutionFilter::Scattering => Self::Scattering,
            ExecutionFilter::Running => Self::Running,
            ExecutionFilter::Succeeded => Self::Succeeded,
            ExecutionFilter::Failed => Self::Failed,
            ExecutionFilter::Cancelling => Self::Cancelling,
            ExecutionFilter::Cancelled => Self::Cancelled,
            ExecutionFilter::Redriving => Self::Redriving,
        }
    }
}

/// What `segments` takes.
#[derive(Debug, Args)]
pub struct SegmentsArgs {
    /// Which execution.
    #[command(flatten)]
    pub execution: IdArgs,
    /// Only segments with this status
    #[arg(long, value_enum, value_name = "STATUS", ignore_case = true)]
    pub status: Option<StatusFilter>,
}

/// A segment's status, as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum StatusFilter {
    /// Waits for a worker, or for its retry
    Pending,
    /// A worker has it
    Running,
    /// Done
    Succeeded,
    /// Failed for good
    Failed,
    /// Will not be done
    Cancelled,
}

impl From<StatusFilter> for SegmentStatus {
    fn from(filter: StatusFilter) -> Self {
        match filter {
            StatusFilter::Pending => Self::Pending,
            StatusFilter::Running => Self::Running,
            StatusFilter::Succeeded => Self::Succeeded,
            StatusFilter::Failed => Self::Failed,
            StatusFilter::Cancelled => Self::Cancelled,
        }
    }
}

/// What `resume` takes.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// Wait for this execution only: its ID, the beginning or the end of it, JOB/KEY, or `latest`
    pub id: Option<String>,
    /// Only an execution of this job: the `latest` one of it, for example
    #[arg(long, value_name = "NAME", requires = "id")]
    pub job: Option<JobName>,
    /// How the system runs.
    #[command(flatten)]
    pub system: SystemArgs,
}

/// What `serve` takes.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The jobs.
    #[command(flatten)]
    pub jobs: FolderArgs,
    /// Only the schedules: no console, and no HTTP API
    #[arg(long, conflicts_with_all = ["address", "port", "read_only"])]
    pub no_console: bool,
    /// Where the console listens, and whom it lets in.
    #[command(flatten)]
    pub listen: ListenArgs,
}

/// The jobs of `serve` and `schedules`.
#[derive(Debug, Args)]
pub struct FolderArgs {
    /// The folder of job files, which end in .toml; those with a `[schedule]` are started
    #[arg(value_name = "JOBS")]
    pub folder: PathBuf,
}

/// What `local` takes.
#[derive(Debug, Args)]
pub struct LocalArgs {
    /// The port on this machine's loopback address; 0 for any
    #[arg(long, value_name = "PORT", default_value_t = 8000)]
    pub port: u16,
    /// How the system runs.
    #[command(flatten)]
    pub system: SystemArgs,
}

/// How the system runs in this process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct SystemArgs {
    /// Segments processed at once [default: 10, as in the template]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub workers: Option<u16>,
    /// Commands for an execution's events.
    #[command(flatten)]
    pub hooks: HookArgs,
    /// Every write waits for the disk: survives a power cut, and is slower
    #[arg(long)]
    pub durable: bool,
    /// Also continue executions that another program started: this one must do the same work
    #[arg(long)]
    pub any_worker: bool,
}

impl SystemArgs {
    /// Refuses what only the system in this process has.
    pub fn refuse_for_a_stack(&self) -> Result<(), UsageError> {
        let HookArgs { on_complete, on_success, on_failure, on_first_failure, on_stall, then, hook_timeout } =
            &self.hooks;
        let given = [
            ("workers", self.workers.is_some()),
            ("durable", self.durable),
            ("any_worker", self.any_worker),
            ("on_complete", on_complete.is_some()),
            ("on_success", on_success.is_some()),
            ("on_failure", on_failure.is_some()),
            ("on_first_failure", on_first_failure.is_some()),
            ("on_stall", on_stall.is_some()),
            ("then", then.is_some()),
            ("hook_timeout", hook_timeout.is_some()),
        ];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            Some((name, _)) => Err(UsageError::OnlyHere(name)),
            None => Ok(()),
        }
    }
}

/// Commands for an execution's events. Each gets the event as JSON on its standard input, and may get it more than once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct HookArgs {
    /// A command for every completion event
    #[arg(long, value_name = "CMD", help_heading = "Hooks: commands that get the event on standard input")]
    pub on_complete: Option<String>,
    /// A command for the end of an execution that SUCCEEDED
    #[arg(long, value_name = "CMD", help_heading = "Hooks: commands that get the event on standard input")]
    pub on_success: Option<String>,
    /// A command for the end of an execution that FAILED or was CANCELLED
    #[arg(long, value_name = "CMD", help_heading = "Hooks: commands that get the event on standard input")]
    pub on_failure: Option<String>,
    /// A command for an execution's first failed segment
    #[arg(long, value_name = "CMD", help_heading = "Hooks: commands that get the event on standard input")]
    pub on_first_failure: Option<String>,
    /// The job that follows a success, as a job file: it runs in a process of its own, with the event's ID as its key
    #[arg(
        long,
        value_name = "JOB.toml",
        conflicts_with = "on_success",
        help_heading = "Hooks: commands that get the event on standard input"
    )]
    pub then: Option<PathBuf>,
    /// A command for an execution that has stalled
    #[arg(long, value_name = "CMD", help_heading = "Hooks: commands that get the event on standard input")]
    pub on_stall: Option<String>,
    /// The longest that such a command may take: 90s, 15m; then it gets SIGTERM [default: 24h; for a first failure and a stall 30s]
    #[arg(long, value_name = "SPAN", help_heading = "Hooks: commands that get the event on standard input")]
    pub hook_timeout: Option<Span>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_flags_may_follow_the_verb() {
        let cli = Cli::try_parse_from(["scatterctl", "status", "latest", "--json", "--data-dir", "/x", "-vv"]).unwrap();
        assert!(cli.global.json && cli.global.verbose == 2);
        assert_eq!(cli.global.data_dir, Some(PathBuf::from("/x")));
    }

    #[test]
    fn a_stack_is_named_or_is_the_usual_one() {
        let name = |words: &[&str]| {
            let cli = Cli::try_parse_from([&["scatterctl", "list"], words].concat())?;
            Ok::<_, clap::Error>(cli.global.deployed.name().map(ToOwned::to_owned))
        };
        assert_eq!(name(&["--stack", "nightly"]).unwrap().as_deref(), Some("nightly"));
        assert_eq!(name(&["--aws"]).unwrap().as_deref(), Some("scatter-gather"));
        assert!(name(&["--aws", "--stack", "nightly"]).is_err());
    }

    #[test]
    fn what_only_this_machine_has_is_refused_for_a_stack_by_name() {
        let refused = |words: &[&str]| {
            let Ok(Verb::Resume(args)) =
                Cli::try_parse_from([&["scatterctl", "resume"], words].concat()).map(|cli| cli.verb)
            else {
                panic!("no resume");
            };
            args.system.refuse_for_a_stack().err().map(|error| error.to_string())
        };
        assert_eq!(refused(&[]), None);
        for (words, name) in [
            (vec!["--workers", "2"], "workers"),
            (vec!["--durable"], "durable"),
            (vec!["--on-stall", "true"], "on_stall"),
        ] {
            assert!(refused(&words).is_some_and(|message| message.starts_with(name)), "{words:?}");
        }
    }

    #[test]
    fn an_execution_is_named_in_one_way_by_every_verb() {
        for verb in
            ["status", "watch", "segments", "results", "failures", "logs", "cancel", "redrive", "repair", "seal"]
        {
            let words = ["scatterctl", verb, "latest", "--job", "nightly"];
            assert!(Cli::try_parse_from(words).is_ok(), "{verb}");
        }
        assert!(Cli::try_parse_from(["scatterctl", "resume", "--job", "nightly"]).is_err(), "it names no execution");
    }

    #[test]
    fn a_list_is_of_one_day_or_of_a_span() {
        let list = |words: &[&str]| Cli::try_parse_from([&["scatterctl", "list"], words].concat());
        assert!(list(&["--status", "failed", "--status", "RUNNING", "--tag", "a=b", "--tag", "c="]).is_ok());
        assert!(list(&["--day", "2026-11-24", "--until", "1h"]).is_err());
        for (words, named) in [(["--tag", "a"], "NAME=VALUE"), (["--day", "2026-11-31"], "2026-11-31")] {
            assert!(list(&words).unwrap_err().to_string().contains(named), "{words:?}");
        }
    }

    #[test]
    fn a_status_is_typed_in_either_case() {
        for status in ["failed", "FAILED"] {
            assert!(Cli::try_parse_from(["scatterctl", "segments", "latest", "--status", status]).is_ok());
        }
        assert!(Cli::try_parse_from(["scatterctl", "segments", "latest", "--status", "lost"]).is_err());
    }
}
