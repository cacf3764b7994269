//! Defer retry: the sweeper has put the record of a due retry, or a lost record of a first attempt again. The segment stays in the due
//! index, among those whose record was put, in case that record is lost.

use crate::clock::Timestamp;
use crate::id::SegmentId;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, Due, RowKey, SegmentRow, SegmentStatus};

/// Moves a pending segment to [`crate::rows::DueKind::Record`]. Needs the due moment that the caller saw, so that of two sweepers one writes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct DeferRetry {
    pub segment: SegmentId,
    /// The generation in which the segment waits.
    pub generation: u32,
    /// The due moment of the segment when the caller read it; `None` if it was not in the due index.
    pub seen_due_at: Option<Timestamp>,
    /// The moment of the put, or a later one: the record is put again if the stream was read past it and no worker has claimed the
    /// segment.
    pub due_at: Timestamp,
}

/// Outcomes of [`DeferRetry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeferRetryOutcome {
    /// The segment is due at the new moment.
    Deferred,
    /// The segment does not wait with that due moment: a worker or another sweeper was faster, or it does not exist.
    Moved,
}

impl Operation for DeferRetry {
    type Rows = Option<SegmentRow>;
    type Outcome = DeferRetryOutcome;

    const NAME: &'static str = "defer retry";

    fn subject(&self) -> String {
        self.segment.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Segment(self.segment)]
    }

    fn apply(&self, row: &mut Self::Rows) -> Self::Outcome {
        let waits = |row: &&mut SegmentRow| {
            row.status == SegmentStatus::Pending
                && row.generation == self.generation
                && row.due.map(|due| due.due_at) == self.seen_due_at
        };
        match row.as_mut().filter(waits) {
            Some(row) => {
                row.due = Some(self.due());
                row.retry_puts += 1;
                DeferRetryOutcome::Deferred
            }
            None => DeferRetryOutcome::Moved,
        }
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::Update(self.update()))
    }
}

impl DeferRetry {
    fn due(&self) -> Due {
        Due::record(self.segment, self.due_at)
    }

    fn update(&self) -> Update {
        let is_as_seen = if self.seen_due_at.is_some() { "#due_at = :seen" } else { "attribute_not_exists(#due_at)" };
        let update = Update::new(
            "SET #due_at = :due, #due_shard = :shard ADD #retry_puts :one",
            format!("#status = :pending AND #generation = :generation AND {is_as_seen}"),
        )
        .text("pending", SegmentStatus::Pending.as_str())
        .text("shard", self.due().due_shard)
        .number("one", 1)
        .number("due", self.due_at.as_millis())
        .number("generation", self.generation);
        match self.seen_due_at {
            Some(seen) => update.number("seen", seen.as_millis()),
            None => update,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{at, running, segment};

    #[test]
    fn only_a_segment_that_still_waits_with_that_moment_is_deferred() {
        let defer = DeferRetry { segment: segment(1), generation: 1, seen_due_at: Some(at(10)), due_at: at(90) };
        assert_eq!(defer.apply(&mut running(1)), DeferRetryOutcome::Moved);

        let mut row = running(1);
        if let Some(row) = &mut row {
            (row.status, row.due) = (SegmentStatus::Pending, Some(Due::retry(segment(1), at(10))));
        }
        assert_eq!(defer.apply(&mut row), DeferRetryOutcome::Deferred);
        assert_eq!(defer.apply(&mut row), DeferRetryOutcome::Moved);
        assert_eq!(row.unwrap().due.unwrap().due_at, at(90));
    }

    #[test]
    fn a_segment_that_is_not_due_is_deferred_once() {
        let defer = DeferRetry { segment: segment(1), generation: 1, seen_due_at: None, due_at: at(90) };
        let mut row = running(1);
        if let Some(row) = &mut row {
            row.status = SegmentStatus::Pending;
        }
        assert_eq!(defer.apply(&mut row), DeferRetryOutcome::Deferred);
        assert_eq!(defer.apply(&mut row), DeferRetryOutcome::Moved);
        let row = row.unwrap();
        assert_eq!((row.due, row.retry_puts), (Some(Due::record(segment(1), at(90))), 1));
    }
}
