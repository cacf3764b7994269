//! Mark published: the completion event of a generation was published, and the execution leaves the due index, or waits there for its
//! deletion.

use crate::clock::Timestamp;
use crate::id::ExecutionId;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, Due, ExecutionRow, ExecutionStatus, RowKey};

/// Marks the event of a generation as published.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct MarkPublished {
    pub execution_id: ExecutionId,
    /// The generation whose event was published.
    pub generation: u32,
    /// When the rows of the execution are deleted; `None` if they are kept.
    pub expires_at: Option<Timestamp>,
}

/// Outcomes of [`MarkPublished`]; only `Marked` changes the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarkPublishedOutcome {
    /// Marked now.
    Marked,
    /// Marked before.
    AlreadyMarked,
    /// The execution is not complete in this generation, or does not exist.
    Stale,
}

impl Operation for MarkPublished {
    type Rows = Option<ExecutionRow>;
    type Outcome = MarkPublishedOutcome;

    const NAME: &'static str = "mark published";

    fn subject(&self) -> String {
        self.execution_id.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Execution(self.execution_id)]
    }

    fn apply(&self, execution: &mut Self::Rows) -> Self::Outcome {
        let Some(execution) = execution else {
            return MarkPublishedOutcome::Stale;
        };
        if execution.published_generation >= self.generation {
            return MarkPublishedOutcome::AlreadyMarked;
        }
        if execution.generation != self.generation || !execution.status.is_terminal() {
            return MarkPublishedOutcome::Stale;
        }
        execution.published_generation = self.generation;
        execution.due = self.due();
        MarkPublishedOutcome::Marked
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::Update(self.update()))
    }
}

impl MarkPublished {
    fn due(&self) -> Option<Due> {
        self.expires_at.map(|expires_at| Due::expiry(self.execution_id, expires_at))
    }

    fn update(&self) -> Update {
        let update = match self.due() {
            Some(_) => "SET #published_generation = :generation, #due_at = :due, #due_shard = :shard",
            None => "SET #published_generation = :generation REMOVE #due_at, #due_shard",
        };
        let write = Update::new(
            update,
            "#generation = :generation AND #published_generation < :generation \
             AND #status IN (:succeeded, :failed, :cancelled)",
        )
        .number("generation", self.generation)
        .text("succeeded", ExecutionStatus::Succeeded.as_str())
        .text("failed", ExecutionStatus::Failed.as_str())
        .text("cancelled", ExecutionStatus::Cancelled.as_str());
        match self.due() {
            Some(due) => write.number("due", due.due_at.as_millis()).text("shard", due.due_shard),
            None => write,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{execution_id, sealed};

    #[test]
    fn only_a_complete_execution_is_marked_and_once() {
        let mark = MarkPublished { execution_id: execution_id(), generation: 1, expires_at: None };
        let mut execution = sealed(0);
        assert_eq!(mark.apply(&mut execution), MarkPublishedOutcome::Stale);
        if let Some(execution) = &mut execution {
            execution.status = ExecutionStatus::Succeeded;
        }
        assert_eq!(mark.apply(&mut execution), MarkPublishedOutcome::Marked);
        assert_eq!(mark.apply(&mut execution), MarkPublishedOutcome::AlreadyMarked);
        assert_eq!(execution.unwrap().due, None);
    }
}
