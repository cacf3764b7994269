//! **mark published**: the completion event of a generation is out; the execution waits for nothing more.

use aws_sdk_dynamodb::types::ReturnValue;

use crate::error::Error;
use crate::id::ExecutionId;
use crate::item::{ExecutionRow, ExecutionStatus};
use crate::table::{About, ControlTable, Write, Written};

/// Marks the event of one generation as published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkPublished {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The generation whose event is out.
    pub generation: u32,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarkPublishedOutcome {
    /// Marked, now.
    Marked,
    /// Marked before.
    AlreadyMarked,
    /// The execution is not complete in this generation, or gone.
    Stale,
}

impl MarkPublished {
    /// What it means.
    pub fn apply(&self, execution: &mut Option<ExecutionRow>) -> MarkPublishedOutcome {
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
        execution.due = None;
        MarkPublishedOutcome::Marked
    }

    fn write(&self) -> Write {
        Write::new(
            "SET #published_generation = :generation REMOVE #due_at, #due_shard",
            "#generation = :generation AND #published_generation < :generation \
             AND #status IN (:succeeded, :failed, :cancelled)",
        )
        .number("generation", self.generation)
        .text("succeeded", ExecutionStatus::Succeeded.as_str())
        .text("failed", ExecutionStatus::Failed.as_str())
        .text("cancelled", ExecutionStatus::Cancelled.as_str())
    }
}

impl ControlTable {
    /// Marks the event of a generation as published.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn mark_published(&self, request: &MarkPublished) -> Result<MarkPublishedOutcome, Error> {
        let about = About { operation: "mark published", subject: &request.execution_id };
        let key = ExecutionRow::key_of(request.execution_id);
        match self.update(about, key, request.write(), ReturnValue::None).await? {
            Written::Applied(_) => Ok(MarkPublishedOutcome::Marked),
            Written::Refused(item) => {
                let mut execution = item.map(|item| about.read(item)).transpose()?;
                match request.apply(&mut execution) {
                    MarkPublishedOutcome::Marked => Err(about.disagreement()),
                    outcome => Ok(outcome),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{execution_id, sealed};

    #[test]
    fn only_a_complete_execution_is_marked_and_once() {
        let mark = MarkPublished { execution_id: execution_id(), generation: 1 };
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
