//! The recount on plain rows.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::clock::Timestamp;
use crate::id::{ExecutionId, SegmentId};
use crate::item::{
    ErrorKind, ExecutionRow, ExecutionStatus, KeyRow, SegmentRow, SegmentStatus, Stop, TallyOutcome, TallyRow,
};
use crate::op::{Open, RestoreOutcome, Seal, SealOutcome, Tally};
use crate::policy::Policy;

use super::{Against, GroupRecount, KeyHolder, Look, Seen, Sums, recount_execution, recount_group, recount_key};

const NOW: Timestamp = Timestamp::from_millis(1_000_000);

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn execution_id() -> ExecutionId {
    ExecutionId::new(uuid::Uuid::from_u128(1))
}

fn segment(index: u64) -> SegmentId {
    execution_id().segment(index)
}

/// A sealed execution of that many groups.
fn sealed(groups: u64) -> ExecutionRow {
    let open = Open {
        execution_id: execution_id(),
        job: "nightly".parse().unwrap(),
        key: "2026-11-24".parse().unwrap(),
        policy: Policy::default(),
        expected: None,
        source: Value::Null,
        parameters: Value::Null,
        trace: None,
        now: at(0),
        due_at: at(60),
    };
    let mut execution = open.apply(&mut None).1.map(|(execution, _)| ExecutionRow { groups, ..execution });
    let seal = Seal { execution_id: execution_id(), groups, now: at(5) };
    assert_eq!(seal.apply(&mut execution), SealOutcome::Sealed);
    execution.unwrap()
}

/// An execution of one group that has failed, and whose event is out.
fn failed_and_published() -> ExecutionRow {
    let (status, finished_at) = (ExecutionStatus::Failed, Some(at(80)));
    ExecutionRow { status, finished_at, groups_done: 1, published_generation: 1, due: None, ..sealed(1) }
}

fn row(index: u64, status: SegmentStatus, finished_at: i64) -> SegmentRow {
    let mut row = SegmentRow::pending(segment(index), Value::Null, 1, at(0));
    (row.status, row.attempt) = (status, 1);
    row.lease_until = (status == SegmentStatus::Running).then_some(NOW);
    row.finished_at = status.is_terminal().then_some(at(finished_at));
    (row.counts.item_count, row.counts.duration_ms) = (3, 7);
    row
}

/// A succeeded, a failed and a waiting segment.
fn rows() -> Vec<SegmentRow> {
    let mut pending = SegmentRow::pending(segment(2), Value::Null, 1, at(0));
    pending.attempt = 1;
    vec![row(0, SegmentStatus::Succeeded, 10), row(1, SegmentStatus::Failed, 10), pending]
}

/// The tally that the operations make of rows.
fn tally_of(rows: &[SegmentRow]) -> TallyRow {
    let mut tally = Some(TallyRow::fresh(execution_id().group(0), rows.len() as u64, 1));
    for counted in Tally::merge(rows.iter().filter_map(Tally::of)) {
        counted.apply(&mut tally);
    }
    tally.unwrap()
}

fn recount(execution: &ExecutionRow, tally: Option<&TallyRow>, rows: &[SegmentRow], look: Look) -> GroupRecount {
    let against = Against { execution, is_planned: false, now: NOW };
    let seen = tally.cloned().map(Seen::from);
    recount_group(against, execution_id().group(0), seen.as_ref(), rows, &BTreeMap::new(), look)
}

fn fields(recount: &GroupRecount) -> Vec<&str> {
    let of_rows = recount.rows.iter().flat_map(|row| &row.differences);
    let of_tally = recount.tally.iter().flat_map(|tally| &tally.differences);
    of_rows.chain(of_tally).map(|difference| difference.field.as_str()).collect()
}

/// An execution in its second generation, half way through a redrive or after it.
fn redriven(status: ExecutionStatus) -> ExecutionRow {
    let mut execution = failed_and_published();
    (execution.status, execution.generation) = (status, 2);
    execution
}

#[test]
fn what_the_operations_made_is_right() {
    let execution = sealed(1);
    let rows = rows();
    assert!(recount(&execution, Some(&tally_of(&rows)), &rows, Look::First).is_right());
}

#[test]
fn a_finished_row_in_no_set_is_in_flight_until_it_is_old() {
    let execution = sealed(1);
    let mut rows = rows();
    let tally = tally_of(&rows);
    rows[2] = row(2, SegmentStatus::Succeeded, NOW.as_millis() - 59_000);
    for look in [Look::First, Look::Again] {
        let young = recount(&execution, Some(&tally), &rows, look);
        assert!(young.is_right(), "{young:?}");
        assert_eq!(young.in_flight, [Tally::of(&rows[2]).unwrap()]);
    }
    rows[2] = row(2, SegmentStatus::Succeeded, NOW.as_millis() - 61_000);
    assert!(recount(&execution, Some(&tally), &rows, Look::First).is_right());
    let old = recount(&execution, Some(&tally), &rows, Look::Again);
    assert_eq!(fields(&old), ["pending", "attempts", "duration_ms", "succeeded", "item_count"]);
    assert_eq!(old.expected, tally_of(&rows));
    assert!(old.in_flight.is_empty());
}

