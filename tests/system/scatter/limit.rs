//! Executions that limit the segments in flight.

use std::collections::{BTreeSet, HashSet};

use control_table::id::ExecutionId;
use control_table::limits::{GROUP_SIZE, MAX_CONCURRENCY};
use control_table::message::SegmentRecord;
use control_table::operation::{
    Claim, ClaimOutcome, Counted, Ending, Finish, FinishOutcome, ReleaseSlots, ReleaseSlotsOutcome, SetPolicy,
    SetPolicyOutcome, Tally,
};
use control_table::rows::{Counts, ExecutionRow, TallyOutcome};
use futures::future::{join_all, try_join_all};
use serde_json::{Value, json};

use test_support::RawEvents;

use super::world::{World, numbers};

fn limited(key: &str, count: u64, limit: u32) -> Value {
    let mut event = numbers(key, count);
    event["policy"] = json!({ "max_concurrency": limit });
    event
}

async fn execution(world: &World, execution_id: ExecutionId) -> ExecutionRow {
    world.table.execution(execution_id).await.unwrap().unwrap()
}

async fn in_flight(world: &World, execution_id: ExecutionId) -> Vec<u64> {
    execution(world, execution_id).await.in_flight.into_iter().collect()
}

async fn free(world: &World, execution_id: ExecutionId, segments: &[u64]) {
    let request = ReleaseSlots { execution_id, generation: 1, segments: segments.to_vec() };
    assert!(matches!(world.table.execute(&request).await.unwrap(), ReleaseSlotsOutcome::Released(_)));
}

async fn admit(world: &World, execution_id: ExecutionId) -> u64 {
    world.scatter().admit(execution_id).await.unwrap().records
}

async fn set_limit(world: &World, execution_id: ExecutionId, limit: u32) {
    let request = SetPolicy { execution_id, max_concurrency: Some(limit), tolerated_failures: None };
    assert!(matches!(world.table.execute(&request).await.unwrap(), SetPolicyOutcome::Set(_)));
}

/// What a worker does with a record, from the claim to the next hand-out.
async fn work(world: &World, record: &SegmentRecord) {
    let (segment, now) = (record.segment(), world.now());
    let claim = Claim {
        segment,
        generation: 1,
        record: "record".to_owned(),
        claim_id: "claim".to_owned(),
        max_attempts: 3,
        now,
        lease_until: now.plus(chrono::TimeDelta::minutes(1)),
    };
    let ClaimOutcome::Claimed(row) = world.table.execute(&claim).await.unwrap() else { panic!("{segment}") };
    let flying = execution(world, record.execution_id).await.in_flight;
    assert!(flying.contains(&record.index) && flying.len() <= record.policy.max_concurrency.unwrap() as usize);
    let ending = Ending::Succeeded { counts: Counts::default(), result: None };
    let finish = Finish { segment, generation: 1, attempt: row.attempt, now, ending, failures: Vec::new() };
    assert!(matches!(world.table.execute(&finish).await.unwrap(), FinishOutcome::Finished(_)));
    let (offset, outcome, counts) = (segment.offset(), TallyOutcome::Succeeded, Counts::default());
    let outcomes = vec![Counted { offset, outcome, attempts: 1, counts }];
    world.table.execute(&Tally { group: segment.group(), generation: 1, outcomes }).await.unwrap();
    free(world, record.execution_id, &[record.index]).await;
    admit(world, record.execution_id).await;
}

#[tokio::test]
async fn a_scatter_puts_as_many_records_as_may_be_in_flight() {
    let world = World::new().await;
    let answer = world.handle(limited("k", 300, 3)).await.unwrap();
    world.assert_complete(&answer, 300).await;
    world.assert_all_have_records(3).await;
    let execution = execution(&world, answer.execution_id).await;
    assert_eq!((execution.admitted_until, execution.in_flight), (Some(3), BTreeSet::from([0, 1, 2])));
}

#[tokio::test]
async fn workers_at_once_never_exceed_the_limit_and_come_to_an_end() {
    let world = World::new().await;
    let answer = world.handle(limited("k", 300, 7)).await.unwrap();
    let mut done = HashSet::new();
    while done.len() < 300 {
        let records = world.read_records().await;
        let fresh: Vec<_> = records.iter().filter(|record| done.insert(record.index)).collect();
        assert!((1..=7).contains(&fresh.len()), "{}", fresh.len());
        join_all(fresh.into_iter().map(|record| work(&world, record))).await;
    }
    let records = world.records().await;
    assert!(records.len() == 300 && records.values().all(|&count| count == 1));
    let execution = execution(&world, answer.execution_id).await;
    assert!(execution.in_flight.is_empty() && execution.admitted_until >= Some(300), "{execution:?}");
}

#[tokio::test]
async fn calls_at_once_hand_each_segment_out_once() {
    let world = World::new().await;
    let id = world.handle(limited("k", 1_000, 1)).await.unwrap().execution_id;
    set_limit(&world, id, 600).await;
    let scatters: Vec<_> = (0..8).map(|_| world.scatter()).collect();
    let calls = scatters.iter().map(|scatter| scatter.admit(id));
    let admitted_until = try_join_all(calls).await.unwrap();
    assert_eq!(admitted_until.iter().map(|call| call.records).sum::<u64>(), 599);
    world.assert_all_have_records(600).await;
    assert!(world.records().await.values().all(|&count| count == 1));
}

#[tokio::test]
async fn the_limit_changes_while_it_runs() {
    let world = World::new().await;
    let id = world.handle(limited("k", 200, 2)).await.unwrap().execution_id;
    set_limit(&world, id, 5).await;
    assert_eq!((admit(&world, id).await, admit(&world, id).await), (3, 0));
    set_limit(&world, id, 2).await;
    free(&world, id, &[0, 1, 2]).await;
    assert_eq!((admit(&world, id).await, in_flight(&world, id).await), (0, vec![3, 4]));
    free(&world, id, &[4, 0]).await;
    assert_eq!((admit(&world, id).await, in_flight(&world, id).await), (1, vec![3, 5]));
    world.assert_all_have_records(6).await;
}

