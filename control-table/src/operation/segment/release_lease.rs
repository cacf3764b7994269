//! Release lease: the worker of an attempt is known to be dead, so another worker may claim the segment at once.
//!
//! Only the local system knows such a thing: the lock of its data directory proves that no worker of an earlier process
//! lives. The attempt stays counted, since it is the fencing token; but the segment gets another attempt even after its
//! last, because the death of a process says nothing about the segment.

use crate::id::SegmentId;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, RowKey, SegmentRow, SegmentStatus};

/// Ends the lease of a dead worker: `RUNNING -> PENDING`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ReleaseLease {
    pub segment: SegmentId,
    /// The generation of that worker's claim.
    pub generation: u32,
    /// The attempt of that worker's claim.
    pub attempt: u32,
}

/// Outcomes of [`ReleaseLease`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseLeaseOutcome {
    /// The segment waits for a worker.
    Released,
    /// That attempt is not running.
    NotRunning,
}

impl Operation for ReleaseLease {
    type Rows = Option<SegmentRow>;
    type Outcome = ReleaseLeaseOutcome;

    const NAME: &'static str = "release lease";

    fn subject(&self) -> String {
        self.segment.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Segment(self.segment)]
    }

    fn apply(&self, row: &mut Self::Rows) -> Self::Outcome {
        let is_running = |row: &&mut SegmentRow| {
            row.status == SegmentStatus::Running && row.generation == self.generation && row.attempt == self.attempt
        };
        match row.as_mut().filter(is_running) {
            Some(row) => {
                row.status = SegmentStatus::Pending;
                row.lease_until = None;
                ReleaseLeaseOutcome::Released
            }
            None => ReleaseLeaseOutcome::NotRunning,
        }
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::Update(self.update()))
    }
}

impl ReleaseLease {
    fn update(&self) -> Update {
        Update::new(
            "SET #status = :pending REMOVE #lease_until",
            "#status = :running AND #generation = :generation AND #attempt = :attempt",
        )
        .text("running", SegmentStatus::Running.as_str())
        .text("pending", SegmentStatus::Pending.as_str())
        .number("generation", self.generation)
        .number("attempt", self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{at, running, segment};
    use crate::operation::{Claim, ClaimOutcome};

    #[test]
    fn a_released_segment_gets_another_attempt_even_after_its_last() {
        let mut row = running(3);
        let release = ReleaseLease { segment: segment(3), generation: 1, attempt: 1 };
        assert_eq!(release.apply(&mut row), ReleaseLeaseOutcome::Released);
        assert_eq!(release.apply(&mut row), ReleaseLeaseOutcome::NotRunning);
        let claim = Claim {
            segment: segment(3),
            generation: 1,
            record: "r".to_owned(),
            claim_id: "c".to_owned(),
            max_attempts: 1,
            now: at(1),
            lease_until: at(50),
        };
        assert!(matches!(claim.apply(&mut row), ClaimOutcome::Claimed(row) if row.attempt == 2));
    }

    #[test]
    fn an_attempt_that_has_ended_is_not_released() {
        let mut row = running(3);
        let other = ReleaseLease { segment: segment(3), generation: 1, attempt: 2 };
        assert_eq!(other.apply(&mut row), ReleaseLeaseOutcome::NotRunning);
        assert_eq!(row, running(3));
    }
}
