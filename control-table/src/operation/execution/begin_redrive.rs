//! Begin redrive: a complete execution whose event was published enters its next generation.
//!
//! The execution keeps the selection of segments to requeue, so that the sweeper can resume an interrupted redrive. The steps
//! after it, for each group: `Unfold`, `Requeue` for each segment, the records; at the end `EndRedrive`.

use crate::clock::Timestamp;
use crate::id::ExecutionId;
use crate::operation::write::to_attribute;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, Due, ExecutionRow, ExecutionStatus, RowKey, Selection};

/// Begins a redrive: `SUCCEEDED | FAILED | CANCELLED -> REDRIVING`, one generation later.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct BeginRedrive {
    pub execution_id: ExecutionId,
    /// The generation that begins: one more than the one whose event was published.
    pub generation: u32,
    /// The segments to requeue.
    pub selection: Selection,
    /// Whether the policy limited the segments in flight when the caller read it.
    pub limited: bool,
    pub now: Timestamp,
    /// When the sweeper checks whether the redrive has to be resumed.
    pub due_at: Timestamp,
}

/// Outcomes of [`BeginRedrive`]; only `Begun` changes the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BeginRedriveOutcome {
    /// The execution is in its next generation now.
    Begun(Box<ExecutionRow>),
    /// The execution is being redriven in this generation already: by another caller, or by a first try whose answer was
    /// lost. The row has the selection that holds.
    AlreadyBegun(Box<ExecutionRow>),
    /// The previous generation is not complete.
    NotComplete(ExecutionStatus),
    /// The previous generation is complete, and its event is not marked as published yet.
    NotPublished,
    /// The execution was stopped before its seal: segments are missing that no redrive can requeue.
    NotSealed,
    /// The retention of the execution is over, and its rows are being deleted.
    Expiring,
    /// The execution is in another generation.
    Stale {
        /// The generation of the execution.
        generation: u32,
    },
    /// The limit of segments in flight was set or removed since the caller read the policy.
    PolicyChanged,
    /// There is no such execution.
    Missing,
}

impl Operation for BeginRedrive {
    type Rows = Option<ExecutionRow>;
    type Outcome = BeginRedriveOutcome;

    const NAME: &'static str = "begin redrive";

    fn subject(&self) -> String {
        self.execution_id.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Execution(self.execution_id)]
    }

    fn apply(&self, execution: &mut Self::Rows) -> Self::Outcome {
        let Some(row) = execution else { return BeginRedriveOutcome::Missing };
        if row.generation == self.generation && row.status == ExecutionStatus::Redriving {
            return BeginRedriveOutcome::AlreadyBegun(Box::new(row.clone()));
        }
        if row.generation + 1 != self.generation {
            return BeginRedriveOutcome::Stale { generation: row.generation };
        }
        if !row.status.is_terminal() {
            return BeginRedriveOutcome::NotComplete(row.status);
        }
        if row.published_generation != row.generation {
            return BeginRedriveOutcome::NotPublished;
        }
        if row.sealed_at.is_none() {
            return BeginRedriveOutcome::NotSealed;
        }
        if row.step_cursor.is_some() {
            return BeginRedriveOutcome::Expiring;
        }
        if row.policy.max_concurrency.is_some() != self.limited {
            return BeginRedriveOutcome::PolicyChanged;
        }
        self.begin(row);
        BeginRedriveOutcome::Begun(Box::new(row.clone()))
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        self.update().map(Write::Update)
    }
}

impl BeginRedrive {
    fn begin(&self, row: &mut ExecutionRow) {
        row.status = ExecutionStatus::Redriving;
        row.generation = self.generation;
        row.redrive = Some(self.selection.clone());
        row.started_at = self.now;
        row.finished_at = None;
        row.stopped = None;
        row.first_failure = None;
        row.notifications.clear();
        row.admitted_until = self.limited.then_some(0);
        row.in_flight.clear();
        row.due = Some(Due::execution(self.execution_id, self.due_at));
    }

    fn update(&self) -> Result<Update, CorruptItem> {
        let due = Due::execution(self.execution_id, self.due_at);
        let (set, remove, limit) = if self.limited {
            (", #admitted_until = :zero", "", "attribute_exists(#policy.#max_concurrency)")
        } else {
            ("", ", #admitted_until", "attribute_not_exists(#policy.#max_concurrency)")
        };
        let update = format!(
            "SET #status = :redriving, #generation = :generation, #redrive = :selection, #started_at = :now, \
             #due_at = :due, #due_shard = :shard{set} \
             REMOVE #finished_at, #stopped, #first_failure, #notifications, #in_flight{remove}"
        );
        let condition = format!(
            "#generation = :last AND #published_generation = :last AND attribute_exists(#sealed_at) \
             AND attribute_not_exists(#step_cursor) \
             AND #status IN (:succeeded, :failed, :cancelled) AND {limit}"
        );
        let write = Update::new(update, condition)
            .text("redriving", ExecutionStatus::Redriving.as_str())
            .text("succeeded", ExecutionStatus::Succeeded.as_str())
            .text("failed", ExecutionStatus::Failed.as_str())
            .text("cancelled", ExecutionStatus::Cancelled.as_str())
            .text("shard", String::from(due.due_shard))
            .value("selection", to_attribute(&self.selection)?)
            .number("generation", self.generation)
            .number("last", self.generation.saturating_sub(1))
            .number("now", self.now.as_millis())
            .number("due", due.due_at.as_millis());
        Ok(if self.limited { write.number("zero", 0) } else { write })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{at, execution_id, failed_and_published, sealed};

    fn redrive() -> BeginRedrive {
        let selection = Selection::unsuccessful();
        let (execution_id, now, due_at) = (execution_id(), at(90), at(150));
        BeginRedrive { execution_id, generation: 2, selection, limited: false, now, due_at }
    }

    #[test]
    fn a_generation_begins_once_and_only_after_the_event_of_the_last() {
        assert_eq!(redrive().apply(&mut sealed(1)), BeginRedriveOutcome::NotComplete(ExecutionStatus::Running));
        let mut unpublished = failed_and_published(1);
        if let Some(row) = &mut unpublished {
            row.published_generation = 0;
        }
        assert_eq!(redrive().apply(&mut unpublished), BeginRedriveOutcome::NotPublished);

        let mut execution = failed_and_published(1);
        assert!(matches!(redrive().apply(&mut execution), BeginRedriveOutcome::Begun(_)));
        assert!(matches!(redrive().apply(&mut execution), BeginRedriveOutcome::AlreadyBegun(_)));
        let row = execution.unwrap();
        assert_eq!((row.status, row.generation, row.finished_at), (ExecutionStatus::Redriving, 2, None));
    }

    #[test]
    fn an_execution_that_was_never_sealed_is_not_redriven() {
        let mut execution = failed_and_published(1);
        if let Some(row) = &mut execution {
            row.sealed_at = None;
        }
        assert_eq!(redrive().apply(&mut execution), BeginRedriveOutcome::NotSealed);
    }

    #[test]
    fn a_late_repeat_does_not_begin_another_generation() {
        let mut execution = failed_and_published(1);
        if let Some(row) = &mut execution {
            (row.generation, row.published_generation) = (2, 2);
        }
        assert_eq!(redrive().apply(&mut execution), BeginRedriveOutcome::Stale { generation: 2 });
        assert_eq!(redrive().apply(&mut None), BeginRedriveOutcome::Missing);
    }
}
