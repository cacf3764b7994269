//! What a user may choose.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use control_table::clock::{Clock, Entropy};
use runtime::Work;

use super::hook::HookOutput;
use emulator::embedded::Durability;

/// Whose work the workers do.
#[derive(Clone)]
pub enum WorkChoice {
    /// The built-in jobs, commands included, chosen by each execution's parameters.
    Builtin,
    /// The user's own.
    Own(Arc<dyn Work>),
}

/// Commands for what becomes of executions: each is run by `sh -c`, with the event as JSON on its standard input, and may get an
/// event more than once.
#[derive(Debug, Clone, Default)]
pub struct Hooks {
    /// Gets every completion event, before the one for its outcome does.
    pub on_complete: Option<String>,
    /// Gets the completion event of an execution that SUCCEEDED.
    pub on_success: Option<String>,
    /// Gets the completion event of one that FAILED or was CANCELLED.
    pub on_failure: Option<String>,
    /// Gets the notice of the first segment that failed.
    pub on_first_failure: Option<String>,
    /// Gets the notice of an execution that stands still.
    pub on_stall: Option<String>,
}

/// How to start the system.
#[derive(Clone)]
pub struct Options {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// What the state survives.
    pub durability: Durability,
    /// Segments worked on at once; as many as the template's mapping allows if not given.
    pub workers: Option<usize>,
    /// Whose work is done.
    pub work: WorkChoice,
    /// The commands that get events.
    pub hooks: Hooks,
    /// Where their output goes.
    pub hook_output: HookOutput,
    /// How often the sweeper looks for what is due.
    pub tick: Duration,
    /// A SAM template to take the mappings' settings from, instead of the built-in one.
    pub template: Option<PathBuf>,
    /// Where the present moment comes from.
    pub clock: Arc<dyn Clock>,
    /// Where identifiers and jitter come from.
    pub entropy: Arc<Entropy>,
}

impl Options {
    /// The sweeper's usual tick: a retry is late by at most this. A tick that finds nothing costs about a millisecond.
    pub const TICK: Duration = Duration::from_millis(250);
}
