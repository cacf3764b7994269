//! Flag first failure: the first failed segment of an execution is stored on it and makes it due, so that the sweeper
//! compares the failures with the tolerance; an event about it has to be published.
//!
//! A worker sends it only for the first failure of a group. If it did for every failure, an execution whose million segments all
//! fail would write its one item a million times.

use crate::clock::Timestamp;
use crate::id::SegmentId;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, Due, ExecutionRow, Notification, RowKey};

/// Stores a failed segment on its execution, if it is the first in this generation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct FlagFirstFailure {
    pub segment: SegmentId,
    /// The generation in which the segment failed.
    pub generation: u32,
    /// When the sweeper checks the execution.
    pub due_at: Timestamp,
}

/// Outcomes of [`FlagFirstFailure`]; only `First` changes the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlagFirstFailureOutcome {
    /// The segment is the first of this generation.
    First,
    /// Another segment failed before.
    Later,
    /// The execution is complete, in another generation, or does not exist.
    Stale,
}

impl Operation for FlagFirstFailure {
    type Rows = Option<ExecutionRow>;
    type Outcome = FlagFirstFailureOutcome;

    const NAME: &'static str = "flag first failure";

    fn subject(&self) -> String {
        self.segment.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Execution(self.segment.execution_id)]
    }

    fn apply(&self, execution: &mut Self::Rows) -> Self::Outcome {
        let is_open = |row: &&mut ExecutionRow| row.generation == self.generation && !row.status.is_terminal();
        let Some(row) = execution.as_mut().filter(is_open) else { return FlagFirstFailureOutcome::Stale };
        if row.first_failure.is_some() {
            return FlagFirstFailureOutcome::Later;
        }
        row.first_failure = Some(self.segment.index);
        row.notifications.insert(Notification::FirstFailure);
        row.due = Some(Due::execution(row.execution_id, self.due_at));
        FlagFirstFailureOutcome::First
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::Update(self.update()))
    }
}

impl FlagFirstFailure {
    fn update(&self) -> Update {
        let due = Due::execution(self.segment.execution_id, self.due_at);
        Update::new(
            "SET #first_failure = :index, #due_at = :due, #due_shard = :shard ADD #notifications :notification",
            "#generation = :generation AND attribute_not_exists(#first_failure) \
             AND attribute_not_exists(#finished_at)",
        )
        .value("notification", Notification::FirstFailure.set())
        .text("shard", String::from(due.due_shard))
        .number("index", self.segment.index)
        .number("due", due.due_at.as_millis())
        .number("generation", self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{at, failed_and_published, sealed, segment};

    #[test]
    fn the_first_failure_is_kept_and_asks_for_an_event() {
        let mut execution = sealed(1);
        let flag = |index| FlagFirstFailure { segment: segment(index), generation: 1, due_at: at(9) };
        assert_eq!(flag(7).apply(&mut execution), FlagFirstFailureOutcome::First);
        assert_eq!(flag(3).apply(&mut execution), FlagFirstFailureOutcome::Later);
        let row = execution.unwrap();
        assert_eq!((row.first_failure, row.due.unwrap().due_at), (Some(7), at(9)));
        assert!(row.notifications.contains(&Notification::FirstFailure));
        assert_eq!(flag(3).apply(&mut failed_and_published(1)), FlagFirstFailureOutcome::Stale);
    }
}
