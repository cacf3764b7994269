//! What the verbs take that are about one execution.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use control_table::policy::Tolerance;
use control_table::rows::{Indexes, SegmentStatus, Selection};

use super::{IdArgs, SystemArgs};

/// What `results` takes.
#[derive(Debug, Args)]
pub struct ResultsArgs {
    /// Which execution.
    #[command(flatten)]
    pub execution: IdArgs,
    /// Only segments with this outcome
    #[arg(long, value_enum, value_name = "STATUS", ignore_case = true)]
    pub status: Option<OutcomeFilter>,
}

/// A segment's outcome, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutcomeFilter {
    /// Done
    Succeeded,
    /// Failed for good
    Failed,
    /// Will not be done
    Cancelled,
}

impl From<OutcomeFilter> for SegmentStatus {
    fn from(filter: OutcomeFilter) -> Self {
        match filter {
            OutcomeFilter::Succeeded => Self::Succeeded,
            OutcomeFilter::Failed => Self::Failed,
            OutcomeFilter::Cancelled => Self::Cancelled,
        }
    }
}

/// What `failures` takes.
#[derive(Debug, Args)]
pub struct FailuresArgs {
    /// Which execution.
    #[command(flatten)]
    pub execution: IdArgs,
}

/// What `logs` takes.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Which execution.
    #[command(flatten)]
    pub execution: IdArgs,
    /// Only of this segment
    #[arg(long, value_name = "INDEX")]
    pub segment: Option<u64>,
    /// Only of attempts with this number
    #[arg(long, value_name = "N")]
    pub attempt: Option<u32>,
    /// Print what is printed from now on as well, until the execution ends; whichever process works on it
    #[arg(short, long)]
    pub follow: bool,
}

/// What `set` takes.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("limit").required(true).multiple(true).args(["max_concurrency", "tolerated_failures"]))]
pub struct SetArgs {
    /// Which execution.
    #[command(flatten)]
    pub execution: IdArgs,
    /// Segments in flight at once; of an execution that began with a limit, or that is over: then it holds for its redrive
    #[arg(long, value_name = "N")]
    pub max_concurrency: Option<u32>,
    /// Failed segments with which the execution still counts as succeeded: a number, or a share of them
    #[arg(long, value_name = "N|P%")]
    pub tolerated_failures: Option<Tolerance>,
}

/// What `cancel` takes.
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// Which execution.
    #[command(flatten)]
    pub execution: IdArgs,
    /// How the system runs.
    #[command(flatten)]
    pub system: SystemArgs,
}

/// What `redrive` takes.
#[derive(Debug, Args)]
pub struct RedriveArgs {
    /// Which execution.
    #[command(flatten)]
    pub execution: IdArgs,
    /// Only segments that failed; with --cancelled, those as well [default: all that did not succeed]
    #[arg(long)]
    pub failed: bool,
    /// Only segments that were cancelled
    #[arg(long)]
    pub cancelled: bool,
    /// Only segments with these indexes, such as 3,17-20
    #[arg(long, value_name = "INDEXES")]
    pub segments: Option<Indexes>,
    /// How the system runs.
    #[command(flatten)]
    pub system: SystemArgs,
}

impl RedriveArgs {
    /// The segments to requeue.
    pub fn selection(&self) -> Selection {
        let everything = !self.failed && !self.cancelled;
        Selection {
            failed: self.failed || everything,
            cancelled: self.cancelled || everything,
            only: self.segments.clone(),
        }
    }
}

/// What `repair` takes.
#[derive(Debug, Args)]
pub struct RepairArgs {
    /// Which execution.
    #[command(flatten)]
    pub execution: IdArgs,
    /// Say what is wrong, and change nothing; ends with 3 if something is
    #[arg(long)]
    pub dry_run: bool,
    /// How the system runs.
    #[command(flatten)]
    pub system: SystemArgs,
}

/// What `add` takes.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Which execution.
    #[command(flatten)]
    pub execution: IdArgs,
    /// A file with a segment's spec a line, as JSON; `-` for standard input
    #[arg(long, value_name = "F")]
    pub file: PathBuf,
    /// Makes the same add safe to repeat; after an error it says with which [default: a new one]
    #[arg(long, value_name = "T")]
    pub token: Option<String>,
    /// How the system runs.
    #[command(flatten)]
    pub system: SystemArgs,
}

/// What `seal` takes.
#[derive(Debug, Args)]
pub struct SealArgs {
    /// Which execution.
    #[command(flatten)]
    pub execution: IdArgs,
    /// How the system runs.
    #[command(flatten)]
    pub system: SystemArgs,
}

/// What `dead-letters` takes.
#[derive(Debug, Args)]
pub struct DeadLettersArgs {
    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Verb};
    use clap::Parser;

    fn verb(words: &[&str]) -> Result<Verb, clap::Error> {
        Cli::try_parse_from(std::iter::once(&"scatterctl").chain(words)).map(|cli| cli.verb)
    }

    #[test]
    fn a_set_without_a_limit_changes_nothing_and_is_refused() {
        assert!(verb(&["set", "latest"]).is_err());
        assert!(verb(&["set", "latest", "--tolerated-failures", "5%"]).is_ok());
        assert!(verb(&["set", "latest", "--max-concurrency", "4", "--tolerated-failures", "1"]).is_ok());
        assert!(verb(&["set", "latest", "--tolerated-failures", "5 percent"]).is_err());
    }

    #[test]
    fn without_a_flag_a_redrive_takes_all_that_did_not_succeed() {
        let cases: [(&[&str], bool, bool); 4] = [
            (&[], true, true),
            (&["--failed"], true, false),
            (&["--cancelled"], false, true),
            (&["--failed", "--cancelled"], true, true),
        ];
        for (flags, failed, cancelled) in cases {
            let Ok(Verb::Redrive(args)) = verb(&[&["redrive", "latest"], flags].concat()) else {
                panic!("not a redrive");
            };
            assert_eq!(args.selection(), Selection { failed, cancelled, only: None });
        }
        assert!(verb(&["redrive", "latest", "--segments", "3,17-20"]).is_ok());
        assert!(verb(&["redrive", "latest", "--segments", "20-17"]).is_err());
    }
}