#[tokio::test]
async fn a_limit_that_was_taken_away_is_the_largest_one() {
    let world = World::new().await;
    let id = world.handle(limited("k", 1_100, 2)).await.unwrap().execution_id;
    world.change(ExecutionRow::key_of(id), "REMOVE policy.max_concurrency", &[]).await;
    assert_eq!(admit(&world, id).await, u64::from(MAX_CONCURRENCY) - 2);
    // By this the workers know that they have slots to free.
    assert!(world.read_records().await.iter().all(|record| record.policy.max_concurrency.is_some()));
}

#[tokio::test]
async fn slots_without_records_count_and_the_rest_goes_on() {
    let world = World::new().await;
    let id = world.handle(limited("k", 300, 2)).await.unwrap().execution_id;
    free(&world, id, &[0, 1]).await;
    let error = world.scatter_without_stream().admit(id).await.unwrap_err();
    assert_eq!(error.error_type(), "StreamRefused", "{error}");
    assert_eq!((admit(&world, id).await, in_flight(&world, id).await), (0, vec![2, 3]));
    // What the sweeper's walk looks for: they have slots, and no worker has begun them.
    free(&world, id, &[3]).await;
    assert_eq!((admit(&world, id).await, in_flight(&world, id).await), (1, vec![2, 4]));
    assert_eq!(world.records().await.into_keys().collect::<Vec<_>>(), [0, 1, 4]);
}

#[tokio::test]
async fn a_scatter_that_died_is_gone_on_with_within_the_limit() {
    let world = World::new().await;
    let lost = world.scatter_without_stream();
    lost.handle(limited("k", 20 * 128, 4), "request", world.deadline()).await.unwrap_err();
    let answer = world.handle(limited("k", 20 * 128, 4)).await.unwrap();
    world.assert_complete(&answer, 20 * 128).await;
    assert_eq!(in_flight(&world, answer.execution_id).await, [0, 1, 2, 3]);
    // Sealed by a caller that died before the next admission.
    free(&world, answer.execution_id, &[0, 1, 2]).await;
    world.scatter().resume(answer.execution_id, world.deadline()).await.unwrap();
    assert_eq!(in_flight(&world, answer.execution_id).await, [3, 4, 5, 6]);
}

#[tokio::test]
async fn records_flow_before_the_last_group_is_planned() {
    let world = World::with_step(1_000).await;
    let deadline = world.deadline() - chrono::TimeDelta::days(1) + chrono::TimeDelta::seconds(60);
    let answer = world.scatter().handle(limited("k", 50 * 128, 3), "request", deadline).await.unwrap();
    assert!(!answer.sealed, "{answer:?}");
    world.assert_all_have_records(3).await;
}

#[tokio::test]
async fn an_execution_without_a_limit_is_left_alone() {
    let world = World::new().await;
    let id = world.handle(numbers("k", 10)).await.unwrap().execution_id;
    assert_eq!(admit(&world, id).await, 0);
    let id = world.handle(limited("stopped", 10, 1)).await.unwrap().execution_id;
    set_limit(&world, id, 5).await;
    World::set_status(world.dynamodb.clone(), id, "CANCELLING").await;
    assert_eq!(admit(&world, id).await, 0);
    let absent: ExecutionId = "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b".parse().unwrap();
    let error = world.scatter().admit(absent).await.unwrap_err();
    assert_eq!(error.error_type(), "ExecutionNotFound");
}

/// The second generation of 250 groups, four segments of which wait.
#[tokio::test]
async fn of_a_redrive_only_what_was_put_back_is_handed_out() {
    let world = World::new().await;
    let execution = world.open_limited("k", 2).await;
    let id = execution.id;
    let waiting = [(0, 5), (0, 77), (120, 3), (249, 127)];
    for group in 0..250 {
        execution.commit(group, GROUP_SIZE).await;
        let key = control_table::rows::TallyRow::key_of(id.group(group));
        let pending = i64::from(waiting.iter().any(|&(waits, _)| waits == group));
        let generation = if pending == 0 { 1 } else { 2 };
        world.change(key, "SET pending = :a, generation = :b", &[pending, generation]).await;
    }
    for group in [0, 120, 249] {
        execution.add_number_rows(group, GROUP_SIZE).await;
    }
    let key = |group, offset| control_table::rows::SegmentRow::key_of(id.group(group).segment(offset));
    for (group, offset) in waiting {
        world.change(key(group, offset), "SET generation = :a", &[2]).await;
    }
    // This one waits for its retry.
    world.change(key(120, 4), "SET generation = :a, due_at = :b, retry_at = :b", &[2, 9]).await;
    world.change(ExecutionRow::key_of(id), "SET generation = :a", &[2]).await;
    World::set_status(world.dynamodb.clone(), id, "RUNNING").await;

    let indexes = waiting.map(|(group, offset)| id.group(group).segment(offset).index);
    assert_eq!((admit(&world, id).await, in_flight(&world, id).await), (2, indexes[..2].to_vec()));
    assert_eq!(admit(&world, id).await, 0);
    let request = ReleaseSlots { execution_id: id, generation: 2, segments: indexes[..2].to_vec() };
    world.table.execute(&request).await.unwrap();
    assert_eq!((admit(&world, id).await, in_flight(&world, id).await), (2, indexes[2..].to_vec()));
    let records = world.read_records().await;
    assert!(records.len() == 4 && records.iter().all(|record| record.generation == 2));
}
