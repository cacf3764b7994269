//! Complete, mark published, checkpoint progress, cancel, flag first failure, mark notified, set policy.

use control_table::operation::{
    Cancel, CancelOutcome, CheckpointProgress, CheckpointProgressOutcome, Complete, CompleteOutcome, FlagFirstFailure,
    FlagFirstFailureOutcome, MarkNotified, MarkNotifiedOutcome, MarkPublished, MarkPublishedOutcome, SetPolicy,
    SetPolicyOutcome,
};
use control_table::policy::{Policy, Tolerance};
use control_table::rows::{ExecutionRow, ExecutionStatus, Notification, Stop};

use super::Case;
use super::lab::{Lab, at, failed, later, succeeded};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("complete: not before the seal and the last fold; one caller wins", one_caller_wins),
        Case::new("complete: by a caller who saw older counts", older_numbers),
        Case::new("complete: the tolerance changes between the read and the write", tolerance_changes),
        Case::new("complete: of another generation, and without segments", other_completions),
        Case::new("mark published: a complete execution, once", mark_once),
        Case::new("checkpoint progress: from the moment that was seen, with a stall and its end", checkpoint_a_stall),
        Case::new("cancel: from SCATTERING and RUNNING, once, with its reason", cancel_once),
        Case::new("cancel: a cancelled execution ends by its reason", cancelled_ends),
        Case::new("flag first failure: the first of a generation", first_failure),
        Case::new("mark notified: a notification that was sent, once", mark_notified_once),
        Case::new("set policy: limits, alone and together", set_limits),
        Case::new("set policy: no limit for an execution that admits segments without one", set_refused),
    ]
}

async fn all_done(lab: &mut Lab, policy: Policy, failures: u64) {
    lab.sealed(policy, &[4]).await;
    for index in 0..4 {
        lab.done(index, if index < failures { failed() } else { succeeded(index) }).await;
    }
}

fn completed(outcome: CompleteOutcome) -> ExecutionRow {
    let CompleteOutcome::Completed(row) = outcome else { panic!("{outcome:?}") };
    *row
}

async fn one_caller_wins(mut lab: Lab) {
    lab.opened(Policy::default()).await;
    let complete = lab.complete_of(1);
    assert_eq!(lab.both(&complete).await, CompleteOutcome::NotYet, "not sealed");
    lab.grouped(0, 1).await;
    lab.both(&control_table::operation::Seal { execution_id: lab.id, groups: 1, now: at(10) }).await;
    assert_eq!(lab.both(&complete).await, CompleteOutcome::NotYet, "not folded");
    lab.done(0, succeeded(0)).await;
    lab.folded(&[0]).await;
    let seen = lab.execution();
    let row = completed(lab.both(&complete).await);
    assert_eq!((row.status, row.finished_at), (ExecutionStatus::Succeeded, Some(at(300))));
    let late = lab.both(&Complete { seen: Box::new(seen), ..complete }).await;
    assert_eq!(late, CompleteOutcome::AlreadyComplete(Box::new(row.clone())));
    let again = lab.complete_of(1);
    let again = lab.both(&Complete { now: at(900), ..again }).await;
    assert_eq!(again, CompleteOutcome::AlreadyComplete(Box::new(row)), "seen as complete, with counts that still hold");
}

async fn older_numbers(mut lab: Lab) {
    let policy = Policy { tolerated_failures: Tolerance::Count(1), ..Policy::default() };
    all_done(&mut lab, policy, 2).await;
    lab.folded(&[0]).await;
    let row = lab.execution();
    // A caller who saw fewer failures must not make a success of it.
    let seen = ExecutionRow { failed: 1, ..row };
    let complete = lab.complete_of(1);
    assert_eq!(
        completed(lab.both(&Complete { seen: Box::new(seen), ..complete }).await).status,
        ExecutionStatus::Failed
    );
}

async fn tolerance_changes(mut lab: Lab) {
    all_done(&mut lab, Policy::default(), 1).await;
    lab.folded(&[0]).await;
    let seen = lab.execution();
    let set =
        SetPolicy { execution_id: lab.id, max_concurrency: None, tolerated_failures: Some(Tolerance::Share(2_500)) };
    lab.both(&set).await;
    let complete = lab.complete_of(1);
    assert_eq!(
        completed(lab.both(&Complete { seen: Box::new(seen), ..complete }).await).status,
        ExecutionStatus::Succeeded
    );
}

