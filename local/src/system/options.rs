//! The options of a system.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use control_table::clock::{Clock, Entropy};
use runtime::Work;
use serde::{Deserialize, Serialize};

use super::Place;
use super::hook::HookOutput;
use control_table::store::sqlite::Durability;

/// Whose work the workers do.
#[derive(Clone)]
pub enum WorkChoice {
    /// The built-in jobs, commands included, chosen by each execution's parameters.
    Builtin,
    /// An author's own.
    Own(Arc<dyn Work>),
}

/// Commands that `sh -c` runs for an execution's events, with the event as JSON on standard input. A command may get an event more
/// than once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hooks {
    /// Gets every completion event, before the one for its outcome does.
    pub on_complete: Option<String>,
    /// Gets the completion event of an execution that SUCCEEDED.
    pub on_success: Option<String>,
    /// Gets the completion event of one that FAILED or was CANCELLED.
    pub on_failure: Option<String>,
    /// Gets the notification of the first segment that failed.
    pub on_first_failure: Option<String>,
    /// Gets the notification of an execution without progress.
    pub on_stall: Option<String>,
    /// How long a command may take, in milliseconds; 24 hours if not given. One for a notification has 30 seconds at most.
    pub timeout_ms: Option<u64>,
}

impl Hooks {
    /// Whether there is a command among them.
    #[must_use]
    pub fn has_commands(&self) -> bool {
        let Self { on_complete, on_success, on_failure, on_first_failure, on_stall, timeout_ms: _ } = self;
        [on_complete, on_success, on_failure, on_first_failure, on_stall].into_iter().any(Option::is_some)
    }
}

/// How to start the system.
#[derive(Clone)]
pub struct Options {
    /// The directory of its state.
    pub data_dir: PathBuf,
    /// Whether the functions' own handlers run, on an emulated `DynamoDB` and Kinesis.
    pub emulate: bool,
    /// Whether the state survives a power cut.
    pub durability: Durability,
    /// Segments worked on at once; as many as the event source mapping allows if not given.
    pub workers: Option<usize>,
    /// The name of this program. Another program leaves its executions alone.
    pub program: String,
    /// Whether this one works on executions of any program.
    pub any_worker: bool,
    /// The work of its workers.
    pub work: WorkChoice,
    /// The commands that get events. Each execution that is opened keeps them, for the process that delivers its events; without any,
    /// this process runs those that an execution has kept.
    pub hooks: Hooks,
    /// The destination of the commands' output.
    pub hook_output: HookOutput,
    /// How often the sweeper runs.
    pub tick: Duration,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Identifiers and jitter.
    pub entropy: Arc<Entropy>,
}

impl Options {
    /// The data directory, and which control table in it.
    #[must_use]
    pub fn place(&self) -> Place {
        Place { data_dir: self.data_dir.clone(), emulate: self.emulate }
    }

    /// The sweeper's usual tick: a retry is late by at most this. A tick that finds nothing costs about a millisecond.
    pub const TICK: Duration = Duration::from_millis(250);
}
