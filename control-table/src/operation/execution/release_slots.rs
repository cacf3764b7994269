//! Release slots: segments that have their outcome free their slots, in an execution with a limit of segments in flight.
//!
//! The worker sends it after the tally. If it dies in between, its record is delivered again and releases the slot then. A
//! segment that waits for a retry keeps its slot.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::id::ExecutionId;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, ExecutionRow, RowKey};

/// Frees the slots of segments that have their outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ReleaseSlots {
    pub execution_id: ExecutionId,
    /// The generation in which the segments got their slots.
    pub generation: u32,
    /// Indexes of the segments. Those without a slot are ignored.
    pub segments: Vec<u64>,
}

/// Outcomes of [`ReleaseSlots`]; only `Released` may change the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseSlotsOutcome {
    /// None of the segments has a slot now; the row after the change.
    Released(Box<ExecutionRow>),
    /// The execution is in another generation.
    Stale {
        /// The generation of the execution.
        generation: u32,
    },
    /// There is no such execution.
    Missing,
}

impl Operation for ReleaseSlots {
    type Rows = Option<ExecutionRow>;
    type Outcome = ReleaseSlotsOutcome;

    const NAME: &'static str = "release slots";

    fn subject(&self) -> String {
        self.execution_id.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Execution(self.execution_id)]
    }

    fn apply(&self, execution: &mut Self::Rows) -> Self::Outcome {
        let Some(row) = execution else { return ReleaseSlotsOutcome::Missing };
        if row.generation != self.generation {
            return ReleaseSlotsOutcome::Stale { generation: row.generation };
        }
        for index in &self.segments {
            row.in_flight.remove(index);
        }
        ReleaseSlotsOutcome::Released(Box::new(row.clone()))
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::Update(self.update()))
    }
}

impl ReleaseSlots {
    fn update(&self) -> Update {
        let condition = "#generation = :generation";
        if self.segments.is_empty() {
            // A set cannot be empty. This update changes nothing either.
            return Update::new("SET #generation = :generation", condition).number("generation", self.generation);
        }
        Update::new("DELETE #in_flight :segments", condition)
            .value("segments", number_set(&self.segments))
            .number("generation", self.generation)
    }
}

/// Indexes as a number set, without duplicates: `DynamoDB` refuses those.
pub(in crate::operation) fn number_set(indexes: &[u64]) -> AttributeValue {
    let once: std::collections::BTreeSet<u64> = indexes.iter().copied().collect();
    AttributeValue::Ns(once.iter().map(u64::to_string).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{execution_id, sealed};

    fn release(generation: u32, segments: &[u64]) -> ReleaseSlots {
        ReleaseSlots { execution_id: execution_id(), generation, segments: segments.to_vec() }
    }

    fn limited(in_flight: &[u64]) -> Option<ExecutionRow> {
        let mut execution = sealed(1);
        if let Some(row) = &mut execution {
            (row.admitted_until, row.in_flight) = (Some(9), in_flight.iter().copied().collect());
        }
        execution
    }

    #[test]
    fn a_slot_is_released_once_however_often_it_is_sent() {
        let mut execution = limited(&[3, 5]);
        for _ in 0..2 {
            assert!(matches!(release(1, &[3]).apply(&mut execution), ReleaseSlotsOutcome::Released(_)));
            assert_eq!(execution.as_ref().map(|row| row.in_flight.len()), Some(1));
        }
        assert!(matches!(release(1, &[5, 5]).apply(&mut execution), ReleaseSlotsOutcome::Released(_)));
        assert_eq!(execution, limited(&[]));
    }

    #[test]
    fn a_late_worker_releases_no_slot_of_the_next_generation() {
        let mut execution = limited(&[3]);
        if let Some(row) = &mut execution {
            row.generation = 2;
        }
        let before = execution.clone();
        assert_eq!(release(1, &[3]).apply(&mut execution), ReleaseSlotsOutcome::Stale { generation: 2 });
        assert_eq!(execution, before);
        assert_eq!(release(1, &[3]).apply(&mut None), ReleaseSlotsOutcome::Missing);
    }

    #[test]
    fn no_set_is_empty_or_names_a_segment_twice() {
        assert_eq!(number_set(&[7, 7, 10]), AttributeValue::Ns(vec!["7".to_owned(), "10".to_owned()]));
        assert!(release(1, &[]).update().update.starts_with("SET"));
    }
}
