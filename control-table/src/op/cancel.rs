//! **cancel**: nothing new starts. The rows that have no outcome are cancelled one by one after it (see [`super::CancelRow`]).
//!
//! From SCATTERING or RUNNING only: a cancel that overtakes an un-fold would complete a run that the redrive then takes
//! apart. From here on no group is committed, so the groups to walk through are known.

use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::ExecutionId;
use crate::item::{Due, ExecutionRow, ExecutionStatus, Stop};
use crate::table::{About, ControlTable, Decided, Write};

/// Begins to stop an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancel {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The generation that is to be stopped.
    pub generation: u32,
    /// Why.
    pub reason: Stop,
    /// When the sweeper should look whether whoever stops it is still alive.
    pub due_at: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelOutcome {
    /// It is being stopped, from now on.
    Cancelling(Box<ExecutionRow>),
    /// It is being stopped already, perhaps for another reason.
    AlreadyCancelling(Box<ExecutionRow>),
    /// It is complete.
    AlreadyComplete(Box<ExecutionRow>),
    /// It is being redriven, and can be stopped as soon as that is over.
    Redriving,
    /// It is in another generation.
    Stale {
        /// Which one.
        generation: u32,
    },
    /// There is no such execution.
    Missing,
}

impl Cancel {
    /// What it means.
    pub fn apply(&self, execution: &mut Option<ExecutionRow>) -> CancelOutcome {
        let Some(execution) = execution else { return CancelOutcome::Missing };
        if execution.generation != self.generation {
            return CancelOutcome::Stale { generation: execution.generation };
        }
        match execution.status {
            ExecutionStatus::Scattering | ExecutionStatus::Running => {
                execution.status = ExecutionStatus::Cancelling;
                execution.stopped = Some(self.reason);
                execution.due = Some(Due::execution(self.execution_id, self.due_at));
                CancelOutcome::Cancelling(Box::new(execution.clone()))
            }
            ExecutionStatus::Cancelling => CancelOutcome::AlreadyCancelling(Box::new(execution.clone())),
            ExecutionStatus::Redriving => CancelOutcome::Redriving,
            ExecutionStatus::Succeeded | ExecutionStatus::Failed | ExecutionStatus::Cancelled => {
                CancelOutcome::AlreadyComplete(Box::new(execution.clone()))
            }
        }
    }

    fn write(&self) -> Write {
        let due = Due::execution(self.execution_id, self.due_at);
        Write::new(
            "SET #status = :cancelling, #stopped = :reason, #due_at = :due, #due_shard = :shard",
            "#generation = :generation AND #status IN (:scattering, :running)",
        )
        .text("cancelling", ExecutionStatus::Cancelling.as_str())
        .text("scattering", ExecutionStatus::Scattering.as_str())
        .text("running", ExecutionStatus::Running.as_str())
        .text("reason", self.reason.as_str())
        .text("shard", String::from(due.due_shard))
        .number("due", due.due_at.as_millis())
        .number("generation", self.generation)
    }
}

impl ControlTable {
    /// Begins to stop an execution.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn cancel(&self, request: &Cancel) -> Result<CancelOutcome, Error> {
        let about = About { operation: "cancel", subject: &request.execution_id };
        let key = ExecutionRow::key_of(request.execution_id);
        match self.decide(about, key, request.write(), |row| request.apply(row)).await? {
            Decided::Applied(row) => Ok(CancelOutcome::Cancelling(row)),
            Decided::Refused(outcome) => Ok(outcome),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{at, execution_id, opened, sealed};

    fn cancel() -> Cancel {
        Cancel { execution_id: execution_id(), generation: 1, reason: Stop::Requested, due_at: at(70) }
    }

    #[test]
    fn an_open_execution_is_stopped_once() {
        for mut execution in [opened(), sealed(1)] {
            assert!(matches!(cancel().apply(&mut execution), CancelOutcome::Cancelling(_)));
            let late = Cancel { reason: Stop::TimedOut, ..cancel() };
            assert!(matches!(late.apply(&mut execution), CancelOutcome::AlreadyCancelling(_)));
            assert_eq!(execution.unwrap().stopped, Some(Stop::Requested));
        }
    }

    #[test]
    fn a_redrive_and_a_complete_execution_are_left_alone() {
        for (status, expected) in [
            (ExecutionStatus::Redriving, CancelOutcome::Redriving),
            (ExecutionStatus::Failed, CancelOutcome::AlreadyComplete(Box::new(sealed(1).unwrap()))),
        ] {
            let mut execution = sealed(1);
            if let Some(execution) = &mut execution {
                execution.status = status;
            }
            let before = execution.clone();
            let outcome = cancel().apply(&mut execution);
            assert_eq!(std::mem::discriminant(&outcome), std::mem::discriminant(&expected));
            assert_eq!(execution, before);
        }
        let other = Cancel { generation: 2, ..cancel() };
        assert_eq!(other.apply(&mut sealed(1)), CancelOutcome::Stale { generation: 1 });
        assert_eq!(cancel().apply(&mut None), CancelOutcome::Missing);
    }
}