#[test]
fn an_offset_whose_row_has_no_outcome_is_damage_at_once() {
    let execution = sealed(1);
    let rows = rows();
    let right = tally_of(&rows);
    let mut tally = right.clone();
    tally.set_mut(TallyOutcome::Cancelled).insert(2);
    tally.pending = 0;
    let recount = recount(&execution, Some(&tally), &rows, Look::First);
    assert_eq!(fields(&recount), ["pending", "cancelled"]);
    let mut stored = Some(tally);
    assert_eq!(recount.tally.unwrap().restore.apply(&mut stored), RestoreOutcome::Restored);
    assert_eq!(stored, Some(right));
}

#[test]
fn a_counter_at_zero_is_as_good_as_none() {
    let execution = sealed(1);
    let rows = rows();
    let mut tally = tally_of(&rows);
    tally.counts.counters.0.insert("rows".to_owned(), 0);
    assert!(recount(&execution, Some(&tally), &rows, Look::First).is_right());
}

#[test]
fn the_odd_one_out_of_size_counts_and_rows_is_wrong() {
    let execution = sealed(1);
    let rows = rows();
    let right = tally_of(&rows);
    let size = TallyRow { size: 9, ..right.clone() };
    assert_eq!(fields(&recount(&execution, Some(&size), &rows, Look::First)), ["size"]);
    let pending = TallyRow { pending: 2, ..right.clone() };
    assert_eq!(fields(&recount(&execution, Some(&pending), &rows, Look::First)), ["pending"]);
    let lost = recount(&execution, Some(&right), &rows[1..], Look::First);
    assert_eq!(fields(&lost), ["item"]);
    let made = &lost.rows[0].restore.row;
    assert_eq!((made.status, made.attempt, &made.counts), (SegmentStatus::Succeeded, 1, &rows[0].counts));
}

#[test]
fn a_lost_row_that_nobody_counted_fails_unless_the_plan_knows_what_it_was_to_do() {
    let execution = sealed(1);
    let rows = rows();
    let tally = Seen::from(tally_of(&rows));
    let lost = recount(&execution, Some(&tally.row), &rows[..2], Look::First);
    let error = lost.rows[0].restore.row.error.as_ref().map(|error| error.kind);
    assert_eq!(error, Some(ErrorKind::RowLost));
    assert!(!ErrorKind::RowLost.is_retryable());

    let against = Against { execution: &execution, is_planned: false, now: NOW };
    let specs = BTreeMap::from([(2, json!({ "from": 2 }))]);
    let known = recount_group(against, execution_id().group(0), Some(&tally), &rows[..2], &specs, Look::First);
    let made = &known.rows[0].restore.row;
    assert_eq!((made.status, &made.spec), (SegmentStatus::Pending, &specs[&2]));
    assert!(known.tally.is_none(), "the tally waits for it");
}

#[test]
fn in_a_complete_and_published_execution_nothing_waits() {
    let execution = failed_and_published();
    let rows = rows();
    let tally = TallyRow { folded: 1, ..tally_of(&rows) };
    let recount = recount(&execution, Some(&tally), &rows, Look::First);
    assert_eq!(recount.rows[0].restore.row.status, SegmentStatus::Failed);
    assert!(recount.rows[0].differences[0].correction.contains("redrive it"));
    assert_eq!((recount.expected.pending, recount.expected.failed.len()), (0, 2));
}

#[test]
fn groups_keep_their_generation_in_a_later_one_and_rows_that_succeeded_keep_theirs() {
    let mut rows = rows();
    rows[2] = row(2, SegmentStatus::Succeeded, 10);
    let old = TallyRow { folded: 1, ..tally_of(&rows) };
    for status in [ExecutionStatus::Redriving, ExecutionStatus::Running, ExecutionStatus::Failed] {
        let recount = recount(&redriven(status), Some(&old), &rows, Look::Again);
        assert!(recount.is_right() && recount.in_flight.is_empty(), "{status:?}: {recount:?}");
    }
    // Un-folded: what failed is to be put back, and is in no set.
    let mut unfolded = TallyRow { generation: 2, pending: 1, attempts: 2, ..old.clone() };
    unfolded.failed.clear();
    (unfolded.counts.item_count, unfolded.counts.duration_ms) = (6, 14);
    let recount_of = |row: &SegmentRow, status| {
        let rows = [rows[0].clone(), row.clone(), rows[2].clone()];
        recount(&redriven(status), Some(&unfolded), &rows, Look::Again)
    };
    assert!(recount_of(&rows[1], ExecutionStatus::Redriving).is_right());
    let put_back = SegmentRow { generation: 2, attempt: 0, ..SegmentRow::pending(segment(1), Value::Null, 2, at(0)) };
    assert!(recount_of(&put_back, ExecutionStatus::Redriving).is_right());
    assert!(recount_of(&put_back, ExecutionStatus::Running).is_right());
    // Put back, and its generation lost.
    let stale = SegmentRow { generation: 1, ..put_back };
    assert_eq!(fields(&recount_of(&stale, ExecutionStatus::Running)), ["generation"]);
}

