//! Begin redrive, un-fold, requeue, end redrive.

use std::collections::BTreeMap;

use control_table::limits::{GROUP_SIZE, TALLIES_PER_FOLD};
use control_table::operation::{
    BeginRedrive, BeginRedriveOutcome, Cancel, CancelOutcome, ClaimOutcome, CompleteOutcome, EndRedrive,
    EndRedriveOutcome, Finish, MarkPublished, Requeue, RequeueOutcome, Seal, SetPolicy, Tally, TallyResult, Unfold,
    UnfoldGroup, UnfoldOutcome,
};
use control_table::policy::Policy;
use control_table::rows::{ExecutionStatus, SegmentStatus, Selection, TallyOutcome};

use super::Case;
use super::lab::{Lab, at, failed, succeeded};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("redrive: a failed segment from begin to its second completion", from_begin_to_completion),
        Case::new("begin redrive: only a complete and published execution, once", begin_once),
        Case::new("begin redrive: of an execution with a limit, and of one whose limit was set later", begin_limited),
        Case::new("un-fold: a group of failed and cancelled segments, counters and all", unfold_both_sets),
        Case::new("un-fold: as many groups as a transaction takes; of those un-folded before, the rest", unfold_many),
        Case::new("un-fold: refused unless folded and redriving", unfold_refused),
        Case::new("requeue: failed and cancelled segments, once", requeue_once),
        Case::new("end redrive: once; a cancel waits for it", end_once),
    ]
}

fn begin(lab: &Lab, generation: u32) -> BeginRedrive {
    BeginRedrive {
        execution_id: lab.id,
        generation,
        selection: Selection { failed: true, cancelled: false, only: Some("1,3-5".parse().unwrap()) },
        limited: false,
        now: at(1_000),
        due_at: at(1_300),
    }
}

fn group_of(lab: &Lab, group: u64, indexes: &[u64]) -> UnfoldGroup {
    let rows: Vec<_> = indexes.iter().map(|index| lab.row(*index)).collect();
    UnfoldGroup::of(&lab.tally_row(group), &rows).unwrap()
}

fn unfold_of(lab: &Lab, generation: u32, group: u64, indexes: &[u64]) -> Unfold {
    let groups = vec![group_of(lab, group, indexes)];
    Unfold { execution_id: lab.id, generation, groups, now: at(1_400) }
}

async fn from_begin_to_completion(mut lab: Lab) {
    lab.failed_and_published().await;
    let begun = begin(&lab, 2);
    assert!(matches!(lab.both(&begun).await, BeginRedriveOutcome::Begun(_)));
    let unfold = unfold_of(&lab, 2, 0, &[1]);
    assert_eq!(lab.both(&unfold).await, UnfoldOutcome::Unfolded(1));
    assert_eq!(lab.both(&unfold).await, UnfoldOutcome::AlreadyUnfolded);
    let requeue = Requeue { segment: lab.id.segment(1), generation: 2 };
    assert!(matches!(lab.both(&requeue).await, RequeueOutcome::Requeued(_)));
    let end = EndRedrive { execution_id: lab.id, generation: 2, stop_requested: None, now: at(1_600) };
    assert!(matches!(lab.both(&end).await, EndRedriveOutcome::Running(_)));
    let stale = control_table::operation::Claim { generation: 1, ..lab.claim_of(1) };
    assert_eq!(lab.both(&stale).await, ClaimOutcome::Stale { generation: 2 });
    lab.done(1, succeeded(1)).await;
    lab.folded(&[0]).await;
    let complete = lab.complete_of(2);
    let outcome = lab.both(&complete).await;
    let CompleteOutcome::Completed(row) = outcome else { panic!("{outcome:?}") };
    assert_eq!((row.status, row.succeeded, row.failed, row.attempts), (ExecutionStatus::Succeeded, 2, 0, 2));
    assert_eq!(row.counts.item_count, 21);
    let mark = MarkPublished { execution_id: lab.id, generation: 2, expires_at: None };
    lab.both(&mark).await;
}

