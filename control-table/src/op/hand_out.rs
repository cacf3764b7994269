//! **hand out**: the next segments of an execution that limits those in flight get their slots.
//!
//! Their records are put after it. So a record is on the stream only for a segment that has a slot, and whoever finds a slot
//! without a record, after a crash in between, puts the record again.

use crate::error::Error;
use crate::id::ExecutionId;
use crate::item::{ExecutionRow, ExecutionStatus};
use crate::limits::MAX_CONCURRENCY;
use crate::table::{About, ControlTable, Decided, Write};

use super::free_slot::number_set;

/// Hands segments out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOut {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Its generation, as it was seen.
    pub generation: u32,
    /// How far segments had been handed out, as it was seen.
    pub seen: u64,
    /// How far they are handed out then: one past the last of `segments`, or further where none has to be.
    pub next: u64,
    /// The limit of segments in flight, as it was seen; without one, [`MAX_CONCURRENCY`].
    pub limit: Option<u32>,
    /// The segments that get a slot, each once, none before `seen`. May be empty: then what was passed over needs none.
    pub segments: Vec<u64>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandOutOutcome {
    /// They have their slots, from now on; the row as it is now.
    HandedOut(Box<ExecutionRow>),
    /// There is not room for all of them; the row as it is.
    Full(Box<ExecutionRow>),
    /// Somebody else was first, or the limit has changed; the row as it is. Also what a first try says that was applied
    /// and whose answer was lost: the sweeper puts the records of those.
    Moved(Box<ExecutionRow>),
    /// The execution hands nothing out in this state.
    NotOpen(ExecutionStatus),
    /// The execution is in another generation.
    Stale {
        /// Which one.
        generation: u32,
    },
    /// There is no such execution.
    Missing,
}

impl HandOut {
    fn slots(&self) -> usize {
        slots(self.limit)
    }

    /// What it means.
    pub fn apply(&self, execution: &mut Option<ExecutionRow>) -> HandOutOutcome {
        let Some(row) = execution else { return HandOutOutcome::Missing };
        if row.generation != self.generation {
            return HandOutOutcome::Stale { generation: row.generation };
        }
        if !matches!(row.status, ExecutionStatus::Scattering | ExecutionStatus::Running) {
            return HandOutOutcome::NotOpen(row.status);
        }
        if row.handed_out != Some(self.seen) || row.policy.max_concurrency != self.limit {
            return HandOutOutcome::Moved(Box::new(row.clone()));
        }
        if !self.segments.is_empty() && row.in_flight.len() + self.segments.len() > self.slots() {
            return HandOutOutcome::Full(Box::new(row.clone()));
        }
        row.handed_out = Some(self.next);
        row.in_flight.extend(&self.segments);
        HandOutOutcome::HandedOut(Box::new(row.clone()))
    }

    fn write(&self) -> Write {
        let mut update = "SET #handed_out = :next".to_owned();
        let mut condition =
            "#generation = :generation AND #status IN (:scattering, :running) AND #handed_out = :seen".to_owned();
        condition.push_str(match self.limit {
            Some(_) => " AND #policy.#max_concurrency = :slots",
            None => " AND attribute_not_exists(#policy.#max_concurrency)",
        });
        let room = self.slots().checked_sub(self.segments.len());
        if !self.segments.is_empty() {
            update.push_str(" ADD #in_flight :segments");
            // An empty set is no attribute at all, and the size of none is no number.
            condition.push_str(match room {
                Some(_) => " AND (attribute_not_exists(#in_flight) OR size(#in_flight) <= :room)",
                None => " AND #handed_out <> :seen",
            });
        }
        self.values(Write::new(update, condition), room)
    }

    fn values(&self, write: Write, room: Option<usize>) -> Write {
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
        if let Some(room) = room {
            write = write.number("room", room);
        }
        write.value("segments", number_set(&self.segments))
    }
}

/// The segments that may be in flight under that limit.
fn slots(limit: Option<u32>) -> usize {
    usize::try_from(limit.unwrap_or(MAX_CONCURRENCY)).unwrap_or(usize::MAX)
}

impl ExecutionRow {
    /// Segments that may be handed out now; `None` where the execution does not hand out, because it has no limit of
    /// segments in flight or because nothing starts in its present state.
    #[must_use]
    pub fn free_slots(&self) -> Option<usize> {
        self.handed_out?;
        match self.status {
            ExecutionStatus::Scattering | ExecutionStatus::Running => {
                Some(slots(self.policy.max_concurrency).saturating_sub(self.in_flight.len()))
            }
            _ => None,
        }
    }
}

