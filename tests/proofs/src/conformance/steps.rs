//! Checkpoint step, queue cancel, and the end of a redrive with a queued cancel.

use control_table::operation::{
    Cancel, CheckpointStep, CheckpointStepOutcome, EndRedrive, EndRedriveOutcome, QueueCancel, QueueCancelOutcome,
};
use control_table::policy::Policy;
use control_table::rows::{Due, DueKind, ExecutionStatus, Stop};

use super::Case;
use super::lab::{Lab, at};
use super::redrive::redriving;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("checkpoint step: a cancel's cursor goes forward, and takes the due moment along", cursor_forward),
        Case::new("checkpoint step: of a scatter, which keeps its sign of life with it", of_a_scatter),
        Case::new("checkpoint step: of a redrive, and of the deletion of an expired execution", of_other_steps),
        Case::new("checkpoint step: over in another status or generation", step_over),
        Case::new("queue cancel: while an execution is being redriven, once", queue_once),
        Case::new("end redrive: in the queued cancel, whether or not its caller saw it", ends_in_a_cancel),
    ]
}

fn step(lab: &Lab, status: ExecutionStatus, cursor: u64, due_at: i64) -> CheckpointStep {
    CheckpointStep { execution_id: lab.id, generation: 1, status, cursor, due_at: at(due_at) }
}

fn is_checkpointed(outcome: &CheckpointStepOutcome) -> bool {
    matches!(outcome, CheckpointStepOutcome::Checkpointed(_))
}

async fn cursor_forward(mut lab: Lab) {
    lab.sealed(Policy::default(), &[1, 1, 1]).await;
    let cancel = Cancel { execution_id: lab.id, generation: 1, reason: Stop::Requested, due_at: at(700) };
    lab.both(&cancel).await;
    for (cursor, due_at) in [(0, 800), (2, 900), (2, 950)] {
        let step = step(&lab, ExecutionStatus::Cancelling, cursor, due_at);
        assert!(is_checkpointed(&lab.both(&step).await));
        let row = lab.execution();
        assert_eq!((row.step_cursor, row.due), (Some(cursor), Some(Due::execution(lab.id, at(due_at)))));
    }
    let behind = step(&lab, ExecutionStatus::Cancelling, 1, 990);
    assert_eq!(lab.both(&behind).await, CheckpointStepOutcome::Behind);
}

async fn of_a_scatter(mut lab: Lab) {
    lab.opened(Policy::default()).await;
    lab.grouped(0, 2).await;
    let step = step(&lab, ExecutionStatus::Scattering, 1, 800);
    assert!(is_checkpointed(&lab.both(&step).await));
    assert_eq!(lab.execution().scatter_until, Some(at(800)));
}

async fn of_other_steps(mut lab: Lab) {
    redriving(&mut lab).await;
    let redrive = CheckpointStep { generation: 2, ..step(&lab, ExecutionStatus::Redriving, 1, 1_500) };
    assert!(is_checkpointed(&lab.both(&redrive).await));
    let end = EndRedrive { execution_id: lab.id, generation: 2, stop_requested: None, now: at(1_600) };
    assert!(matches!(lab.both(&end).await, EndRedriveOutcome::Running(_)));
    assert_eq!(lab.execution().step_cursor, None, "the next step begins at the first group");
    assert_eq!(lab.both(&redrive).await, CheckpointStepOutcome::Over);

    let mut other = Lab::in_memory();
    other.failed_and_published().await;
    let deletion = step(&other, ExecutionStatus::Failed, 1, 2_000);
    assert!(is_checkpointed(&other.both(&deletion).await));
    assert_eq!(other.execution().due.map(|due| due.due_shard.kind()), Some(DueKind::Expiry));
}

async fn step_over(mut lab: Lab) {
    let first = step(&lab, ExecutionStatus::Cancelling, 1, 800);
    assert_eq!(lab.both(&first).await, CheckpointStepOutcome::Over, "no execution");
    lab.sealed(Policy::default(), &[1]).await;
    assert_eq!(lab.both(&first).await, CheckpointStepOutcome::Over, "it runs");
    let later = CheckpointStep { generation: 2, ..step(&lab, ExecutionStatus::Running, 1, 800) };
    assert_eq!(lab.both(&later).await, CheckpointStepOutcome::Over);
}

async fn queue_once(mut lab: Lab) {
    let queue = QueueCancel { execution_id: lab.id, generation: 2, reason: Stop::Requested };
    assert_eq!(lab.both(&queue).await, QueueCancelOutcome::NotRedriving, "no execution");
    redriving(&mut lab).await;
    let stale = QueueCancel { generation: 1, ..queue.clone() };
    assert_eq!(lab.both(&stale).await, QueueCancelOutcome::NotRedriving);
    assert_eq!(lab.both(&queue).await, QueueCancelOutcome::Queued);
    let another = QueueCancel { reason: Stop::TimedOut, ..queue };
    assert_eq!(lab.both(&another).await, QueueCancelOutcome::AlreadyQueued);
    assert_eq!(lab.execution().stop_requested, Some(Stop::Requested));
}

async fn ends_in_a_cancel(mut lab: Lab) {
    redriving(&mut lab).await;
    let queue = QueueCancel { execution_id: lab.id, generation: 2, reason: Stop::TooManyFailures };
    lab.both(&queue).await;
    // Its caller read the execution before the cancel was queued.
    let end = EndRedrive { execution_id: lab.id, generation: 2, stop_requested: None, now: at(1_600) };
    assert!(matches!(lab.both(&end).await, EndRedriveOutcome::Cancelling(_)));
    let row = lab.execution();
    assert_eq!((row.status, row.stopped), (ExecutionStatus::Cancelling, Some(Stop::TooManyFailures)));
    assert_eq!((row.stop_requested, row.redrive, row.due), (None, None, Some(Due::execution(lab.id, at(1_600)))));
    assert_eq!(lab.both(&queue).await, QueueCancelOutcome::NotRedriving);
    let seen = EndRedrive { stop_requested: Some(Stop::TooManyFailures), ..end };
    assert_eq!(lab.both(&seen).await, EndRedriveOutcome::NotRedriving);
}
