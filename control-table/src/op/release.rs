//! **release**: the worker that holds this attempt is known to be gone, so its lease ends now.
//!
//! Only the local runner knows such a thing: its data directory's lock proves that no worker of an earlier process lives.

use aws_sdk_dynamodb::types::ReturnValue;

use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::SegmentId;
use crate::item::{SegmentRow, SegmentStatus};
use crate::table::{About, ControlTable, Write, Written};

/// Ends the lease of one attempt.
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
                row.lease_until = Some(Timestamp::EPOCH);
                ReleaseOutcome::Released
            }
            None => ReleaseOutcome::NotRunning,
        }
    }

    fn write(&self) -> Write {
        Write::new(
            "SET #lease_until = :epoch",
            "#status = :running AND #generation = :generation AND #attempt = :attempt",
        )
        .text("running", SegmentStatus::Running.as_str())
        .number("epoch", Timestamp::EPOCH.as_millis())
        .number("generation", self.generation)
        .number("attempt", self.attempt)
    }
}

impl ControlTable {
    /// Ends the lease of one attempt.
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
                    outcome => Ok(outcome),
                }
            }
        }
    }
}
