//! Acquire slots: the next segments of an execution with a limit of segments in flight get their slots.
//!
//! The caller puts their records after it, so a record is on the stream only for a segment that has a slot. If the caller dies in
//! between, the sweeper finds a slot without a record and puts the record.

use crate::id::ExecutionId;
use crate::limits::MAX_CONCURRENCY;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, ExecutionRow, ExecutionStatus, RowKey};

use super::release_slots::number_set;

/// Gives slots to segments: `SCATTERING` or `RUNNING` only.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AcquireSlots {
    pub execution_id: ExecutionId,
    /// The generation of the execution when the caller read it.
    pub generation: u32,
    /// `admitted_until` of the execution when the caller read it.
    pub seen: u64,
    /// The new `admitted_until`: one past the last of `segments`, or further if what follows needs no slot.
    pub next: u64,
    /// The policy's `max_concurrency` when the caller read it; `None` allows [`MAX_CONCURRENCY`].
    pub limit: Option<u32>,
    /// The segments that get a slot, each once, in order, none before `seen`. Empty if none up to `next` needs a slot.
    pub segments: Vec<u64>,
}

/// Outcomes of [`AcquireSlots`]; only `Admitted` changes the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcquireSlotsOutcome {
    /// All the segments have slots now; the row after the change.
    Admitted(Box<ExecutionRow>),
    /// There are not enough free slots for all of them; the present row.
    Full(Box<ExecutionRow>),
    /// `admitted_until` or the limit is not as it was seen; the present row. A retry of an update that was applied, and whose
    /// answer was lost, ends so too: the sweeper puts the records of those segments.
    Moved(Box<ExecutionRow>),
    /// No segment starts in this state of the execution.
    NotOpen(ExecutionStatus),
    /// The execution is in another generation.
    Stale {
        /// The generation of the execution.
        generation: u32,
    },
    /// There is no such execution.
    Missing,
}

impl Operation for AcquireSlots {
    type Rows = Option<ExecutionRow>;
    type Outcome = AcquireSlotsOutcome;

    const NAME: &'static str = "acquire slots";

    fn subject(&self) -> String {
        self.execution_id.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Execution(self.execution_id)]
    }

    fn apply(&self, execution: &mut Self::Rows) -> Self::Outcome {
        let Some(row) = execution else { return AcquireSlotsOutcome::Missing };
        if row.generation != self.generation {
            return AcquireSlotsOutcome::Stale { generation: row.generation };
        }
        if !matches!(row.status, ExecutionStatus::Scattering | ExecutionStatus::Running) {
            return AcquireSlotsOutcome::NotOpen(row.status);
        }
        if row.admitted_until != Some(self.seen) || row.policy.max_concurrency != self.limit {
            return AcquireSlotsOutcome::Moved(Box::new(row.clone()));
        }
        if !self.segments.is_empty() && row.in_flight.len() + self.segments.len() > self.slots() {
            return AcquireSlotsOutcome::Full(Box::new(row.clone()));
        }
        row.admitted_until = Some(self.next);
        row.in_flight.extend(&self.segments);
        AcquireSlotsOutcome::Admitted(Box::new(row.clone()))
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::Update(self.update()))
    }
}

impl AcquireSlots {
    /// Segments that may be in flight beside those of this request; negative if this request alone exceeds the limit.
    fn room(&self) -> i64 {
        let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
        count(self.slots()) - count(self.segments.len())
    }

    fn slots(&self) -> usize {
        slots(self.limit)
    }

    fn update(&self) -> Update {
        let mut update = "SET #admitted_until = :next".to_owned();
        let mut condition =
            "#generation = :generation AND #status IN (:scattering, :running) AND #admitted_until = :seen".to_owned();
        condition.push_str(match self.limit {
            Some(_) => " AND #policy.#max_concurrency = :slots",
            None => " AND attribute_not_exists(#policy.#max_concurrency)",
        });
        if !self.segments.is_empty() {
            update.push_str(" ADD #in_flight :segments");
            // DynamoDB removes an empty set, and `size` of an absent attribute makes a comparison false: without the first clause
            // the condition would never hold for an execution with nothing in flight.
            let none_in_flight = if self.room() >= 0 { "attribute_not_exists(#in_flight) OR " } else { "" };
            condition.extend([" AND (", none_in_flight, "size(#in_flight) <= :room)"]);
        }
        self.values(Update::new(update, condition))
    }

    fn values(&self, write: Update) -> Update {
        let mut write = write
            .text("scattering", ExecutionStatus::Scattering.as_str())
            .text("running", ExecutionStatus::Running.as_str())
            .number("generation", self.generation)
            .number("seen", self.seen)
            .number("next", self.next);
        if let Some(slots) = self.limit {
            write = write.number("slots", slots);
        }
        if self.segments.is_empty() {
            return write;
        }
        write.number("room", self.room()).value("segments", number_set(&self.segments))
    }
}

