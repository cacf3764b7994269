//! Rows that unit tests begin with.

use crate::clock::Timestamp;
use crate::id::{ExecutionId, SegmentId};
use crate::operation::{Open, Operation, Seal, SealOutcome};
use crate::policy::Policy;
use crate::rows::{ExecutionRow, ExecutionStatus, SegmentRow, SegmentStatus};

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn execution_id() -> ExecutionId {
    ExecutionId::new(uuid::Uuid::from_u128(1))
}

pub(crate) fn segment(index: u64) -> SegmentId {
    execution_id().segment(index)
}

/// An execution that was just opened.
#[expect(clippy::unnecessary_wraps, reason = "apply takes a row that may be absent")]
pub(crate) fn opened() -> Option<ExecutionRow> {
    let open = Open {
        execution_id: execution_id(),
        job: "nightly".parse().unwrap(),
        key: "2026-11-24".parse().unwrap(),
        tags: crate::tags::Tags::default(),
        policy: Policy::default(),
        expected: None,
        kind: crate::rows::PlanKind::Planned,
        asked: String::new(),
        source: serde_json::Value::Null,
        parameters: serde_json::Value::Null,
        trace: None,
        now: at(0),
        due_at: at(60),
    };
    Some(open.rows().0)
}

/// A sealed execution of that many groups.
pub(crate) fn sealed(groups: u64) -> Option<ExecutionRow> {
    let mut execution = opened();
    if let Some(execution) = &mut execution {
        execution.groups = groups;
    }
    let seal = Seal { execution_id: execution_id(), groups, now: at(5) };
    assert_eq!(seal.apply(&mut execution), SealOutcome::Sealed);
    execution
}

/// An execution of that many groups that has failed, and whose event was published.
pub(crate) fn failed_and_published(groups: u64) -> Option<ExecutionRow> {
    let mut execution = sealed(groups);
    if let Some(row) = &mut execution {
        (row.status, row.groups_done, row.published_generation) = (ExecutionStatus::Failed, groups, 1);
        (row.finished_at, row.due) = (Some(at(80)), None);
    }
    execution
}

/// A segment that a worker has claimed for the first time.
#[expect(clippy::unnecessary_wraps, reason = "apply takes a row that may be absent")]
pub(crate) fn running(index: u64) -> Option<SegmentRow> {
    let mut row = SegmentRow::pending(segment(index), serde_json::Value::Null, 1, at(0));
    (row.status, row.attempt, row.lease_until) = (SegmentStatus::Running, 1, Some(at(100)));
    Some(row)
}
