//! What people and programs ask of a system: one trait, with an implementation for each kind of system.

use control_table::ControlTable;
use control_table::id::{ExecutionId, ExecutionKey};
use control_table::policy::Policy;
use control_table::rows::Selection;
use futures::future::BoxFuture;
use serde_json::Value;

use crate::error::EngineError;
use crate::operate::{CancelReport, LimitChange, RedriveReport, RepairMode, RepairReport};
use crate::scatter::{Added, ScatterAnswer, ScatterEvent};

/// Starts executions and operates on them: on one machine, or on a deployed stack.
///
/// Every call may be made again after an error that [`OperatorError::is_retryable`] says passes; nothing is done twice by it.
pub trait Operator: Send + Sync {
    /// The control table, to read from.
    fn table(&self) -> &ControlTable;

    /// Starts an execution with that key, or finds the one that has it. Returns when every segment is in the table, or when the
    /// system continues by itself.
    fn start(&self, event: ScatterEvent, key: ExecutionKey) -> BoxFuture<'_, Result<Started, OperatorError>>;

    /// Stops an execution: no segment of it starts any more, and it ends CANCELLED.
    fn cancel(&self, execution_id: ExecutionId) -> BoxFuture<'_, Result<CancelReport, OperatorError>>;

    /// Runs what is selected of a complete execution again, in its next generation.
    fn redrive(
        &self,
        execution_id: ExecutionId,
        selection: Selection,
    ) -> BoxFuture<'_, Result<RedriveReport, OperatorError>>;

    /// Recounts an execution from its rows, and puts right what differs if the mode says so.
    fn repair(&self, execution_id: ExecutionId, mode: RepairMode)
    -> BoxFuture<'_, Result<RepairReport, OperatorError>>;

    /// Changes limits of an execution. Returns its policy as it is then.
    fn set(&self, execution_id: ExecutionId, change: LimitChange) -> BoxFuture<'_, Result<Policy, OperatorError>>;

    /// Opens an execution that its caller fills, or finds the one that has the event's key; without one, `request_id` is the key.
    fn open<'a>(
        &'a self,
        event: ScatterEvent,
        request_id: &'a str,
    ) -> BoxFuture<'a, Result<ScatterAnswer, OperatorError>>;

    /// Adds segments to an execution that was opened. With the same token the same segments are added once.
    fn add<'a>(
        &'a self,
        execution_id: ExecutionId,
        token: &'a str,
        specs: Vec<Value>,
    ) -> BoxFuture<'a, Result<Added, OperatorError>>;

    /// Says that an execution that was opened has all its segments.
    fn seal(&self, execution_id: ExecutionId) -> BoxFuture<'_, Result<ScatterAnswer, OperatorError>>;

    /// Has the system continue with everything that is open. Returns those executions, oldest first.
    fn resume(&self) -> BoxFuture<'_, Result<Vec<ExecutionId>, OperatorError>>;

    /// Waits until an execution is complete and its event is published, or its event cannot be published.
    fn wait(&self, execution_id: ExecutionId) -> BoxFuture<'_, Result<Finished, OperatorError>>;

    /// Stops the work that runs in this process, so that [`Self::shutdown`] does not wait for it to come to its end. A deployed stack
    /// continues.
    fn terminate(&self) {}

    /// Ends what this process does for the system. A deployed stack continues.
    fn shutdown(&self) -> BoxFuture<'_, ()>;
}

/// An execution that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Its key.
    pub key: ExecutionKey,
    /// Whether this call opened it; `false` if the key had an execution already.
    pub opened: bool,
}

/// An execution that is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// Whether its completion event is published. If not, the bus or a hook keeps refusing it.
    pub is_published: bool,
    /// How often a hook for a notification failed, in this process.
    pub notification_failures: u32,
}

/// What a failure of the system around the engine means to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemFault {
    /// The caller asked for what cannot be done. Nothing was written.
    BadInput,
    /// There is no such execution.
    NotFound,
    /// What the execution is, or which program works on it, does not allow it. Nothing was written.
    Refused,
    /// The same call may succeed later, as it is.
    Passing,
    /// A repetition does not help.
    Lasting,
}

/// A failed call of an operator.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The system around it.
    #[error("{source}")]
    System {
        /// What happened, and what to do.
        source: Box<dyn std::error::Error + Send + Sync>,
        /// What that means to the caller.
        fault: SystemFault,
    },
    /// The operator does not work on executions: it only reads, beside the process that does.
    #[error("{0} needs a system that works on executions, and this process only reads")]
    ReadsOnly(&'static str),
}

impl OperatorError {
    /// Whether the same call may succeed later, as it is.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Engine(error) => error.is_retryable(),
            Self::System { fault, .. } => matches!(fault, SystemFault::Passing),
            Self::ReadsOnly(_) => false,
        }
    }

    /// Whether the caller asked for what cannot be done. Nothing was written.
    #[must_use]
    pub const fn is_bad_input(&self) -> bool {
        match self {
            Self::Engine(error) => error.is_bad_input(),
            Self::System { fault, .. } => matches!(fault, SystemFault::BadInput),
            Self::ReadsOnly(_) => false,
        }
    }
}

impl From<control_table::Error> for OperatorError {
    fn from(error: control_table::Error) -> Self {
        Self::Engine(error.into())
    }
}
