//! Rows that the operations' unit tests begin with.

use crate::clock::Timestamp;
use crate::id::{ExecutionId, SegmentId};
use crate::item::{ExecutionRow, ExecutionStatus, SegmentRow, SegmentStatus};
use crate::op::Open;
use crate::policy::Policy;

pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(super) fn execution_id() -> ExecutionId {
    ExecutionId::new(uuid::Uuid::from_u128(1))
}

pub(super) fn segment(index: u64) -> SegmentId {
    execution_id().segment(index)
}

/// An execution that was just opened.
pub(super) fn opened() -> Option<ExecutionRow> {
    let open = Open {
        execution_id: execution_id(),
        job: "nightly".parse().unwrap(),
        key: "2026-11-24".parse().unwrap(),
        policy: Policy::default(),
        expected: None,
        source: serde_json::Value::Null,
        parameters: serde_json::Value::Null,
        trace: None,
        now: at(0),
        due_at: at(60),
    };
    open.apply(&mut None).1.map(|(execution, _)| execution)
}

/// A sealed execution of that many groups.
pub(super) fn sealed(groups: u64) -> Option<ExecutionRow> {
    let mut execution = opened();
    if let Some(execution) = &mut execution {
        execution.groups = groups;
    }
    let seal = crate::op::Seal { execution_id: execution_id(), groups, now: at(5) };
    assert_eq!(seal.apply(&mut execution), crate::op::SealOutcome::Sealed);
    execution
}

/// An execution of that many groups that has failed, and whose event is out.
pub(super) fn failed_and_published(groups: u64) -> Option<ExecutionRow> {
    let mut execution = sealed(groups);
    if let Some(row) = &mut execution {
        (row.status, row.groups_done, row.published_generation) = (ExecutionStatus::Failed, groups, 1);
        (row.finished_at, row.due) = (Some(at(80)), None);
    }
    execution
}

/// A segment that a worker has in its first attempt.
#[expect(clippy::unnecessary_wraps, reason = "apply takes a row that may be absent")]
pub(super) fn running(index: u64) -> Option<SegmentRow> {
    let mut row = SegmentRow::pending(segment(index), serde_json::Value::Null, 1, at(0));
    (row.status, row.attempt, row.lease_until) = (SegmentStatus::Running, 1, Some(at(100)));
    Some(row)
}
