//! Cancel segment: a segment without an outcome will not be processed. A worker that holds it is fenced off: its `Finish` is
//! refused.

use crate::clock::Timestamp;
use crate::id::SegmentId;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, RowKey, SegmentRow, SegmentStatus};

/// Cancels a segment: `PENDING | RUNNING -> CANCELLED`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct CancelSegment {
    pub segment: SegmentId,
    /// The generation that is being stopped.
    pub generation: u32,
    pub now: Timestamp,
}

/// Outcomes of [`CancelSegment`]; only `Cancelled` changes the row.
#[derive(Debug, Clone, PartialEq)]
pub enum CancelSegmentOutcome {
    /// Cancelled now.
    Cancelled(Box<SegmentRow>),
    /// The segment has an outcome; its row, with which the caller makes sure that it is counted.
    AlreadyFinished(Box<SegmentRow>),
    /// The segment is in another generation.
    Stale {
        /// The generation of the segment.
        generation: u32,
    },
    /// There is no such segment.
    Missing,
}

impl Operation for CancelSegment {
    type Rows = Option<SegmentRow>;
    type Outcome = CancelSegmentOutcome;

    const NAME: &'static str = "cancel segment";

    fn subject(&self) -> String {
        self.segment.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Segment(self.segment)]
    }

    fn apply(&self, row: &mut Self::Rows) -> Self::Outcome {
        let Some(row) = row else { return CancelSegmentOutcome::Missing };
        if row.status.is_terminal() {
            return CancelSegmentOutcome::AlreadyFinished(Box::new(row.clone()));
        }
        if row.generation != self.generation {
            return CancelSegmentOutcome::Stale { generation: row.generation };
        }
        row.status = SegmentStatus::Cancelled;
        row.finished_at = Some(self.now);
        row.lease_until = None;
        row.retry_at = None;
        row.retry_puts = 0;
        row.due = None;
        CancelSegmentOutcome::Cancelled(Box::new(row.clone()))
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::Update(self.update()))
    }
}

impl CancelSegment {
    fn update(&self) -> Update {
        Update::new(
            "SET #status = :cancelled, #finished_at = :now REMOVE #lease_until, #retry_at, #retry_puts, #due_shard, #due_at",
            "#generation = :generation AND #status IN (:pending, :running)",
        )
        .text("cancelled", SegmentStatus::Cancelled.as_str())
        .text("pending", SegmentStatus::Pending.as_str())
        .text("running", SegmentStatus::Running.as_str())
        .number("now", self.now.as_millis())
        .number("generation", self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{at, running, segment};
    use crate::operation::{Ending, Finish, FinishOutcome};

    #[test]
    fn the_worker_of_a_cancelled_segment_is_fenced_off() {
        let mut row = running(3);
        let cancel = CancelSegment { segment: segment(3), generation: 1, now: at(9) };
        assert!(matches!(cancel.apply(&mut row), CancelSegmentOutcome::Cancelled(_)));
        let ending = Ending::Succeeded { counts: crate::rows::Counts::default(), result: None };
        let finish =
            Finish { segment: segment(3), generation: 1, attempt: 1, now: at(10), ending, failures: Vec::new() };
        assert!(matches!(finish.apply(&mut row), FinishOutcome::Lost(_)));
        assert!(matches!(cancel.apply(&mut row), CancelSegmentOutcome::AlreadyFinished(_)));
    }

    #[test]
    fn a_segment_of_a_later_generation_is_not_cancelled() {
        let mut row = running(3);
        if let Some(row) = &mut row {
            row.generation = 2;
        }
        let cancel = CancelSegment { segment: segment(3), generation: 1, now: at(9) };
        assert_eq!(cancel.apply(&mut row), CancelSegmentOutcome::Stale { generation: 2 });
        assert_eq!(cancel.apply(&mut None), CancelSegmentOutcome::Missing);
    }
}