fn sums(execution: &ExecutionRow, tallies: &[TallyRow]) -> Sums {
    let mut sums = Sums::default();
    for tally in tallies {
        sums.add(tally, execution.generation);
    }
    sums
}

fn of_execution(row: ExecutionRow, tallies: &[TallyRow]) -> Vec<(String, ExecutionRow)> {
    let sums = sums(&row, tallies);
    let correction = recount_execution(&Seen::from(row), &sums, NOW);
    correction.map_or_else(Vec::new, |correction| {
        let fields = correction.differences.iter().map(|difference| difference.field.clone());
        fields.map(|field| (field, correction.restore.row.clone())).collect()
    })
}

/// A complete execution of one folded group, as the operations leave it.
fn complete() -> (ExecutionRow, TallyRow) {
    let rows = [row(0, SegmentStatus::Succeeded, 10), row(1, SegmentStatus::Failed, 10)];
    let tally = TallyRow { folded: 1, ..tally_of(&rows) };
    let mut execution = failed_and_published();
    (execution.segments, execution.succeeded, execution.failed, execution.attempts) = (2, 1, 1, 2);
    execution.counts = tally.counts.clone();
    (execution, tally)
}

#[test]
fn a_complete_execution_is_the_sum_of_its_tallies() {
    let (execution, tally) = complete();
    assert_eq!(of_execution(execution.clone(), std::slice::from_ref(&tally)), []);
    let wrong = ExecutionRow { failed: 7, ..execution.clone() };
    let found = of_execution(wrong, std::slice::from_ref(&tally));
    assert_eq!(found, [("failed".to_owned(), execution)]);
}

#[test]
fn a_verdict_that_no_tolerance_explains_is_wrong() {
    let (execution, tally) = complete();
    let status = |row: ExecutionRow| -> Vec<_> {
        of_execution(row, std::slice::from_ref(&tally)).into_iter().map(|(field, row)| (field, row.status)).collect()
    };
    let row = || execution.clone();
    // The tolerance may have been lower, or higher, when it completed.
    assert_eq!(status(ExecutionRow { status: ExecutionStatus::Succeeded, ..row() }), []);
    let wrong = [("status".to_owned(), ExecutionStatus::Failed)];
    assert_eq!(status(ExecutionRow { status: ExecutionStatus::Cancelled, ..row() }), wrong);
    let stopped = Some(Stop::TooManyFailures);
    assert_eq!(status(ExecutionRow { status: ExecutionStatus::Succeeded, stopped, ..row() }), wrong);
    let due = Some(crate::item::Due::execution(execution_id(), NOW));
    let unpublished = ExecutionRow { published_generation: 0, due, status: ExecutionStatus::Succeeded, ..row() };
    assert_eq!(status(unpublished), wrong);
}

#[test]
fn a_verdict_before_the_end_is_taken_back_unless_it_was_told() {
    let (execution, mut tally) = complete();
    (tally.pending, tally.size, tally.folded) = (1, 3, 0);
    let due = Some(crate::item::Due::execution(execution_id(), NOW));
    let unpublished = ExecutionRow { published_generation: 0, due, ..execution };
    let reopened = of_execution(unpublished.clone(), std::slice::from_ref(&tally)).remove(0).1;
    assert_eq!((reopened.status, reopened.finished_at, reopened.groups_done), (ExecutionStatus::Running, None, 0));
    let stopped = ExecutionRow { stopped: Some(Stop::Requested), ..unpublished.clone() };
    assert_eq!(of_execution(stopped, std::slice::from_ref(&tally)).remove(0).1.status, ExecutionStatus::Cancelling);
    let never_sealed = ExecutionRow { sealed_at: None, ..unpublished };
    assert_eq!(of_execution(never_sealed, &[tally]).remove(0).1.status, ExecutionStatus::Scattering);
}

#[test]
fn a_key_is_given_back_but_not_taken_from_a_later_execution() {
    let execution = sealed(0);
    let own = KeyRow::new(&execution.job, &execution.key, execution.execution_id);
    assert_eq!(recount_key(&execution, &KeyHolder::Item(own.clone()), NOW), None);
    assert_eq!(recount_key(&execution, &KeyHolder::Another, NOW), None);
    let lost = recount_key(&execution, &KeyHolder::Nobody, NOW).unwrap();
    assert_eq!(lost.restore.row, own);
    let nobody = crate::id::ExecutionId::new(uuid::Uuid::from_u128(9));
    let wrong = KeyHolder::Item(KeyRow::new(&execution.job, &execution.key, nobody));
    assert_eq!(recount_key(&execution, &wrong, NOW).unwrap().restore.row, own);
    let expired = ExecutionRow { expires_at: Some(1), ..execution };
    assert_eq!(recount_key(&expired, &KeyHolder::Nobody, NOW), None);
}
