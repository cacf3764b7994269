//! Overwrite if unchanged, add dead letter.

use control_table::operation::{AddDeadLetter, AddDeadLetterOutcome, OverwriteIfUnchanged, OverwriteOutcome};
use control_table::policy::Policy;
use control_table::rows::{DeadLetterSource, ExecutionRow, Offsets, Row, TallyRow};

use super::Case;
use super::lab::{Lab, at, failed, succeeded};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("overwrite: a tally that is as it was seen, once", a_tally),
        Case::new("overwrite: an execution with sets, counters and a due moment, and without", an_execution),
        Case::new("overwrite: a row that changed meanwhile stays", a_row_that_changed),
        Case::new("overwrite: a row that was lost is made again, one that is there stays", a_lost_row),
        Case::new("dead letters: each event once, newest first", dead_letters),
    ]
}

fn overwrite<R: Row>(seen: &R, row: &R) -> OverwriteIfUnchanged<R> {
    OverwriteIfUnchanged::new(Some(seen.clone()), row.clone()).unwrap()
}

async fn a_tally(mut lab: Lab) {
    lab.sealed(Policy::default(), &[3]).await;
    lab.done(0, succeeded(0)).await;
    lab.done(1, failed()).await;
    let seen = lab.tally_row(0);
    let mut right = TallyRow { pending: 3, attempts: 0, puts_again: 3, ..seen.clone() };
    right.succeeded = Offsets::default();
    right.failed = Offsets::default();
    right.counts = control_table::rows::Counts::default();
    let request = overwrite(&seen, &right);
    assert_eq!(lab.both(&request).await, OverwriteOutcome::Overwritten);
    assert_eq!(lab.both(&request).await, OverwriteOutcome::Overwritten, "an answer that was lost");
    assert_eq!(lab.both(&overwrite(&right, &seen)).await, OverwriteOutcome::Overwritten, "and back");
}

async fn an_execution(mut lab: Lab) {
    lab.sealed(Policy { max_concurrency: Some(2), ..Policy::default() }, &[2]).await;
    let seen = lab.execution();
    let mut right = ExecutionRow { groups_done: 1, succeeded: 2, due: None, scatter_until: None, ..seen.clone() };
    right.counts.counters.0.insert("rows read, été".to_owned(), -7);
    right.in_flight.insert(1);
    assert_eq!(lab.both(&overwrite(&seen, &right)).await, OverwriteOutcome::Overwritten);
    assert_eq!(lab.both(&overwrite(&right, &seen)).await, OverwriteOutcome::Overwritten);
}

async fn a_row_that_changed(mut lab: Lab) {
    lab.sealed(Policy::default(), &[2]).await;
    let seen = lab.tally_row(0);
    lab.done(0, succeeded(0)).await;
    let now = lab.tally_row(0);
    let request = overwrite(&seen, &TallyRow { pending: 1, ..seen.clone() });
    assert_eq!(lab.both(&request).await, OverwriteOutcome::Moved(Some(Box::new(now))));
    let other = TallyRow { group: lab.id.group(9), ..seen.clone() };
    let missing = overwrite(&other, &TallyRow { pending: 1, ..other.clone() });
    assert_eq!(lab.both(&missing).await, OverwriteOutcome::Moved(None));
    assert_eq!(lab.table.tallies(lab.id, 9..10).await.unwrap(), [], "a refused update makes no item");
}

async fn a_lost_row(mut lab: Lab) {
    lab.sealed(Policy::default(), &[2]).await;
    let lost = TallyRow::fresh(lab.id.group(1), 5, 1);
    let request = OverwriteIfUnchanged::new(None, lost).unwrap();
    assert_eq!(lab.both(&request).await, OverwriteOutcome::Overwritten);
    let there = lab.tally_row(0);
    let request = OverwriteIfUnchanged::new(None, TallyRow { pending: 1, ..there.clone() }).unwrap();
    assert_eq!(lab.both(&request).await, OverwriteOutcome::Moved(Some(Box::new(there))));
}

async fn dead_letters(mut lab: Lab) {
    let letter = |source, event_id: &str, millis| AddDeadLetter {
        source,
        event_id: event_id.to_owned(),
        reason: "no JSON".to_owned(),
        payload: b"hello \xff".to_vec(),
        now: at(millis),
    };
    let (worker, gather) = (DeadLetterSource::Worker, DeadLetterSource::Gather);
    for (source, event_id, millis) in [(worker, "a", 1), (gather, "a", 3), (worker, "b", 2), (worker, "", 4)] {
        let request = letter(source, event_id, millis);
        assert_eq!(lab.both(&request).await, AddDeadLetterOutcome::Added);
        let again = AddDeadLetter { now: at(9), ..request };
        assert_eq!(lab.both(&again).await, AddDeadLetterOutcome::AlreadyAdded);
    }
    let newest = lab.table.dead_letters(2).await.unwrap();
    assert_eq!(newest.iter().map(|row| row.recorded_at).collect::<Vec<_>>(), [at(4), at(3)]);
}