async fn begin_once(mut lab: Lab) {
    let begun = begin(&lab, 2);
    assert_eq!(lab.both(&begun).await, BeginRedriveOutcome::Missing);
    lab.sealed(Policy::default(), &[2]).await;
    let refused = BeginRedriveOutcome::NotComplete(ExecutionStatus::Running);
    assert_eq!(lab.both(&begun).await, refused);
    lab.done(0, succeeded(0)).await;
    lab.done(1, failed()).await;
    lab.folded(&[0]).await;
    let complete = lab.complete_of(1);
    lab.both(&complete).await;
    assert_eq!(lab.both(&begun).await, BeginRedriveOutcome::NotPublished);
    let mark = MarkPublished { execution_id: lab.id, generation: 1, expires_at: None };
    lab.both(&mark).await;
    let early = begin(&lab, 3);
    assert_eq!(lab.both(&early).await, BeginRedriveOutcome::Stale { generation: 1 });
    assert!(matches!(lab.both(&begun).await, BeginRedriveOutcome::Begun(_)));
    assert!(matches!(lab.both(&begun).await, BeginRedriveOutcome::AlreadyBegun(_)));
    assert!(lab.execution().redrive.is_some());
    let sealed = Seal { execution_id: lab.id, groups: 1, now: at(10) };
    lab.both(&sealed).await;
}

async fn begin_limited(mut lab: Lab) {
    lab.failed_and_published().await;
    let set = SetPolicy { execution_id: lab.id, max_concurrency: Some(4), tolerated_failures: None };
    lab.both(&set).await;
    let unlimited = begin(&lab, 2);
    assert_eq!(lab.both(&unlimited).await, BeginRedriveOutcome::PolicyChanged);
    let limited = BeginRedrive { limited: true, ..unlimited };
    assert!(matches!(lab.both(&limited).await, BeginRedriveOutcome::Begun(_)));
    assert_eq!(lab.execution().admitted_until, Some(0));
}

/// Two groups; in the first, one segment of each outcome, all with counters. Folded, complete, published, redriving.
pub(super) async fn redriving(lab: &mut Lab) {
    lab.sealed(Policy::default(), &[3, 1]).await;
    lab.done(0, succeeded(0)).await;
    lab.done(1, failed()).await;
    lab.done(128, succeeded(128)).await;
    let cancel =
        Cancel { execution_id: lab.id, generation: 1, reason: control_table::rows::Stop::Requested, due_at: at(700) };
    lab.both(&cancel).await;
    let row = control_table::operation::CancelSegment { segment: lab.id.segment(2), generation: 1, now: at(600) };
    lab.both(&row).await;
    let tally = Tally::of(&lab.row(2)).unwrap();
    lab.both(&tally).await;
    lab.folded(&[0, 1]).await;
    let complete = lab.complete_of(1);
    lab.both(&complete).await;
    let mark = MarkPublished { execution_id: lab.id, generation: 1, expires_at: None };
    lab.both(&mark).await;
    let begun = begin(lab, 2);
    assert!(matches!(lab.both(&begun).await, BeginRedriveOutcome::Begun(_)));
}

async fn unfold_both_sets(mut lab: Lab) {
    redriving(&mut lab).await;
    let unfold = unfold_of(&lab, 2, 0, &[1, 2]);
    assert_eq!(unfold.groups[0].offsets, BTreeMap::from([(1, TallyOutcome::Failed), (2, TallyOutcome::Cancelled)]));
    assert_eq!(lab.both(&unfold).await, UnfoldOutcome::Unfolded(1));
    let (row, tally) = (lab.execution(), lab.tally_row(0));
    assert_eq!((row.groups_done, row.succeeded, row.failed, row.cancelled), (1, 1, 0, 0));
    assert_eq!(row.counts.item_count, 138, "of the other group alone");
    assert_eq!((tally.pending, tally.failed.len(), tally.cancelled.len(), tally.counts.item_count), (2, 0, 0, 10));
    let stale = Tally { generation: 1, ..Tally::of(&lab.row(1)).unwrap() };
    assert_eq!(lab.both(&stale).await, TallyResult::Stale { generation: 2 });
}

/// A redrive of as many groups as one transaction un-folds, each of one failed segment; made without a comparison after each step.
async fn redriving_many(lab: &mut Lab) {
    lab.opened(Policy::default()).await;
    let groups: Vec<u64> = (0..TALLIES_PER_FOLD as u64).collect();
    for group in &groups {
        let (rows, commit) = (lab.rows_of(*group, 1), lab.commit_of(*group, 1));
        lab.both_unseen(&rows).await;
        lab.both_unseen(&commit).await;
        let claim = lab.claim_of(group * GROUP_SIZE);
        lab.both_unseen(&claim).await;
        let finish = Finish { ending: failed(), ..lab.finish_of(group * GROUP_SIZE, 1) };
        lab.both_unseen(&finish).await;
        let tally = Tally::of(&lab.row(group * GROUP_SIZE)).unwrap();
        lab.both_unseen(&tally).await;
    }
    lab.both_unseen(&Seal { execution_id: lab.id, groups: groups.len() as u64, now: at(10) }).await;
    lab.folded(&groups).await;
    let complete = lab.complete_of(1);
    lab.both(&complete).await;
    let mark = MarkPublished { execution_id: lab.id, generation: 1, expires_at: None };
    lab.both(&mark).await;
    let begun = BeginRedrive { selection: Selection::unsuccessful(), ..begin(lab, 2) };
    assert!(matches!(lab.both(&begun).await, BeginRedriveOutcome::Begun(_)));
}

