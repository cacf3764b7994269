//! **complete**, **mark published**, **observe**, **cancel**, **note failure**, **tell**, **set policy**.

use control_table::item::{ExecutionRow, ExecutionStatus, Notice, Stop};
use control_table::op::{
    Cancel, CancelOutcome, CompleteOutcome, MarkPublished, MarkPublishedOutcome, NoteFailure, NoteFailureOutcome,
    Observe, ObserveOutcome, SetPolicy, SetPolicyOutcome, Tell, TellOutcome,
};
use control_table::policy::{Policy, Tolerance};

use super::Case;
use super::lab::{Lab, at, failed, later, succeeded};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("complete: not before the seal and the last group; one caller wins", one_caller_wins),
        Case::new("complete: by somebody who saw older numbers", older_numbers),
        Case::new("complete: what is tolerated changes between the look and the write", tolerance_changes),
        Case::new("complete: another generation, and no segments", other_completions),
        Case::new("mark published: a complete execution, once", mark_once),
        Case::new("observe: from where it was seen, with a standstill and its end", observe_standstill),
        Case::new("cancel: from SCATTERING and RUNNING, once, with its reason", cancel_once),
        Case::new("cancel: a cancelled execution ends by its reason", cancelled_ends),
        Case::new("note failure: the first of a generation", first_failure),
        Case::new("tell: a notice that is out", tell_once),
        Case::new("set policy: limits, alone and together", set_limits),
        Case::new("set policy: no limit where none was counted from the start", set_refused),
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
    assert_eq!(lab.complete(&complete).await, CompleteOutcome::NotYet, "not sealed");
    lab.grouped(0, 1).await;
    lab.seal(&control_table::op::Seal { execution_id: lab.id, groups: 1, now: at(10) }).await;
    assert_eq!(lab.complete(&complete).await, CompleteOutcome::NotYet, "not folded");
    lab.done(0, succeeded(0)).await;
    lab.folded(&[0]).await;
    let seen = lab.execution();
    let row = completed(lab.complete(&complete).await);
    assert_eq!((row.status, row.finished_at), (ExecutionStatus::Succeeded, Some(at(300))));
    let late = lab.complete_seeing(&complete, seen).await;
    assert_eq!(late, CompleteOutcome::AlreadyComplete(Box::new(row)));
}

async fn older_numbers(mut lab: Lab) {
    let policy = Policy { tolerated_failures: Tolerance::Count(1), ..Policy::default() };
    all_done(&mut lab, policy, 2).await;
    lab.folded(&[0]).await;
    let row = lab.execution();
    // Whoever saw fewer failures must not make a success of it.
    let seen = ExecutionRow { failed: 1, ..row };
    let complete = lab.complete_of(1);
    assert_eq!(completed(lab.complete_seeing(&complete, seen).await).status, ExecutionStatus::Failed);
}

async fn tolerance_changes(mut lab: Lab) {
    all_done(&mut lab, Policy::default(), 1).await;
    lab.folded(&[0]).await;
    let seen = lab.execution();
    let set =
        SetPolicy { execution_id: lab.id, max_concurrency: None, tolerated_failures: Some(Tolerance::Share(2_500)) };
    lab.set_policy(&set).await;
    let complete = lab.complete_of(1);
    assert_eq!(completed(lab.complete_seeing(&complete, seen).await).status, ExecutionStatus::Succeeded);
}

async fn other_completions(mut lab: Lab) {
    lab.sealed(Policy::default(), &[]).await;
    let stale = lab.complete_of(2);
    assert_eq!(lab.complete(&stale).await, CompleteOutcome::Stale);
    let complete = lab.complete_of(1);
    let row = completed(lab.complete(&complete).await);
    assert_eq!((row.status, row.segments), (ExecutionStatus::Succeeded, 0));
}

async fn mark_once(mut lab: Lab) {
    let mark = MarkPublished { execution_id: lab.id, generation: 1 };
    assert_eq!(lab.mark_published(&mark).await, MarkPublishedOutcome::Stale, "no execution");
    lab.sealed(Policy::default(), &[]).await;
    assert_eq!(lab.mark_published(&mark).await, MarkPublishedOutcome::Stale, "not complete");
    let complete = lab.complete_of(1);
    lab.complete(&complete).await;
    let other = MarkPublished { generation: 2, ..mark.clone() };
    assert_eq!(lab.mark_published(&other).await, MarkPublishedOutcome::Stale);
    assert_eq!(lab.mark_published(&mark).await, MarkPublishedOutcome::Marked);
    assert_eq!(lab.mark_published(&mark).await, MarkPublishedOutcome::AlreadyMarked);
    assert_eq!(lab.execution().due, None);
}

async fn observe_standstill(mut lab: Lab) {
    let observe = Observe {
        execution_id: lab.id,
        seen_due_at: at(500),
        progress: 7,
        progress_at: at(600),
        stalled_at: None,
        notice: false,
        due_at: at(900),
    };
    assert_eq!(lab.observe(&observe).await, ObserveOutcome::Moved, "no execution");
    lab.sealed(Policy::default(), &[1]).await;
    assert_eq!(lab.observe(&observe).await, ObserveOutcome::Observed);
    assert_eq!(lab.observe(&observe).await, ObserveOutcome::Moved);
    let stalled =
        Observe { seen_due_at: at(900), stalled_at: Some(at(950)), notice: true, due_at: at(1_200), ..observe.clone() };
    assert_eq!(lab.observe(&stalled).await, ObserveOutcome::Observed);
    assert!(lab.execution().notices.contains(&Notice::Stalled));
    let moved = Observe { seen_due_at: at(1_200), progress: 8, due_at: later(at(1_200), 300), ..observe };
    assert_eq!(lab.observe(&moved).await, ObserveOutcome::Observed);
    assert_eq!(lab.execution().stalled_at, None);
}

