//! **redrive, begin**: a complete execution whose event is out goes into its next generation.
//!
//! What is to be put back is kept on the execution, so that whoever finds the redrive interrupted goes on with it. Then, group
//! by group: [`super::Unfold`], [`super::PutBack`] for each row, records; and at the end [`super::EndRedrive`].

use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::ExecutionId;
use crate::item::{Due, ExecutionRow, ExecutionStatus, Selection};
use crate::table::{About, ControlTable, Decided, Write};

/// Begins a redrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeginRedrive {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The generation that begins: one more than the one whose event is out.
    pub generation: u32,
    /// What is put back.
    pub selection: Selection,
    /// Whether the policy, as it was read, limits the segments in flight.
    pub limited: bool,
    /// The present moment.
    pub now: Timestamp,
    /// When the sweeper should look whether whoever redrives it is still alive.
    pub due_at: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BeginRedriveOutcome {
    /// The execution is in its next generation.
    Begun(Box<ExecutionRow>),
    /// This redrive has begun before: by somebody else, or by a first try whose answer was lost. The row has its selection.
    AlreadyBegun(Box<ExecutionRow>),
    /// The last generation is not complete.
    NotComplete(ExecutionStatus),
    /// The last generation is complete, and its event is not marked as published yet.
    NotPublished,
    /// It was stopped before all its segments were added: what is missing cannot be put back.
    NotSealed,
    /// The execution is in another generation.
    Stale {
        /// Which one.
        generation: u32,
    },
    /// The limit of segments in flight was set or taken away since the policy was read.
    PolicyChanged,
    /// There is no such execution.
    Missing,
}

impl BeginRedrive {
    /// What it means.
    pub fn apply(&self, execution: &mut Option<ExecutionRow>) -> BeginRedriveOutcome {
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
        if row.policy.max_concurrency.is_some() != self.limited {
            return BeginRedriveOutcome::PolicyChanged;
        }
        self.begin(row);
        BeginRedriveOutcome::Begun(Box::new(row.clone()))
    }

    fn begin(&self, row: &mut ExecutionRow) {
        row.status = ExecutionStatus::Redriving;
        row.generation = self.generation;
        row.redrive = Some(self.selection.clone());
        row.started_at = self.now;
        row.finished_at = None;
        row.stopped = None;
        row.first_failure = None;
        row.notices.clear();
        row.handed_out = self.limited.then_some(0);
        row.in_flight.clear();
        row.due = Some(Due::execution(self.execution_id, self.due_at));
    }

    fn write(&self, about: About<'_>) -> Result<Write, Error> {
        let due = Due::execution(self.execution_id, self.due_at);
        let (handed_out, no_longer, limit) = if self.limited {
            (", #handed_out = :zero", "", "attribute_exists(#policy.#max_concurrency)")
        } else {
            ("", ", #handed_out", "attribute_not_exists(#policy.#max_concurrency)")
        };
        let update = format!(
            "SET #status = :redriving, #generation = :generation, #redrive = :selection, #started_at = :now, \
             #due_at = :due, #due_shard = :shard{handed_out} \
             REMOVE #finished_at, #stopped, #first_failure, #notices, #in_flight{no_longer}"
        );
        let condition = format!(
            "#generation = :last AND #published_generation = :last AND attribute_exists(#sealed_at) \
             AND #status IN (:succeeded, :failed, :cancelled) AND {limit}"
        );
        let write = Write::new(update, condition)
            .text("redriving", ExecutionStatus::Redriving.as_str())
            .text("succeeded", ExecutionStatus::Succeeded.as_str())
            .text("failed", ExecutionStatus::Failed.as_str())
            .text("cancelled", ExecutionStatus::Cancelled.as_str())
            .text("shard", String::from(due.due_shard))
            .value("selection", about.spell(&self.selection)?)
            .number("generation", self.generation)
            .number("last", self.generation.saturating_sub(1))
            .number("now", self.now.as_millis())
            .number("due", due.due_at.as_millis());
        Ok(if self.limited { write.number("zero", 0) } else { write })
    }
}

impl ControlTable {
    /// Begins a redrive.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn begin_redrive(&self, request: &BeginRedrive) -> Result<BeginRedriveOutcome, Error> {
        let about = About { operation: "begin redrive", subject: &request.execution_id };
        let key = ExecutionRow::key_of(request.execution_id);
        match self.decide(about, key, request.write(about)?, |row| request.apply(row)).await? {
            Decided::Applied(row) => Ok(BeginRedriveOutcome::Begun(row)),
            Decided::Refused(outcome) => Ok(outcome),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{at, execution_id, failed_and_published, sealed};

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
    fn what_was_never_sealed_is_not_redriven() {
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