async fn unfold_many(mut lab: Lab) {
    redriving_many(&mut lab).await;
    let groups: Vec<_> =
        (0..TALLIES_PER_FOLD as u64).map(|group| group_of(&lab, group, &[group * GROUP_SIZE])).collect();
    let of = |groups: &[UnfoldGroup]| Unfold {
        execution_id: lab.id,
        generation: 2,
        groups: groups.to_vec(),
        now: at(1_400),
    };
    let (first, all) = (of(&groups[3..5]), of(&groups));
    assert_eq!(lab.both(&first).await, UnfoldOutcome::Unfolded(2));
    assert_eq!(lab.both(&all).await, UnfoldOutcome::Unfolded(TALLIES_PER_FOLD - 2));
    assert_eq!(lab.both(&all).await, UnfoldOutcome::AlreadyUnfolded);
    let row = lab.execution();
    assert_eq!((row.groups_done, row.failed, row.attempts), (0, 0, 0));
    assert_eq!((lab.tally_row(98).pending, lab.tally_row(98).put_at), (1, at(1_400)));
}

async fn unfold_refused(mut lab: Lab) {
    redriving(&mut lab).await;
    let unfold = unfold_of(&lab, 2, 0, &[1]);
    let other = Unfold { generation: 3, ..unfold.clone() };
    assert_eq!(lab.both(&other).await, UnfoldOutcome::Stale);
    let mut seen = unfold.clone();
    seen.groups[0].tally.generation = 0;
    assert_eq!(lab.both(&seen).await, UnfoldOutcome::NotFolded(lab.id.group(0)));
    let mut missing = unfold.clone();
    missing.groups[0].tally.group = lab.id.group(7);
    assert_eq!(lab.both(&missing).await, UnfoldOutcome::Missing);
    assert_eq!(lab.table.tallies(lab.id, 7..8).await.unwrap(), []);
    let end = EndRedrive { execution_id: lab.id, generation: 2, stop_requested: None, now: at(1_600) };
    lab.both(&end).await;
    assert_eq!(lab.both(&unfold).await, UnfoldOutcome::Stale, "no longer redriving");
    missing.execution_id = super::lab::execution_id(5, 9);
    missing.groups[0].tally.group = missing.execution_id.group(0);
    assert_eq!(lab.both(&missing).await, UnfoldOutcome::Missing, "no execution");
}

async fn requeue_once(mut lab: Lab) {
    redriving(&mut lab).await;
    let of = |index: u64| Requeue { segment: lab.id.segment(index), generation: 2 };
    let (succeeded, failed, cancelled, missing) = (of(0), of(1), of(2), of(9));
    assert_eq!(lab.both(&succeeded).await, RequeueOutcome::NotUnsuccessful(SegmentStatus::Succeeded));
    for request in [failed, cancelled] {
        assert!(matches!(lab.both(&request).await, RequeueOutcome::Requeued(_)));
        assert!(matches!(lab.both(&request).await, RequeueOutcome::AlreadyRequeued(_)));
        let older = Requeue { generation: 1, ..request };
        assert!(matches!(lab.both(&older).await, RequeueOutcome::AlreadyRequeued(_)));
    }
    let row = lab.row(1);
    assert_eq!((row.status, row.attempt, row.error, row.started_at), (SegmentStatus::Pending, 0, None, None));
    assert_eq!(lab.both(&missing).await, RequeueOutcome::Missing);
}

async fn end_once(mut lab: Lab) {
    redriving(&mut lab).await;
    let cancel =
        Cancel { execution_id: lab.id, generation: 2, reason: control_table::rows::Stop::Requested, due_at: at(1_700) };
    assert_eq!(lab.both(&cancel).await, CancelOutcome::Redriving);
    let end = EndRedrive { execution_id: lab.id, generation: 2, stop_requested: None, now: at(1_600) };
    let stale = EndRedrive { generation: 1, ..end.clone() };
    assert_eq!(lab.both(&stale).await, EndRedriveOutcome::NotRedriving);
    assert!(matches!(lab.both(&end).await, EndRedriveOutcome::Running(_)));
    assert_eq!(lab.both(&end).await, EndRedriveOutcome::NotRedriving);
    assert!(matches!(lab.both(&cancel).await, CancelOutcome::Cancelling(_)));
}