async fn cancel_once(mut lab: Lab) {
    let cancel = Cancel { execution_id: lab.id, generation: 1, reason: Stop::Requested, due_at: at(700) };
    assert_eq!(lab.cancel(&cancel).await, CancelOutcome::Missing);
    lab.opened(Policy::default()).await;
    let stale = Cancel { generation: 2, ..cancel.clone() };
    assert_eq!(lab.cancel(&stale).await, CancelOutcome::Stale { generation: 1 });
    assert!(matches!(lab.cancel(&cancel).await, CancelOutcome::Cancelling(_)));
    let timed_out = Cancel { reason: Stop::TimedOut, ..cancel };
    let again = lab.cancel(&timed_out).await;
    assert!(matches!(again, CancelOutcome::AlreadyCancelling(row) if row.stopped == Some(Stop::Requested)));
    let late = lab.commit_of(0, 1);
    let refused = control_table::op::CommitGroupOutcome::NotScattering(ExecutionStatus::Cancelling);
    assert_eq!(lab.commit_group(&late).await, refused);
}

async fn cancelled_ends(mut lab: Lab) {
    lab.sealed(Policy::default(), &[1]).await;
    let cancel = Cancel { execution_id: lab.id, generation: 1, reason: Stop::TooManyFailures, due_at: at(700) };
    assert!(matches!(lab.cancel(&cancel).await, CancelOutcome::Cancelling(_)));
    let row = control_table::op::CancelRow { segment: lab.id.segment(0), generation: 1, now: at(600) };
    lab.cancel_row(&row).await;
    let tally = control_table::op::Tally::of(&lab.row(0)).unwrap();
    lab.tally(&tally).await;
    lab.folded(&[0]).await;
    let complete = lab.complete_of(1);
    let row = completed(lab.complete(&complete).await);
    assert_eq!((row.status, row.cancelled), (ExecutionStatus::Failed, 1));
    assert!(matches!(lab.cancel(&cancel).await, CancelOutcome::AlreadyComplete(_)));
}

async fn first_failure(mut lab: Lab) {
    let note = NoteFailure { segment: lab.id.segment(2), generation: 1, due_at: at(5) };
    assert_eq!(lab.note_failure(&note).await, NoteFailureOutcome::Stale, "no execution");
    all_done(&mut lab, Policy::default(), 4).await;
    let stale = NoteFailure { generation: 2, ..note.clone() };
    assert_eq!(lab.note_failure(&stale).await, NoteFailureOutcome::Stale);
    assert_eq!(lab.note_failure(&note).await, NoteFailureOutcome::First);
    let later = NoteFailure { segment: lab.id.segment(3), ..note };
    assert_eq!(lab.note_failure(&later).await, NoteFailureOutcome::Later);
    let row = lab.execution();
    assert_eq!((row.first_failure, row.due.unwrap().due_at), (Some(2), at(5)));
    lab.folded(&[0]).await;
    let complete = lab.complete_of(1);
    completed(lab.complete(&complete).await);
    assert_eq!(lab.note_failure(&later).await, NoteFailureOutcome::Stale, "complete");
}

async fn tell_once(mut lab: Lab) {
    let tell = Tell { execution_id: lab.id, generation: 1, notice: Notice::FirstFailure };
    assert_eq!(lab.tell(&tell).await, TellOutcome::Stale, "no execution");
    lab.sealed(Policy::default(), &[1]).await;
    assert_eq!(lab.tell(&tell).await, TellOutcome::Stale, "no notice");
    lab.note_failure(&NoteFailure { segment: lab.id.segment(0), generation: 1, due_at: at(5) }).await;
    let other = Tell { notice: Notice::Stalled, ..tell.clone() };
    assert_eq!(lab.tell(&other).await, TellOutcome::Stale);
    let stale = Tell { generation: 2, ..tell.clone() };
    assert_eq!(lab.tell(&stale).await, TellOutcome::Stale);
    assert_eq!(lab.tell(&tell).await, TellOutcome::Told);
    assert_eq!(lab.tell(&tell).await, TellOutcome::Stale);
    assert!(lab.execution().notices.is_empty(), "the last of a set takes the attribute along");
}

async fn set_limits(mut lab: Lab) {
    let mut set =
        SetPolicy { execution_id: lab.id, max_concurrency: Some(4), tolerated_failures: Some(Tolerance::Share(25)) };
    assert_eq!(lab.set_policy(&set).await, SetPolicyOutcome::Missing);
    lab.sealed(Policy { max_concurrency: Some(9), ..Policy::default() }, &[1]).await;
    assert!(matches!(lab.set_policy(&set).await, SetPolicyOutcome::Set(_)));
    set.max_concurrency = None;
    set.tolerated_failures = Some(Tolerance::Count(3));
    assert!(matches!(lab.set_policy(&set).await, SetPolicyOutcome::Set(_)));
    set.tolerated_failures = None;
    assert!(matches!(lab.set_policy(&set).await, SetPolicyOutcome::Set(_)));
    let policy = lab.execution().policy;
    assert_eq!((policy.max_concurrency, policy.tolerated_failures), (Some(4), Tolerance::Count(3)));
}

async fn set_refused(mut lab: Lab) {
    lab.sealed(Policy::default(), &[]).await;
    let set = SetPolicy { execution_id: lab.id, max_concurrency: Some(4), tolerated_failures: None };
    assert_eq!(lab.set_policy(&set).await, SetPolicyOutcome::NotLimited);
    let complete = lab.complete_of(1);
    lab.complete(&complete).await;
    assert!(matches!(lab.set_policy(&set).await, SetPolicyOutcome::Set(_)), "for its redrive");
}