async fn other_completions(mut lab: Lab) {
    lab.sealed(Policy::default(), &[]).await;
    let stale = lab.complete_of(2);
    assert_eq!(lab.both(&stale).await, CompleteOutcome::Stale);
    let complete = lab.complete_of(1);
    let row = completed(lab.both(&complete).await);
    assert_eq!((row.status, row.segments), (ExecutionStatus::Succeeded, 0));
}

async fn mark_once(mut lab: Lab) {
    let mark = MarkPublished { execution_id: lab.id, generation: 1, expires_at: None };
    assert_eq!(lab.both(&mark).await, MarkPublishedOutcome::Stale, "no execution");
    lab.sealed(Policy::default(), &[]).await;
    assert_eq!(lab.both(&mark).await, MarkPublishedOutcome::Stale, "not complete");
    let complete = lab.complete_of(1);
    lab.both(&complete).await;
    let other = MarkPublished { generation: 2, ..mark.clone() };
    assert_eq!(lab.both(&other).await, MarkPublishedOutcome::Stale);
    assert_eq!(lab.both(&mark).await, MarkPublishedOutcome::Marked);
    assert_eq!(lab.both(&mark).await, MarkPublishedOutcome::AlreadyMarked);
    assert_eq!(lab.execution().due, None);
}

async fn checkpoint_a_stall(mut lab: Lab) {
    let checkpoint = CheckpointProgress {
        execution_id: lab.id,
        seen_due_at: at(500),
        progress: 7,
        progress_at: at(600),
        stalled_at: None,
        notification: false,
        open_from: 2,
        heal_cursor: Some(5),
        healed_at: Some(at(600)),
        lost_at: Some(at(601)),
        waits_in_stream: true,
        due_at: at(900),
    };
    assert_eq!(lab.both(&checkpoint).await, CheckpointProgressOutcome::Moved, "no execution");
    lab.sealed(Policy::default(), &[1]).await;
    assert_eq!(lab.both(&checkpoint).await, CheckpointProgressOutcome::Recorded);
    assert_eq!(lab.both(&checkpoint).await, CheckpointProgressOutcome::Moved);
    let stalled = CheckpointProgress {
        seen_due_at: at(900),
        stalled_at: Some(at(950)),
        heal_cursor: None,
        healed_at: None,
        lost_at: None,
        waits_in_stream: false,
        notification: true,
        due_at: at(1_200),
        ..checkpoint.clone()
    };
    assert_eq!(lab.both(&stalled).await, CheckpointProgressOutcome::Recorded);
    assert!(lab.execution().notifications.contains(&Notification::Stalled));
    let moved = CheckpointProgress { seen_due_at: at(1_200), progress: 8, due_at: later(at(1_200), 300), ..checkpoint };
    assert_eq!(lab.both(&moved).await, CheckpointProgressOutcome::Recorded);
    assert_eq!(lab.execution().stalled_at, None);
}

async fn cancel_once(mut lab: Lab) {
    let cancel = Cancel { execution_id: lab.id, generation: 1, reason: Stop::Requested, due_at: at(700) };
    assert_eq!(lab.both(&cancel).await, CancelOutcome::Missing);
    lab.opened(Policy::default()).await;
    let stale = Cancel { generation: 2, ..cancel.clone() };
    assert_eq!(lab.both(&stale).await, CancelOutcome::Stale { generation: 1 });
    assert!(matches!(lab.both(&cancel).await, CancelOutcome::Cancelling(_)));
    let timed_out = Cancel { reason: Stop::TimedOut, ..cancel };
    let again = lab.both(&timed_out).await;
    assert!(matches!(again, CancelOutcome::AlreadyCancelling(row) if row.stopped == Some(Stop::Requested)));
    let late = lab.commit_of(0, 1);
    let refused = control_table::operation::CommitGroupOutcome::NotScattering(ExecutionStatus::Cancelling);
    assert_eq!(lab.both(&late).await, refused);
}

