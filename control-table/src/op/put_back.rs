//! **redrive, put back**: a segment that failed, or was cancelled, waits for a worker again, in the new generation. Only after
//! its group was un-folded.

use crate::error::Error;
use crate::id::SegmentId;
use crate::item::{Counts, SegmentRow, SegmentStatus};
use crate::table::{About, ControlTable, Decided, Write};

/// Puts one segment back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutBack {
    /// The segment.
    pub segment: SegmentId,
    /// The generation of the redrive.
    pub generation: u32,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub enum PutBackOutcome {
    /// It waits for a worker.
    PutBack(Box<SegmentRow>),
    /// It was put back before; the row as it is by now.
    AlreadyPutBack(Box<SegmentRow>),
    /// It neither failed nor was cancelled.
    NotUnsuccessful(SegmentStatus),
    /// There is no such segment.
    Missing,
}

impl PutBack {
    /// What it means.
    pub fn apply(&self, row: &mut Option<SegmentRow>) -> PutBackOutcome {
        let Some(row) = row else { return PutBackOutcome::Missing };
        if row.generation >= self.generation {
            return PutBackOutcome::AlreadyPutBack(Box::new(row.clone()));
        }
        if !matches!(row.status, SegmentStatus::Failed | SegmentStatus::Cancelled) {
            return PutBackOutcome::NotUnsuccessful(row.status);
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
        PutBackOutcome::PutBack(Box::new(row.clone()))
    }

    /// Counters of the user's are not among what is removed: only a segment that succeeded has any.
    fn write(&self) -> Write {
        Write::new(
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

impl ControlTable {
    /// Puts one segment back.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn put_back(&self, request: &PutBack) -> Result<PutBackOutcome, Error> {
        let about = About { operation: "put back", subject: &request.segment };
        let key = SegmentRow::key_of(request.segment);
        match self.decide(about, key, request.write(), |row| request.apply(row)).await? {
            Decided::Applied(row) => Ok(PutBackOutcome::PutBack(row)),
            Decided::Refused(outcome) => Ok(outcome),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{running, segment};

    fn put_back() -> PutBack {
        PutBack { segment: segment(3), generation: 2 }
    }

    #[test]
    fn a_failed_segment_gets_all_its_attempts_again_and_once() {
        let mut row = running(3);
        if let Some(row) = &mut row {
            (row.status, row.attempt, row.counts.duration_ms) = (SegmentStatus::Failed, 3, 9);
        }
        let PutBackOutcome::PutBack(back) = put_back().apply(&mut row) else { panic!("{row:?}") };
        assert_eq!((back.status, back.generation, back.attempt), (SegmentStatus::Pending, 2, 0));
        assert_eq!(back.counts, Counts::default());
        assert_eq!(put_back().apply(&mut row), PutBackOutcome::AlreadyPutBack(back));
    }

    #[test]
    fn what_succeeded_or_still_runs_stays_as_it_is() {
        for status in [SegmentStatus::Succeeded, SegmentStatus::Running, SegmentStatus::Pending] {
            let mut row = running(3);
            if let Some(row) = &mut row {
                row.status = status;
            }
            let before = row.clone();
            assert_eq!(put_back().apply(&mut row), PutBackOutcome::NotUnsuccessful(status));
            assert_eq!(row, before);
        }
        assert_eq!(put_back().apply(&mut None), PutBackOutcome::Missing);
    }
}
