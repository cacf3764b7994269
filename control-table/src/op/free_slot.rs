//! **free slot**: segments that have their outcome make room for others, where an execution limits those in flight.
//!
//! After the tally: a worker that dies in between comes again, and until then the slot is taken, so the limit holds. A retry
//! keeps its slot.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::error::Error;
use crate::id::ExecutionId;
use crate::item::ExecutionRow;
use crate::table::{About, ControlTable, Decided, Write};

/// Frees the slots of segments that have their outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreeSlot {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The generation in which they were handed out.
    pub generation: u32,
    /// The segments, by index. One that has no slot is no error: it was freed before.
    pub segments: Vec<u64>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FreeSlotOutcome {
    /// None of the segments has a slot any more; the row as it is now.
    Freed(Box<ExecutionRow>),
    /// The execution is in another generation, whose slots are no business of these segments.
    Stale {
        /// Which one.
        generation: u32,
    },
    /// There is no such execution.
    Missing,
}

impl FreeSlot {
    /// What it means.
    pub fn apply(&self, execution: &mut Option<ExecutionRow>) -> FreeSlotOutcome {
        let Some(row) = execution else { return FreeSlotOutcome::Missing };
        if row.generation != self.generation {
            return FreeSlotOutcome::Stale { generation: row.generation };
        }
        for index in &self.segments {
            row.in_flight.remove(index);
        }
        FreeSlotOutcome::Freed(Box::new(row.clone()))
    }

    fn write(&self) -> Write {
        let condition = "#generation = :generation";
        if self.segments.is_empty() {
            // A set cannot be empty; this changes nothing either.
            return Write::new("SET #generation = :generation", condition).number("generation", self.generation);
        }
        Write::new("DELETE #in_flight :segments", condition)
            .value("segments", number_set(&self.segments))
            .number("generation", self.generation)
    }
}

/// Indexes as a set; `DynamoDB` refuses one that names a number twice.
pub(super) fn number_set(indexes: &[u64]) -> AttributeValue {
    let once: std::collections::BTreeSet<u64> = indexes.iter().copied().collect();
    AttributeValue::Ns(once.iter().map(u64::to_string).collect())
}

impl ControlTable {
    /// Frees the slots of segments that have their outcome.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn free_slot(&self, request: &FreeSlot) -> Result<FreeSlotOutcome, Error> {
        let about = About { operation: "free slot", subject: &request.execution_id };
        let key = ExecutionRow::key_of(request.execution_id);
        match self.decide(about, key, request.write(), |row| request.apply(row)).await? {
            Decided::Applied(row) => Ok(FreeSlotOutcome::Freed(row)),
            Decided::Refused(outcome) => Ok(outcome),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{execution_id, sealed};

    fn free(generation: u32, segments: &[u64]) -> FreeSlot {
        FreeSlot { execution_id: execution_id(), generation, segments: segments.to_vec() }
    }

    fn limited(in_flight: &[u64]) -> Option<ExecutionRow> {
        let mut execution = sealed(1);
        if let Some(row) = &mut execution {
            (row.handed_out, row.in_flight) = (Some(9), in_flight.iter().copied().collect());
        }
        execution
    }

    #[test]
    fn a_slot_is_freed_once_however_often_it_is_said() {
        let mut execution = limited(&[3, 5]);
        for _ in 0..2 {
            assert!(matches!(free(1, &[3]).apply(&mut execution), FreeSlotOutcome::Freed(_)));
            assert_eq!(execution.as_ref().map(|row| row.in_flight.len()), Some(1));
        }
        assert!(matches!(free(1, &[5, 5]).apply(&mut execution), FreeSlotOutcome::Freed(_)));
        assert_eq!(execution, limited(&[]));
    }

    #[test]
    fn a_late_worker_frees_no_slot_of_the_next_generation() {
        let mut execution = limited(&[3]);
        if let Some(row) = &mut execution {
            row.generation = 2;
        }
        let before = execution.clone();
        assert_eq!(free(1, &[3]).apply(&mut execution), FreeSlotOutcome::Stale { generation: 2 });
        assert_eq!(execution, before);
        assert_eq!(free(1, &[3]).apply(&mut None), FreeSlotOutcome::Missing);
    }

    #[test]
    fn no_set_is_empty_or_names_a_segment_twice() {
        assert_eq!(number_set(&[7, 7, 10]), AttributeValue::Ns(vec!["7".to_owned(), "10".to_owned()]));
        assert!(free(1, &[]).write().update.starts_with("SET"));
    }
}