/// The segments that may be in flight with that limit.
fn slots(limit: Option<u32>) -> usize {
    usize::try_from(limit.unwrap_or(MAX_CONCURRENCY)).unwrap_or(usize::MAX)
}

impl ExecutionRow {
    /// Slots that are free now; `None` if the execution has no limit of segments in flight, or is in a state in which no segment
    /// starts.
    #[must_use]
    pub fn free_slots(&self) -> Option<usize> {
        self.admitted_until?;
        match self.status {
            ExecutionStatus::Scattering | ExecutionStatus::Running => {
                Some(slots(self.policy.max_concurrency).saturating_sub(self.in_flight.len()))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{execution_id, sealed};

    fn acquire(seen: u64, segments: &[u64]) -> AcquireSlots {
        let next = segments.last().map_or(seen, |last| last + 1);
        let segments = segments.to_vec();
        AcquireSlots { execution_id: execution_id(), generation: 1, seen, next, limit: Some(3), segments }
    }

    fn limited(admitted_until: u64, in_flight: &[u64]) -> Option<ExecutionRow> {
        let mut execution = sealed(1);
        if let Some(row) = &mut execution {
            row.policy.max_concurrency = Some(3);
            (row.admitted_until, row.in_flight) = (Some(admitted_until), in_flight.iter().copied().collect());
        }
        execution
    }

    #[test]
    fn no_more_segments_are_admitted_than_there_are_slots() {
        let mut execution = limited(0, &[]);
        assert!(matches!(acquire(0, &[0, 2]).apply(&mut execution), AcquireSlotsOutcome::Admitted(_)));
        assert_eq!(execution, limited(3, &[0, 2]));
        assert!(matches!(acquire(3, &[3, 4]).apply(&mut execution), AcquireSlotsOutcome::Full(_)));
        assert!(matches!(acquire(3, &[3]).apply(&mut execution), AcquireSlotsOutcome::Admitted(_)));
        assert!(matches!(acquire(0, &[0, 1, 2, 3]).apply(&mut limited(0, &[])), AcquireSlotsOutcome::Full(_)));
    }

    #[test]
    fn of_two_callers_one_acquires_the_slots() {
        let mut execution = limited(0, &[]);
        acquire(0, &[0]).apply(&mut execution);
        let before = execution.clone();
        assert!(matches!(acquire(0, &[0]).apply(&mut execution), AcquireSlotsOutcome::Moved(_)));
        let other_limit = AcquireSlots { limit: None, ..acquire(1, &[1]) };
        assert!(matches!(other_limit.apply(&mut execution), AcquireSlotsOutcome::Moved(_)));
        assert_eq!(execution, before);
    }

    #[test]
    fn segments_that_need_no_slot_are_passed_over_even_without_a_free_slot() {
        let mut execution = limited(0, &[0, 1, 2, 3]);
        let skip = AcquireSlots { next: 128, ..acquire(0, &[]) };
        assert!(matches!(skip.apply(&mut execution), AcquireSlotsOutcome::Admitted(_)));
        assert_eq!(execution.unwrap().admitted_until, Some(128));
    }

    #[test]
    fn no_segment_is_admitted_in_a_state_in_which_nothing_starts() {
        let mut execution = limited(0, &[]);
        assert_eq!(execution.as_ref().and_then(ExecutionRow::free_slots), Some(3));
        if let Some(row) = &mut execution {
            row.status = ExecutionStatus::Cancelling;
        }
        assert_eq!(acquire(0, &[0]).apply(&mut execution), AcquireSlotsOutcome::NotOpen(ExecutionStatus::Cancelling));
        assert_eq!(execution.as_ref().and_then(ExecutionRow::free_slots), None);
        let later = AcquireSlots { generation: 2, ..acquire(0, &[0]) };
        assert_eq!(later.apply(&mut execution), AcquireSlotsOutcome::Stale { generation: 1 });
        assert_eq!(later.apply(&mut None), AcquireSlotsOutcome::Missing);
        assert_eq!(sealed(1).and_then(|row| row.free_slots()), None);
    }

    #[test]
    fn the_condition_does_not_rely_on_the_size_of_an_absent_set() {
        let update = acquire(0, &[0]).update();
        assert!(update.condition.contains("attribute_not_exists(#in_flight)") && update.values.contains_key(":room"));
        let skip = AcquireSlots { limit: None, ..acquire(0, &[]) }.update();
        assert!(!skip.condition.contains("in_flight") && !skip.values.contains_key(":slots"));
    }
}
