//! Cancel: no further segment of the execution starts. `CancelSegment` then cancels each segment without an outcome.
//!
//! Only from `SCATTERING` or `RUNNING`: a cancel in the middle of a redrive could complete an execution of which the redrive
//! still un-folds groups. No group is committed after it, so the groups to go through are known.

use crate::clock::Timestamp;
use crate::id::ExecutionId;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, Due, ExecutionRow, ExecutionStatus, RowKey, Stop};

/// Begins to stop an execution: `SCATTERING | RUNNING -> CANCELLING`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Cancel {
    pub execution_id: ExecutionId,
    /// The generation to stop.
    pub generation: u32,
    /// Why it is stopped; decides whether it ends `CANCELLED` or `FAILED`.
    pub reason: Stop,
    /// When the sweeper checks whether the cancel has to be resumed.
    pub due_at: Timestamp,
}

/// Outcomes of [`Cancel`]; only `Cancelling` changes the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelOutcome {
    /// The execution is being stopped now.
    Cancelling(Box<ExecutionRow>),
    /// The execution was being stopped already, perhaps for another reason.
    AlreadyCancelling(Box<ExecutionRow>),
    /// The execution is complete.
    AlreadyComplete(Box<ExecutionRow>),
    /// The execution is being redriven: [`crate::operation::QueueCancel`] has it stopped once the redrive has ended.
    Redriving,
    /// The execution is in another generation.
    Stale {
        /// The generation of the execution.
        generation: u32,
    },
    /// There is no such execution.
    Missing,
}

impl Operation for Cancel {
    type Rows = Option<ExecutionRow>;
    type Outcome = CancelOutcome;

    const NAME: &'static str = "cancel";

    fn subject(&self) -> String {
        self.execution_id.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Execution(self.execution_id)]
    }

    fn apply(&self, execution: &mut Self::Rows) -> Self::Outcome {
        let Some(execution) = execution else { return CancelOutcome::Missing };
        if execution.generation != self.generation {
            return CancelOutcome::Stale { generation: execution.generation };
        }
        match execution.status {
            ExecutionStatus::Scattering | ExecutionStatus::Running => {
                execution.status = ExecutionStatus::Cancelling;
                execution.stopped = Some(self.reason);
                execution.step_cursor = None;
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

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::Update(self.update()))
    }
}

impl Cancel {
    fn update(&self) -> Update {
        let due = Due::execution(self.execution_id, self.due_at);
        Update::new(
            "SET #status = :cancelling, #stopped = :reason, #due_at = :due, #due_shard = :shard REMOVE #step_cursor",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{at, execution_id, opened, sealed};

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