async fn cancelled_ends(mut lab: Lab) {
    lab.sealed(Policy::default(), &[1]).await;
    let cancel = Cancel { execution_id: lab.id, generation: 1, reason: Stop::TooManyFailures, due_at: at(700) };
    assert!(matches!(lab.both(&cancel).await, CancelOutcome::Cancelling(_)));
    let row = control_table::operation::CancelSegment { segment: lab.id.segment(0), generation: 1, now: at(600) };
    lab.both(&row).await;
    let tally = control_table::operation::Tally::of(&lab.row(0)).unwrap();
    lab.both(&tally).await;
    lab.folded(&[0]).await;
    let complete = lab.complete_of(1);
    let row = completed(lab.both(&complete).await);
    assert_eq!((row.status, row.cancelled), (ExecutionStatus::Failed, 1));
    assert!(matches!(lab.both(&cancel).await, CancelOutcome::AlreadyComplete(_)));
}

async fn first_failure(mut lab: Lab) {
    let flag = FlagFirstFailure { segment: lab.id.segment(2), generation: 1, due_at: at(5) };
    assert_eq!(lab.both(&flag).await, FlagFirstFailureOutcome::Stale, "no execution");
    all_done(&mut lab, Policy::default(), 4).await;
    let stale = FlagFirstFailure { generation: 2, ..flag.clone() };
    assert_eq!(lab.both(&stale).await, FlagFirstFailureOutcome::Stale);
    assert_eq!(lab.both(&flag).await, FlagFirstFailureOutcome::First);
    let later = FlagFirstFailure { segment: lab.id.segment(3), ..flag };
    assert_eq!(lab.both(&later).await, FlagFirstFailureOutcome::Later);
    let row = lab.execution();
    assert_eq!((row.first_failure, row.due.unwrap().due_at), (Some(2), at(5)));
    lab.folded(&[0]).await;
    let complete = lab.complete_of(1);
    completed(lab.both(&complete).await);
    assert_eq!(lab.both(&later).await, FlagFirstFailureOutcome::Stale, "complete");
}

async fn mark_notified_once(mut lab: Lab) {
    let mark = MarkNotified { execution_id: lab.id, generation: 1, notification: Notification::FirstFailure };
    assert_eq!(lab.both(&mark).await, MarkNotifiedOutcome::Stale, "no execution");
    lab.sealed(Policy::default(), &[1]).await;
    assert_eq!(lab.both(&mark).await, MarkNotifiedOutcome::Stale, "nothing to notify of");
    lab.both(&FlagFirstFailure { segment: lab.id.segment(0), generation: 1, due_at: at(5) }).await;
    let other = MarkNotified { notification: Notification::Stalled, ..mark.clone() };
    assert_eq!(lab.both(&other).await, MarkNotifiedOutcome::Stale);
    let stale = MarkNotified { generation: 2, ..mark.clone() };
    assert_eq!(lab.both(&stale).await, MarkNotifiedOutcome::Stale);
    assert_eq!(lab.both(&mark).await, MarkNotifiedOutcome::Marked);
    assert_eq!(lab.both(&mark).await, MarkNotifiedOutcome::Stale);
    assert!(lab.execution().notifications.is_empty(), "the last of a set takes the attribute along");
}

async fn set_limits(mut lab: Lab) {
    let mut set =
        SetPolicy { execution_id: lab.id, max_concurrency: Some(4), tolerated_failures: Some(Tolerance::Share(25)) };
    assert_eq!(lab.both(&set).await, SetPolicyOutcome::Missing);
    lab.sealed(Policy { max_concurrency: Some(9), ..Policy::default() }, &[1]).await;
    assert!(matches!(lab.both(&set).await, SetPolicyOutcome::Set(_)));
    set.max_concurrency = None;
    set.tolerated_failures = Some(Tolerance::Count(3));
    assert!(matches!(lab.both(&set).await, SetPolicyOutcome::Set(_)));
    set.tolerated_failures = None;
    assert!(matches!(lab.both(&set).await, SetPolicyOutcome::Set(_)));
    let policy = lab.execution().policy;
    assert_eq!((policy.max_concurrency, policy.tolerated_failures), (Some(4), Tolerance::Count(3)));
}

async fn set_refused(mut lab: Lab) {
    lab.sealed(Policy::default(), &[]).await;
    let set = SetPolicy { execution_id: lab.id, max_concurrency: Some(4), tolerated_failures: None };
    assert_eq!(lab.both(&set).await, SetPolicyOutcome::NotLimited);
    let complete = lab.complete_of(1);
    lab.both(&complete).await;
    assert!(matches!(lab.both(&set).await, SetPolicyOutcome::Set(_)), "for its redrive");
}
