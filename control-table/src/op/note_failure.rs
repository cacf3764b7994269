//! **note failure**: the first failed segment of a group makes its execution due, so that somebody looks whether there are more
//! failures than tolerated; the first of the execution is kept, and an event about it is to be published.
//!
//! Not for every failure: a run whose million segments all fail would write its one execution item a million times.

use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::SegmentId;
use crate::item::{Due, ExecutionRow, Notice};
use crate::table::{About, ControlTable, Decided, Write};

/// Tells an execution of a failed segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteFailure {
    /// The segment.
    pub segment: SegmentId,
    /// The generation it failed in.
    pub generation: u32,
    /// When the sweeper should look at the execution.
    pub due_at: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoteFailureOutcome {
    /// It is the first of its execution, in this generation.
    First,
    /// There were others before.
    Later,
    /// The execution is complete, in another generation, or gone.
    Stale,
}

impl NoteFailure {
    /// What it means.
    pub fn apply(&self, execution: &mut Option<ExecutionRow>) -> NoteFailureOutcome {
        let is_open = |row: &&mut ExecutionRow| row.generation == self.generation && !row.status.is_terminal();
        let Some(row) = execution.as_mut().filter(is_open) else { return NoteFailureOutcome::Stale };
        if row.first_failure.is_some() {
            return NoteFailureOutcome::Later;
        }
        row.first_failure = Some(self.segment.index);
        row.notices.insert(Notice::FirstFailure);
        row.due = Some(Due::execution(row.execution_id, self.due_at));
        NoteFailureOutcome::First
    }

    fn write(&self) -> Write {
        let due = Due::execution(self.segment.execution_id, self.due_at);
        Write::new(
            "SET #first_failure = :index, #due_at = :due, #due_shard = :shard ADD #notices :notice",
            "#generation = :generation AND attribute_not_exists(#first_failure) \
             AND attribute_not_exists(#finished_at)",
        )
        .value("notice", Notice::FirstFailure.set())
        .text("shard", String::from(due.due_shard))
        .number("index", self.segment.index)
        .number("due", due.due_at.as_millis())
        .number("generation", self.generation)
    }
}

impl ControlTable {
    /// Tells an execution of a failed segment.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn note_failure(&self, request: &NoteFailure) -> Result<NoteFailureOutcome, Error> {
        let about = About { operation: "note failure", subject: &request.segment };
        let key = ExecutionRow::key_of(request.segment.execution_id);
        match self.decide(about, key, request.write(), |row| request.apply(row)).await? {
            Decided::Applied(_) => Ok(NoteFailureOutcome::First),
            Decided::Refused(outcome) => Ok(outcome),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{at, failed_and_published, sealed, segment};

    #[test]
    fn the_first_failure_is_kept_and_is_news() {
        let mut execution = sealed(1);
        let note = |index| NoteFailure { segment: segment(index), generation: 1, due_at: at(9) };
        assert_eq!(note(7).apply(&mut execution), NoteFailureOutcome::First);
        assert_eq!(note(3).apply(&mut execution), NoteFailureOutcome::Later);
        let row = execution.unwrap();
        assert_eq!((row.first_failure, row.due.unwrap().due_at), (Some(7), at(9)));
        assert!(row.notices.contains(&Notice::FirstFailure));
        assert_eq!(note(3).apply(&mut failed_and_published(1)), NoteFailureOutcome::Stale);
    }
}
