//! Tally and fold.

use control_table::limits::{OUTCOMES_PER_TALLY, TALLIES_PER_FOLD};
use control_table::operation::{Counted, Fold, FoldOutcome, Tally, TallyResult};
use control_table::policy::Policy;
use control_table::rows::{Counters, Counts, TallyOutcome};

use super::Case;
use super::lab::{Lab, failed, succeeded};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("tally: a segment is counted once, whatever outcome is counted the second time", one_outcome_once),
        Case::new("tally: a batch of all three outcomes, the first offset and the last", several_at_once),
        Case::new("tally: of a batch that is counted in part, the rest is counted", a_batch_counted_in_part),
        Case::new("tally: the first failure of a group is reported as such", the_first_failure),
        Case::new("tally: of another generation, and without a tally", stale_and_missing),
        Case::new("fold: one group, once", one_group_once),
        Case::new("fold: as many tallies as a transaction takes, and one more", many_groups),
        Case::new("fold: unfinished and folded tallies are left out, the rest is added", some_are_refused),
        Case::new("fold: of another generation, and without an execution", stale_folds),
    ]
}

fn counted(offset: u8, outcome: TallyOutcome) -> Counted {
    let counters = [("status".to_owned(), i64::from(offset) - 3), ("pending".to_owned(), 1)].into_iter().collect();
    let counts = Counts { item_count: -i64::from(offset), duration_ms: 5, counters: Counters(counters) };
    Counted { offset, outcome, attempts: 2, counts }
}

fn tally(lab: &Lab, outcomes: Vec<Counted>) -> Tally {
    Tally { group: lab.id.group(0), generation: 1, outcomes }
}

async fn one_outcome_once(mut lab: Lab) {
    lab.sealed(Policy::default(), &[2]).await;
    let first = tally(&lab, vec![counted(1, TallyOutcome::Succeeded)]);
    assert_eq!(lab.both(&first).await, TallyResult::Counted { pending: 1, first_failure: false });
    for outcome in [TallyOutcome::Succeeded, TallyOutcome::Failed, TallyOutcome::Cancelled] {
        let again = tally(&lab, vec![counted(1, outcome)]);
        assert_eq!(lab.both(&again).await, TallyResult::AlreadyCounted);
    }
    let row = lab.tally_row(0);
    assert_eq!((row.pending, row.attempts, row.counts.item_count), (1, 2, -1));
}

async fn several_at_once(mut lab: Lab) {
    lab.sealed(Policy::default(), &[128]).await;
    let outcomes = [TallyOutcome::Succeeded, TallyOutcome::Failed, TallyOutcome::Cancelled];
    let batch = (0..OUTCOMES_PER_TALLY).map(|number| {
        let offset = if number == 0 { 127 } else { u8::try_from(number - 1).unwrap() };
        counted(offset, outcomes[number % 3])
    });
    let batch = tally(&lab, batch.collect());
    let pending = 128 - OUTCOMES_PER_TALLY as u64;
    assert_eq!(lab.both(&batch).await, TallyResult::Counted { pending, first_failure: true });
    assert_eq!(lab.both(&batch).await, TallyResult::AlreadyCounted);
}

async fn a_batch_counted_in_part(mut lab: Lab) {
    lab.sealed(Policy::default(), &[12]).await;
    let first = tally(&lab, vec![counted(1, TallyOutcome::Succeeded), counted(2, TallyOutcome::Failed)]);
    lab.both(&first).await;
    // 11 is no member because 1 is one, nor the other way round.
    let batch = tally(&lab, (1..12).map(|offset| counted(offset, TallyOutcome::Cancelled)).collect());
    assert_eq!(lab.both(&batch).await, TallyResult::Counted { pending: 1, first_failure: false });
    let row = lab.tally_row(0);
    assert_eq!((row.succeeded.len(), row.failed.len(), row.cancelled.len()), (1, 1, 9));
}

