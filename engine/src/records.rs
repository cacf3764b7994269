//! The one rule from rows to records: which record a segment gets.

use control_table::limits::MAX_CONCURRENCY;
use control_table::message::SegmentRecord;
use control_table::rows::{ExecutionRow, PlanRow, SegmentRow};
use serde_json::Value;

/// An execution and its plan: what every record of its segments has in common.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub execution: ExecutionRow,
    pub plan: PlanRow,
}

impl Planned {
    /// The record of a segment that has its row.
    pub fn record(&self, row: &SegmentRow) -> SegmentRecord {
        record(&self.execution, &self.plan, row.index, row.generation, row.spec.clone())
    }
}

/// The record of a segment, in the generation of its row: the execution may be in a later one by now, and a claim compares the
/// record with the row.
///
/// The worker releases a slot only if the record carries a limit, so an execution that is admitting segments gives every record
/// one, even if its policy no longer has it.
pub(crate) fn record(
    execution: &ExecutionRow,
    plan: &PlanRow,
    index: u64,
    generation: u32,
    spec: Value,
) -> SegmentRecord {
    let mut record = SegmentRecord::new(execution, plan, index, spec);
    record.generation = generation;
    if execution.admitted_until.is_some() {
        record.policy.max_concurrency.get_or_insert(MAX_CONCURRENCY);
    }
    record
}

#[cfg(test)]
mod tests {
    use control_table::clock::Timestamp;
    use control_table::id::ExecutionId;
    use control_table::operation::{Open, OpenOutcome, Operation, Part};
    use control_table::policy::Policy;
    use control_table::rows::PlanKind;

    use super::*;

    fn planned(policy: Policy) -> Planned {
        let execution_id = ExecutionId::new(uuid::Uuid::from_u128(1));
        let open = Open {
            execution_id,
            job: "nightly".parse().unwrap(),
            key: "2026-11-24".parse().unwrap(),
            tags: control_table::tags::Tags::default(),
            policy,
            expected: None,
            kind: PlanKind::Planned,
            asked: String::new(),
            source: Value::Null,
            parameters: Value::from(7),
            trace: None,
            now: Timestamp::EPOCH,
            due_at: Timestamp::EPOCH,
        };
        let mut rows = (Part::Is(None), Part::Is(None), Part::Is(None));
        let OpenOutcome::Opened(execution) = open.apply(&mut rows) else { panic!("{rows:?}") };
        let Part::Is(Some(plan)) = rows.2 else { panic!("{rows:?}") };
        Planned { execution: *execution, plan }
    }

    #[test]
    fn a_record_has_the_generation_of_its_row_not_of_its_execution() {
        let mut planned = planned(Policy::default());
        planned.execution.generation = 2;
        let id = planned.execution.execution_id.segment(3);
        let row = SegmentRow::pending(id, Value::from("spec"), 1, Timestamp::EPOCH);
        let record = planned.record(&row);
        assert_eq!((record.generation, record.index, &record.spec), (1, 3, &row.spec));
        assert_eq!(record.parameters, Value::from(7));
        assert_eq!(record.policy.max_concurrency, None);
    }

    #[test]
    fn a_record_of_an_execution_that_admits_carries_a_limit() {
        let mut planned = planned(Policy { max_concurrency: Some(4), ..Policy::default() });
        let of =
            |planned: &Planned| record(&planned.execution, &planned.plan, 0, 1, Value::Null).policy.max_concurrency;
        assert_eq!(of(&planned), Some(4));
        planned.execution.policy.max_concurrency = None;
        assert_eq!(of(&planned), Some(MAX_CONCURRENCY), "the worker must release the slot");
    }
}
