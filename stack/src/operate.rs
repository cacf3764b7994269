//! What people ask of a stack beside running a job. Carried out by this process, on the stack's table, stream and bus.

use chrono::{DateTime, Utc};
use control_table::id::ExecutionId;
use control_table::item::{Selection, Stop};
use scatter::{Added, ScatterAnswer, ScatterError};
use serde_json::Value;
use sweeper::{CancelReport, RedriveReport, RepairMode, RepairReport, SweepError};

use crate::connect::Stack;

/// This process has no 15 minutes to keep to.
const NO_DEADLINE: DateTime<Utc> = DateTime::<Utc>::MAX_UTC;

impl Stack {
    /// Stops an execution: nothing of it starts any more, and it ends as the reason says.
    ///
    /// # Errors
    /// When it is being redriven, or a step fails: the sweeper goes on with it.
    pub async fn cancel(&self, execution_id: ExecutionId, reason: Stop) -> Result<CancelReport, SweepError> {
        self.sweeper.cancel(execution_id, reason, NO_DEADLINE).await
    }

    /// Puts what is selected of a complete execution back, into its next generation.
    ///
    /// # Errors
    /// A refusal, before anything is written; or a failed step: then the sweeper goes on with it.
    pub async fn redrive(&self, execution_id: ExecutionId, what: Selection) -> Result<RedriveReport, SweepError> {
        self.sweeper.redrive(execution_id, what, NO_DEADLINE).await
    }

    /// Recounts an execution from its rows, and puts right what differs if the mode says so.
    ///
    /// # Errors
    /// When a step fails: repairing again goes on.
    pub async fn repair(&self, execution_id: ExecutionId, mode: RepairMode) -> Result<RepairReport, SweepError> {
        self.sweeper.repair(execution_id, mode).await
    }

    /// The executions that are not over, oldest first.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn open_executions(&self) -> Result<Vec<ExecutionId>, SweepError> {
        self.sweeper.open_executions().await
    }

    /// Opens an execution that is filled from outside, or finds the one that has its key.
    ///
    /// # Errors
    /// Bad input, before anything is written; or a failure after which opening it with the same key goes on.
    pub async fn open(&self, event: Value, request_id: &str) -> Result<ScatterAnswer, ScatterError> {
        self.scatter.open(event, request_id).await
    }

    /// Adds segments to an execution that was opened. The token makes it safe to repeat.
    ///
    /// # Errors
    /// Bad input, before anything is written; or a failure after which the same call is made again.
    pub async fn add(&self, execution_id: ExecutionId, token: &str, specs: Vec<Value>) -> Result<Added, ScatterError> {
        self.scatter.add(execution_id, token, specs).await
    }

    /// Says that an execution that was opened has all its segments.
    ///
    /// # Errors
    /// When it was not opened, or a step fails: sealing it again goes on.
    pub async fn seal(&self, execution_id: ExecutionId) -> Result<ScatterAnswer, ScatterError> {
        self.scatter.seal(execution_id).await
    }
}
