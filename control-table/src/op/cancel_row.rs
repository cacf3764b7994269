//! **cancel, row**: a segment without an outcome will not be done. A worker that has it is fenced off: its finish finds the
//! row no longer running.

use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::SegmentId;
use crate::item::{SegmentRow, SegmentStatus};
use crate::table::{About, ControlTable, Decided, Write};

/// Cancels one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelRow {
    /// The segment.
    pub segment: SegmentId,
    /// The generation that is stopped.
    pub generation: u32,
    /// The present moment.
    pub now: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub enum CancelRowOutcome {
    /// Cancelled, now.
    Cancelled(Box<SegmentRow>),
    /// It has its outcome; the row, so that the tally can be made sure of.
    AlreadyFinished(Box<SegmentRow>),
    /// The row is of another generation.
    Stale {
        /// Which one.
        generation: u32,
    },
    /// There is no such segment.
    Missing,
}

impl CancelRow {
    /// What it means.
    pub fn apply(&self, row: &mut Option<SegmentRow>) -> CancelRowOutcome {
        let Some(row) = row else { return CancelRowOutcome::Missing };
        if row.status.is_terminal() {
            return CancelRowOutcome::AlreadyFinished(Box::new(row.clone()));
        }
        if row.generation != self.generation {
            return CancelRowOutcome::Stale { generation: row.generation };
        }
        row.status = SegmentStatus::Cancelled;
        row.finished_at = Some(self.now);
        row.lease_until = None;
        row.retry_at = None;
        row.due = None;
        CancelRowOutcome::Cancelled(Box::new(row.clone()))
    }

    fn write(&self) -> Write {
        Write::new(
            "SET #status = :cancelled, #finished_at = :now REMOVE #lease_until, #retry_at, #due_shard, #due_at",
            "#generation = :generation AND #status IN (:pending, :running)",
        )
        .text("cancelled", SegmentStatus::Cancelled.as_str())
        .text("pending", SegmentStatus::Pending.as_str())
        .text("running", SegmentStatus::Running.as_str())
        .number("now", self.now.as_millis())
        .number("generation", self.generation)
    }
}

impl ControlTable {
    /// Cancels one segment.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn cancel_row(&self, request: &CancelRow) -> Result<CancelRowOutcome, Error> {
        let about = About { operation: "cancel segment", subject: &request.segment };
        let key = SegmentRow::key_of(request.segment);
        match self.decide(about, key, request.write(), |row| request.apply(row)).await? {
            Decided::Applied(row) => Ok(CancelRowOutcome::Cancelled(row)),
            Decided::Refused(outcome) => Ok(outcome),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{at, running, segment};
    use crate::op::{Ending, Finish, FinishOutcome};

    #[test]
    fn the_worker_of_a_cancelled_segment_is_fenced_off() {
        let mut row = running(3);
        let cancel = CancelRow { segment: segment(3), generation: 1, now: at(9) };
        assert!(matches!(cancel.apply(&mut row), CancelRowOutcome::Cancelled(_)));
        let ending = Ending::Succeeded { counts: crate::item::Counts::default(), result: None };
        let finish = Finish { segment: segment(3), generation: 1, attempt: 1, now: at(10), ending };
        assert!(matches!(finish.apply(&mut row), FinishOutcome::Lost(_)));
        assert!(matches!(cancel.apply(&mut row), CancelRowOutcome::AlreadyFinished(_)));
    }

    #[test]
    fn a_row_of_a_later_generation_is_not_cancelled() {
        let mut row = running(3);
        if let Some(row) = &mut row {
            row.generation = 2;
        }
        let cancel = CancelRow { segment: segment(3), generation: 1, now: at(9) };
        assert_eq!(cancel.apply(&mut row), CancelRowOutcome::Stale { generation: 2 });
        assert_eq!(cancel.apply(&mut None), CancelRowOutcome::Missing);
    }
}
