//! Requeue segment: a segment that failed or was cancelled waits for a worker again, in the generation of a redrive. The
//! redrive sends it after the un-fold of the group.

use crate::id::SegmentId;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, Counts, RowKey, SegmentRow, SegmentStatus};

/// Requeues a segment: `FAILED | CANCELLED -> PENDING`, in a later generation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Requeue {
    pub segment: SegmentId,
    /// The generation of the redrive.
    pub generation: u32,
}

/// Outcomes of [`Requeue`]; only `Requeued` changes the row.
#[derive(Debug, Clone, PartialEq)]
pub enum RequeueOutcome {
    /// The segment waits for a worker now.
    Requeued(Box<SegmentRow>),
    /// The segment was in this generation, or a later one, before; its present row.
    AlreadyRequeued(Box<SegmentRow>),
    /// The segment has this status: it neither failed nor was cancelled.
    NotUnsuccessful(SegmentStatus),
    /// There is no such segment.
    Missing,
}

impl Operation for Requeue {
    type Rows = Option<SegmentRow>;
    type Outcome = RequeueOutcome;

    const NAME: &'static str = "requeue segment";

    fn subject(&self) -> String {
        self.segment.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Segment(self.segment)]
    }

    fn apply(&self, row: &mut Self::Rows) -> Self::Outcome {
        let Some(row) = row else { return RequeueOutcome::Missing };
        if row.generation >= self.generation {
            return RequeueOutcome::AlreadyRequeued(Box::new(row.clone()));
        }
        if !matches!(row.status, SegmentStatus::Failed | SegmentStatus::Cancelled) {
            return RequeueOutcome::NotUnsuccessful(row.status);
        }
        row.status = SegmentStatus::Pending;
        row.generation = self.generation;
        row.attempt = 0;
        row.counts = Counts { counters: row.counts.counters.clone(), ..Counts::default() };
        row.claimed_by = None;
        row.claim_id = None;
        row.lease_until = None;
        row.started_at = None;
        row.finished_at = None;
        row.result = None;
        row.error = None;
        RequeueOutcome::Requeued(Box::new(row.clone()))
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::Update(self.update()))
    }
}

impl Requeue {
    /// Counters need not be removed: only a segment that succeeded has any.
    fn update(&self) -> Update {
        Update::new(
            "SET #status = :pending, #generation = :generation, #attempt = :zero, #item_count = :zero, \
             #duration_ms = :zero \
             REMOVE #claimed_by, #claim_id, #lease_until, #started_at, #finished_at, #result, #error",
            "#generation < :generation AND #status IN (:failed, :cancelled)",
        )
        .text("pending", SegmentStatus::Pending.as_str())
        .text("failed", SegmentStatus::Failed.as_str())
        .text("cancelled", SegmentStatus::Cancelled.as_str())
        .number("generation", self.generation)
        .number("zero", 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{running, segment};

    fn requeue() -> Requeue {
        Requeue { segment: segment(3), generation: 2 }
    }

    #[test]
    fn a_failed_segment_gets_all_its_attempts_again_and_once() {
        let mut row = running(3);
        if let Some(row) = &mut row {
            (row.status, row.attempt, row.counts.duration_ms) = (SegmentStatus::Failed, 3, 9);
        }
        let RequeueOutcome::Requeued(back) = requeue().apply(&mut row) else { panic!("{row:?}") };
        assert_eq!((back.status, back.generation, back.attempt), (SegmentStatus::Pending, 2, 0));
        assert_eq!(back.counts, Counts::default());
        assert_eq!(requeue().apply(&mut row), RequeueOutcome::AlreadyRequeued(back));
    }

    #[test]
    fn a_segment_that_succeeded_or_is_not_finished_stays_as_it_is() {
        for status in [SegmentStatus::Succeeded, SegmentStatus::Running, SegmentStatus::Pending] {
            let mut row = running(3);
            if let Some(row) = &mut row {
                row.status = status;
            }
            let before = row.clone();
            assert_eq!(requeue().apply(&mut row), RequeueOutcome::NotUnsuccessful(status));
            assert_eq!(row, before);
        }
        assert_eq!(requeue().apply(&mut None), RequeueOutcome::Missing);
    }
}