async fn the_first_failure(mut lab: Lab) {
    lab.sealed(Policy::default(), &[4]).await;
    for (offset, outcome, first_failure) in
        [(0, TallyOutcome::Succeeded, false), (1, TallyOutcome::Failed, true), (2, TallyOutcome::Failed, false)]
    {
        let request = tally(&lab, vec![counted(offset, outcome)]);
        let pending = 3 - u64::from(offset);
        assert_eq!(lab.both(&request).await, TallyResult::Counted { pending, first_failure });
    }
}

async fn stale_and_missing(mut lab: Lab) {
    let request = tally(&lab, vec![counted(0, TallyOutcome::Failed)]);
    assert_eq!(lab.both(&request).await, TallyResult::Missing);
    assert_eq!(lab.table.tallies(lab.id, 0..1).await.unwrap(), [], "an update that is refused makes no item");
    lab.sealed(Policy::default(), &[1]).await;
    let stale = Tally { generation: 2, ..request };
    assert_eq!(lab.both(&stale).await, TallyResult::Stale { generation: 1 });
    let nothing = tally(&lab, vec![]);
    assert_eq!(lab.both(&nothing).await, TallyResult::AlreadyCounted);
}

async fn one_group_once(mut lab: Lab) {
    lab.sealed(Policy::default(), &[2]).await;
    lab.done(0, succeeded(0)).await;
    lab.done(1, failed()).await;
    let fold = lab.fold_of(&[0]);
    assert_eq!(lab.both(&fold).await, FoldOutcome::Folded(1));
    assert_eq!(lab.both(&fold).await, FoldOutcome::Folded(0));
    let row = lab.execution();
    assert_eq!((row.groups_done, row.succeeded, row.failed, row.attempts), (1, 1, 1, 2));
    assert_eq!((row.counts.item_count, row.counts.counters.0["status"]), (10, -1));
}

/// An execution of that many groups of one segment, each counted; made without a comparison after each step.
async fn counted_groups(lab: &mut Lab, groups: u64) {
    lab.opened(Policy::default()).await;
    for group in 0..groups {
        let commit = lab.commit_of(group, 1);
        lab.both_unseen(&commit).await;
        let request = Tally { group: lab.id.group(group), ..tally(lab, vec![counted(0, TallyOutcome::Succeeded)]) };
        lab.both_unseen(&request).await;
    }
}

async fn many_groups(mut lab: Lab) {
    let groups = TALLIES_PER_FOLD as u64 + 1;
    counted_groups(&mut lab, groups).await;
    let tallies: Vec<_> = (0..groups).map(|group| lab.tally_row(group)).collect();
    for expected in [[TALLIES_PER_FOLD, 1], [0, 0]] {
        let folds: Vec<_> = Fold::of(lab.id, 1, &tallies).collect();
        for (fold, folded) in folds.iter().zip(expected) {
            assert_eq!(lab.both(fold).await, FoldOutcome::Folded(folded));
        }
    }
    let row = lab.execution();
    assert_eq!((row.groups_done, row.succeeded, row.attempts), (groups, groups, 2 * groups));
}

async fn some_are_refused(mut lab: Lab) {
    counted_groups(&mut lab, 4).await;
    let unfinished = lab.commit_of(4, 1);
    lab.both(&unfinished).await;
    lab.folded(&[2]).await;
    let all = lab.fold_of(&[0, 1, 2, 3, 4]);
    // As an older image of the stream would show group 2.
    let tallies = all.tallies.into_iter().map(|tally| control_table::rows::TallyRow { folded: 0, ..tally }).collect();
    let all = Fold { tallies, ..all };
    assert_eq!(lab.both(&all).await, FoldOutcome::Folded(3));
    assert_eq!(lab.execution().groups_done, 4);
}

async fn stale_folds(mut lab: Lab) {
    counted_groups(&mut lab, 1).await;
    let fold = lab.fold_of(&[0]);
    let stale = Fold { generation: 2, ..fold.clone() };
    assert_eq!(lab.both(&stale).await, FoldOutcome::Stale);
    let other = super::lab::execution_id(5, 9);
    let missing = Fold { execution_id: other, ..fold };
    assert_eq!(lab.both(&missing).await, FoldOutcome::Stale);
    assert_eq!(lab.table.execution(other).await.unwrap(), None, "a fold makes no execution");
    assert_eq!(lab.tally_row(0).folded, 0);
}
