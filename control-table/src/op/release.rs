//! **release**: the worker that holds this attempt is known to be gone, so the segment waits for another at once.
//!
//! Only the local runner knows such a thing: its data directory's lock proves that no worker of an earlier process lives.
//! The attempt stays counted, as the fencing token it is; but a segment that was released gets another one even after its
//! last, because a process that was killed says nothing about the segment.

use aws_sdk_dynamodb::types::ReturnValue;

use crate::error::Error;
use crate::id::SegmentId;
use crate::item::{SegmentRow, SegmentStatus};
use crate::table::{About, ControlTable, Write, Written};

/// Takes one attempt back from a worker that is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The segment.
    pub segment: SegmentId,
    /// The generation of the attempt.
    pub generation: u32,
    /// The attempt.
    pub attempt: u32,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseOutcome {
    /// The next claim takes the segment.
    Released,
    /// That attempt is not running any more.
    NotRunning,
}

impl Release {
    /// What it means.
    pub fn apply(&self, row: &mut Option<SegmentRow>) -> ReleaseOutcome {
        let is_running = |row: &&mut SegmentRow| {
            row.status == SegmentStatus::Running && row.generation == self.generation && row.attempt == self.attempt
        };
        match row.as_mut().filter(is_running) {
            Some(row) => {
                row.status = SegmentStatus::Pending;
                row.lease_until = None;
                ReleaseOutcome::Released
            }
            None => ReleaseOutcome::NotRunning,
        }
    }

    fn write(&self) -> Write {
        Write::new(
            "SET #status = :pending REMOVE #lease_until",
            "#status = :running AND #generation = :generation AND #attempt = :attempt",
        )
        .text("running", SegmentStatus::Running.as_str())
        .text("pending", SegmentStatus::Pending.as_str())
        .number("generation", self.generation)
        .number("attempt", self.attempt)
    }
}

impl ControlTable {
    /// Takes one attempt back from a worker that is gone.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn release(&self, request: &Release) -> Result<ReleaseOutcome, Error> {
        let about = About { operation: "release", subject: &request.segment };
        let key = SegmentRow::key_of(request.segment);
        match self.update(about, key, request.write(), ReturnValue::None).await? {
            Written::Applied(_) => Ok(ReleaseOutcome::Released),
            Written::Refused(item) => {
                let mut row = item.map(|item| about.read(item)).transpose()?;
                match request.apply(&mut row) {
                    ReleaseOutcome::Released => Err(about.disagreement()),
                    outcome @ ReleaseOutcome::NotRunning => Ok(outcome),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{at, running, segment};
    use crate::op::{Claim, ClaimOutcome};

    #[test]
    fn a_released_segment_gets_another_attempt_even_after_its_last() {
        let mut row = running(3);
        let release = Release { segment: segment(3), generation: 1, attempt: 1 };
        assert_eq!(release.apply(&mut row), ReleaseOutcome::Released);
        assert_eq!(release.apply(&mut row), ReleaseOutcome::NotRunning);
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
    fn an_attempt_that_is_over_is_not_released() {
        let mut row = running(3);
        let other = Release { segment: segment(3), generation: 1, attempt: 2 };
        assert_eq!(other.apply(&mut row), ReleaseOutcome::NotRunning);
        assert_eq!(row, running(3));
    }
}