impl ControlTable {
    /// Hands segments out.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn hand_out(&self, request: &HandOut) -> Result<HandOutOutcome, Error> {
        let about = About { operation: "hand out", subject: &request.execution_id };
        let key = ExecutionRow::key_of(request.execution_id);
        match self.decide(about, key, request.write(), |row| request.apply(row)).await? {
            Decided::Applied(row) => Ok(HandOutOutcome::HandedOut(row)),
            Decided::Refused(outcome) => Ok(outcome),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{execution_id, sealed};

    fn hand_out(seen: u64, segments: &[u64]) -> HandOut {
        let next = segments.last().map_or(seen, |last| last + 1);
        let segments = segments.to_vec();
        HandOut { execution_id: execution_id(), generation: 1, seen, next, limit: Some(3), segments }
    }

    fn limited(handed_out: u64, in_flight: &[u64]) -> Option<ExecutionRow> {
        let mut execution = sealed(1);
        if let Some(row) = &mut execution {
            row.policy.max_concurrency = Some(3);
            (row.handed_out, row.in_flight) = (Some(handed_out), in_flight.iter().copied().collect());
        }
        execution
    }

    #[test]
    fn no_more_are_handed_out_than_there_is_room_for() {
        let mut execution = limited(0, &[]);
        assert!(matches!(hand_out(0, &[0, 2]).apply(&mut execution), HandOutOutcome::HandedOut(_)));
        assert_eq!(execution, limited(3, &[0, 2]));
        assert!(matches!(hand_out(3, &[3, 4]).apply(&mut execution), HandOutOutcome::Full(_)));
        assert!(matches!(hand_out(3, &[3]).apply(&mut execution), HandOutOutcome::HandedOut(_)));
        assert!(matches!(hand_out(0, &[0, 1, 2, 3]).apply(&mut limited(0, &[])), HandOutOutcome::Full(_)));
    }

    #[test]
    fn of_two_at_once_one_is_first() {
        let mut execution = limited(0, &[]);
        hand_out(0, &[0]).apply(&mut execution);
        let before = execution.clone();
        assert!(matches!(hand_out(0, &[0]).apply(&mut execution), HandOutOutcome::Moved(_)));
        let other_limit = HandOut { limit: None, ..hand_out(1, &[1]) };
        assert!(matches!(other_limit.apply(&mut execution), HandOutOutcome::Moved(_)));
        assert_eq!(execution, before);
    }

    #[test]
    fn what_needs_no_slot_is_passed_over_even_without_room() {
        let mut execution = limited(0, &[0, 1, 2, 3]);
        let skip = HandOut { next: 128, ..hand_out(0, &[]) };
        assert!(matches!(skip.apply(&mut execution), HandOutOutcome::HandedOut(_)));
        assert_eq!(execution.unwrap().handed_out, Some(128));
    }

    #[test]
    fn nothing_is_handed_out_in_a_state_in_which_nothing_starts() {
        let mut execution = limited(0, &[]);
        assert_eq!(execution.as_ref().and_then(ExecutionRow::free_slots), Some(3));
        if let Some(row) = &mut execution {
            row.status = ExecutionStatus::Cancelling;
        }
        assert_eq!(hand_out(0, &[0]).apply(&mut execution), HandOutOutcome::NotOpen(ExecutionStatus::Cancelling));
        assert_eq!(execution.as_ref().and_then(ExecutionRow::free_slots), None);
        let later = HandOut { generation: 2, ..hand_out(0, &[0]) };
        assert_eq!(later.apply(&mut execution), HandOutOutcome::Stale { generation: 1 });
        assert_eq!(later.apply(&mut None), HandOutOutcome::Missing);
        assert_eq!(sealed(1).and_then(|row| row.free_slots()), None);
    }

    #[test]
    fn the_size_of_an_absent_set_is_not_asked_for() {
        let write = hand_out(0, &[0]).write();
        assert!(write.condition.contains("attribute_not_exists(#in_flight)") && write.values.contains_key(":room"));
        let skip = HandOut { limit: None, ..hand_out(0, &[]) }.write();
        assert!(!skip.condition.contains("in_flight") && !skip.values.contains_key(":slots"));
    }
}
