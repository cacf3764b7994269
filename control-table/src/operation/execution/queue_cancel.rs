//! Queue cancel: an execution that is being redriven is cancelled as soon as the redrive has ended.
//!
//! Not before: a cancel in the middle of a redrive would count rows of groups that the redrive has un-folded and not requeued yet.
//! [`super::end_redrive::EndRedrive`] then begins the cancel.

use crate::id::ExecutionId;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, ExecutionRow, ExecutionStatus, RowKey, Stop};

/// Queues a cancel: `REDRIVING` only.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct QueueCancel {
    pub execution_id: ExecutionId,
    /// The generation of the redrive.
    pub generation: u32,
    /// Why it is to be stopped.
    pub reason: Stop,
}

/// Outcomes of [`QueueCancel`]; only `Queued` changes the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueCancelOutcome {
    /// The execution is cancelled at the end of its redrive.
    Queued,
    /// A cancel was queued before.
    AlreadyQueued,
    /// The execution is not being redriven in this generation, or does not exist.
    NotRedriving,
}

impl Operation for QueueCancel {
    type Rows = Option<ExecutionRow>;
    type Outcome = QueueCancelOutcome;

    const NAME: &'static str = "queue cancel";

    fn subject(&self) -> String {
        self.execution_id.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Execution(self.execution_id)]
    }

    fn apply(&self, execution: &mut Self::Rows) -> Self::Outcome {
        let is_redriving =
            |row: &&mut ExecutionRow| row.status == ExecutionStatus::Redriving && row.generation == self.generation;
        let Some(row) = execution.as_mut().filter(is_redriving) else { return QueueCancelOutcome::NotRedriving };
        if row.stop_requested.is_some() {
            return QueueCancelOutcome::AlreadyQueued;
        }
        row.stop_requested = Some(self.reason);
        QueueCancelOutcome::Queued
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        let update = Update::new(
            "SET #stop_requested = :reason",
            "#status = :redriving AND #generation = :generation AND attribute_not_exists(#stop_requested)",
        );
        let update = update
            .text("reason", self.reason.as_str())
            .text("redriving", ExecutionStatus::Redriving.as_str())
            .number("generation", self.generation);
        Ok(Write::Update(update))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{execution_id, sealed};

    #[test]
    fn a_cancel_is_queued_once_and_only_in_a_redrive() {
        let queue = QueueCancel { execution_id: execution_id(), generation: 2, reason: Stop::Requested };
        let mut execution = sealed(1);
        assert_eq!(queue.apply(&mut execution), QueueCancelOutcome::NotRedriving);
        if let Some(row) = &mut execution {
            (row.status, row.generation) = (ExecutionStatus::Redriving, 2);
        }
        assert_eq!(queue.apply(&mut execution), QueueCancelOutcome::Queued);
        assert_eq!(queue.apply(&mut execution), QueueCancelOutcome::AlreadyQueued);
        assert_eq!(execution.unwrap().stop_requested, Some(Stop::Requested));
        assert_eq!(queue.apply(&mut None), QueueCancelOutcome::NotRedriving);
    }
}
