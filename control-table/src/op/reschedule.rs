//! **reschedule**: a retry's record was put again; the row stays in the due index, later, in case that record is lost too.

use aws_sdk_dynamodb::types::ReturnValue;

use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::SegmentId;
use crate::item::{Due, SegmentRow, SegmentStatus};
use crate::table::{About, ControlTable, Write, Written};

/// Moves a waiting segment's place in the due index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reschedule {
    /// The segment.
    pub segment: SegmentId,
    /// The generation it waits in.
    pub generation: u32,
    /// Where it was seen in the index.
    pub seen_due_at: Timestamp,
    /// Where it is to be.
    pub due_at: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RescheduleOutcome {
    /// Moved.
    Rescheduled,
    /// It does not wait there any more: a worker or another sweeper was faster.
    Moved,
}

impl Reschedule {
    /// What it means.
    pub fn apply(&self, row: &mut Option<SegmentRow>) -> RescheduleOutcome {
        let waits = |row: &&mut SegmentRow| {
            row.status == SegmentStatus::Pending
                && row.generation == self.generation
                && row.due.is_some_and(|due| due.due_at == self.seen_due_at)
        };
        match row.as_mut().filter(waits) {
            Some(row) => {
                row.due = Some(Due::segment(self.segment, self.due_at));
                RescheduleOutcome::Rescheduled
            }
            None => RescheduleOutcome::Moved,
        }
    }

    fn write(&self) -> Write {
        Write::new("SET #due_at = :due", "#status = :pending AND #generation = :generation AND #due_at = :seen")
            .text("pending", SegmentStatus::Pending.as_str())
            .number("due", self.due_at.as_millis())
            .number("seen", self.seen_due_at.as_millis())
            .number("generation", self.generation)
    }
}

impl ControlTable {
    /// Moves a waiting segment's place in the due index.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn reschedule(&self, request: &Reschedule) -> Result<RescheduleOutcome, Error> {
        let about = About { operation: "reschedule", subject: &request.segment };
        let key = SegmentRow::key_of(request.segment);
        match self.update(about, key, request.write(), ReturnValue::None).await? {
            Written::Applied(_) => Ok(RescheduleOutcome::Rescheduled),
            Written::Refused(item) => {
                let mut row = item.map(|item| about.read(item)).transpose()?;
                match request.apply(&mut row) {
                    RescheduleOutcome::Rescheduled => Err(about.disagreement()),
                    outcome @ RescheduleOutcome::Moved => Ok(outcome),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{at, running, segment};

    #[test]
    fn only_a_segment_that_still_waits_there_is_moved() {
        let reschedule = Reschedule { segment: segment(1), generation: 1, seen_due_at: at(10), due_at: at(90) };
        assert_eq!(reschedule.apply(&mut running(1)), RescheduleOutcome::Moved);

        let mut row = running(1);
        if let Some(row) = &mut row {
            (row.status, row.due) = (SegmentStatus::Pending, Some(Due::segment(segment(1), at(10))));
        }
        assert_eq!(reschedule.apply(&mut row), RescheduleOutcome::Rescheduled);
        assert_eq!(reschedule.apply(&mut row), RescheduleOutcome::Moved);
        assert_eq!(row.unwrap().due.unwrap().due_at, at(90));
    }
}
