//! Checkpoint step: how far a long step of an execution has come, and when the sweeper takes it over.
//!
//! A cancel, a redrive and the deletion of an expired execution go through its groups in order. The caller that carries one out moves the
//! cursor past the groups it is through with, and with it the due moment: while it lives, no sweeper takes the step over. A caller whose
//! time is up sets the due moment to the present. A scatter, whose cursor is the number of its groups, only does the latter.

use crate::clock::Timestamp;
use crate::id::ExecutionId;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, Due, ExecutionRow, ExecutionStatus, RowKey};

/// Moves the cursor of a step forward, never back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct CheckpointStep {
    pub execution_id: ExecutionId,
    /// The generation of the step.
    pub generation: u32,
    /// The status in which the step is carried out. In a terminal one it is the deletion of an expired execution.
    pub status: ExecutionStatus,
    /// The number of groups, from the first on, that the step is through with.
    pub cursor: u64,
    /// When the sweeper takes the step over, unless it is checkpointed again.
    pub due_at: Timestamp,
}

/// Outcomes of [`CheckpointStep`]; only `Checkpointed` changes the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckpointStepOutcome {
    /// Stored; the row after the change.
    Checkpointed(Box<ExecutionRow>),
    /// Another caller of the same step is ahead: this one leaves the step to it.
    Behind,
    /// The execution is in another status or generation, or does not exist: the step is over.
    Over,
}

impl Operation for CheckpointStep {
    type Rows = Option<ExecutionRow>;
    type Outcome = CheckpointStepOutcome;

    const NAME: &'static str = "checkpoint step";

    fn subject(&self) -> String {
        self.execution_id.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Execution(self.execution_id)]
    }

    fn apply(&self, execution: &mut Self::Rows) -> Self::Outcome {
        let is_under_way = |row: &&mut ExecutionRow| row.status == self.status && row.generation == self.generation;
        let Some(row) = execution.as_mut().filter(is_under_way) else { return CheckpointStepOutcome::Over };
        if row.step_cursor.is_some_and(|cursor| cursor > self.cursor) {
            return CheckpointStepOutcome::Behind;
        }
        row.step_cursor = Some(self.cursor);
        row.due = Some(self.due());
        if self.status == ExecutionStatus::Scattering {
            row.scatter_until = Some(self.due_at);
        }
        CheckpointStepOutcome::Checkpointed(Box::new(row.clone()))
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::Update(self.update()))
    }
}

impl CheckpointStep {
    fn due(&self) -> Due {
        if self.status.is_terminal() {
            Due::expiry(self.execution_id, self.due_at)
        } else {
            Due::execution(self.execution_id, self.due_at)
        }
    }

    fn update(&self) -> Update {
        let due = self.due();
        let scatter = if self.status == ExecutionStatus::Scattering { ", #scatter_until = :due" } else { "" };
        Update::new(
            format!("SET #step_cursor = :cursor, #due_at = :due, #due_shard = :shard{scatter}"),
            "#status = :status AND #generation = :generation \
             AND (attribute_not_exists(#step_cursor) OR #step_cursor <= :cursor)",
        )
        .text("status", self.status.as_str())
        .text("shard", due.due_shard)
        .number("cursor", self.cursor)
        .number("due", due.due_at.as_millis())
        .number("generation", self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{at, execution_id, failed_and_published, opened};
    use crate::rows::DueKind;

    fn checkpoint(status: ExecutionStatus, cursor: u64, due: i64) -> CheckpointStep {
        CheckpointStep { execution_id: execution_id(), generation: 1, status, cursor, due_at: at(due) }
    }

    #[test]
    fn the_cursor_only_moves_forward() {
        let mut execution = failed_and_published(9);
        let expiring = |cursor, due| checkpoint(ExecutionStatus::Failed, cursor, due);
        assert!(matches!(expiring(4, 100).apply(&mut execution), CheckpointStepOutcome::Checkpointed(_)));
        assert_eq!(expiring(3, 200).apply(&mut execution), CheckpointStepOutcome::Behind);
        let row = execution.clone().unwrap();
        assert_eq!((row.step_cursor, row.due), (Some(4), Some(Due::expiry(execution_id(), at(100)))));
        // The same again: an answer was lost.
        assert!(matches!(expiring(4, 100).apply(&mut execution), CheckpointStepOutcome::Checkpointed(_)));
        let over = CheckpointStep { generation: 2, ..expiring(5, 200) };
        assert_eq!(over.apply(&mut execution), CheckpointStepOutcome::Over);
        assert_eq!(expiring(5, 200).apply(&mut None), CheckpointStepOutcome::Over);
    }

    #[test]
    fn a_scatter_that_ends_is_silent_at_once() {
        let mut execution = opened();
        checkpoint(ExecutionStatus::Scattering, 0, 7).apply(&mut execution);
        let row = execution.unwrap();
        assert_eq!((row.scatter_until, row.due.map(|due| due.due_at)), (Some(at(7)), Some(at(7))));
        assert_eq!(row.due.map(|due| due.due_shard.kind()), Some(DueKind::Execution));
    }
}
