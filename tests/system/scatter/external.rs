//! External executions.

use control_table::id::ExecutionId;
use control_table::limits::{MAX_SEGMENTS, MAX_SPEC_BYTES};
use control_table::operation::{Claim, ClaimOutcome, ReleaseSlots};
use control_table::rows::{ExecutionRow, ExecutionStatus};
use engine::EngineError;
use engine::scatter::{Added, ScatterAnswer};
use futures::future::{join, join_all, try_join_all};
use serde_json::{Value, json};

use test_support::RawEvents;

use super::world::{World, numbers};

fn external(key: &str) -> Value {
    json!({ "job": "job", "key": key, "source": { "type": "external" } })
}

async fn open(world: &World, event: Value) -> ScatterAnswer {
    world.scatter().open_raw(event, "request-1").await.unwrap()
}

fn specs(name: &str, count: u64) -> Vec<Value> {
    (0..count).map(|number| json!({ name: number })).collect()
}

async fn add(world: &World, id: ExecutionId, token: &str, count: u64) -> Result<Added, EngineError> {
    world.scatter().add(id, token, specs(token, count)).await
}

/// Each of these adds is in once, and the execution counts what there is.
async fn assert_holds(world: &World, id: ExecutionId, adds: &[(&str, u64)]) {
    let execution = world.table.execution(id).await.unwrap().unwrap();
    let rows = world.rows(&world.scatter().resume(id, world.deadline()).await.unwrap()).await;
    let mut found: Vec<String> = rows.iter().map(|row| row.spec.to_string()).collect();
    let mut expected: Vec<String> =
        adds.iter().flat_map(|(token, count)| specs(token, *count)).map(|spec| spec.to_string()).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    let tallies = world.table.tallies(id, 0..execution.groups + 1).await.unwrap();
    assert_eq!(tallies.len() as u64, execution.groups);
    assert_eq!(tallies.iter().map(|tally| tally.size).sum::<u64>(), execution.segments);
    assert_eq!(execution.segments, expected.len() as u64);
}

#[tokio::test]
async fn segments_flow_while_it_is_open() {
    let world = World::new().await;
    let answer = open(&world, external("k")).await;
    let id = answer.execution_id;
    assert!(answer.opened && !answer.sealed && answer.status == ExecutionStatus::Scattering);
    let again = open(&world, external("k")).await;
    assert_eq!((again.execution_id, again.opened), (id, false));

    let first = add(&world, id, "a", 100).await.unwrap();
    assert_eq!(first, Added { segments: 100, first_index: 0, groups: vec![0, 1], already: false });
    let expected: Vec<u64> = (0..96).chain(128..132).collect();
    assert_eq!(world.records().await.into_keys().collect::<Vec<_>>(), expected);
    let second = add(&world, id, "b", 1).await.unwrap();
    assert_eq!((second.first_index, second.groups), (256, vec![2]));

    let sealed = world.scatter().seal(id).await.unwrap();
    assert_eq!((sealed.segments, sealed.groups, sealed.status), (101, 3, ExecutionStatus::Running));
    assert!(sealed.sealed && world.scatter().seal(id).await.unwrap() == sealed);
    assert_holds(&world, id, &[("a", 100), ("b", 1)]).await;
    assert!(world.records().await.values().all(|&count| count == 1));
}

#[tokio::test]
async fn adders_at_once_all_get_in() {
    let world = World::new().await;
    let id = open(&world, external("k")).await.execution_id;
    let tokens = ["a", "b", "c", "d", "e", "f"];
    let added = try_join_all(tokens.map(|token| add(&world, id, token, 200))).await.unwrap();
    let mut groups: Vec<u64> = added.into_iter().flat_map(|added| added.groups).collect();
    groups.sort_unstable();
    assert_eq!(groups, (0..18).collect::<Vec<_>>());
    assert_holds(&world, id, &tokens.map(|token| (token, 200))).await;
    assert_eq!(world.records().await.len(), 1_200);
}

#[tokio::test]
async fn a_repeated_add_adds_nothing() {
    let world = World::new().await;
    let id = open(&world, external("k")).await.execution_id;
    // At the same time, and afterwards.
    let both = try_join_all([add(&world, id, "a", 100), add(&world, id, "a", 100)]).await.unwrap();
    assert_eq!(both[0].groups, both[1].groups);
    let items = world.items().await;
    let claim = Claim {
        segment: id.segment(7),
        generation: 1,
        record: "record".to_owned(),
        claim_id: "claim".to_owned(),
        max_attempts: 3,
        now: world.now(),
        lease_until: world.now().plus(chrono::TimeDelta::minutes(1)),
    };
    assert!(matches!(world.table.execute(&claim).await.unwrap(), ClaimOutcome::Claimed(_)));
    let before = world.records().await;
    let again = add(&world, id, "a", 100).await.unwrap();
    assert!(again.already && again.groups == both[0].groups);
    assert_holds(&world, id, &[("a", 100)]).await;
    assert_eq!(world.items().await, items);
    let after = world.records().await;
    assert_eq!((after[&7], after[&8]), (before[&7], before[&8] + 1), "only of what no worker has begun");

    let other = world.scatter().add(id, "a", specs("other", 3)).await.unwrap_err();
    assert!(other.error_type() == "InvalidAdd" && other.to_string().contains("other segments"), "{other}");
    assert_eq!(world.items().await, items);
}

#[tokio::test]
async fn died_between_the_commit_and_the_records() {
    let world = World::new().await;
    let id = open(&world, external("k")).await.execution_id;
    let error = world.scatter_without_stream().add(id, "a", specs("a", 150)).await.unwrap_err();
    assert_eq!(error.error_type(), "StreamRefused", "{error}");
    // The first group is in, without records; the second is not.
    assert_eq!(world.table.execution(id).await.unwrap().unwrap().segments, 96);
    assert_eq!(world.records().await.len(), 0);
    let added = add(&world, id, "a", 150).await.unwrap();
    assert_eq!((added.already, added.groups), (false, vec![0, 1]));
    assert_holds(&world, id, &[("a", 150)]).await;
    let records = world.records().await;
    assert!(records.len() == 150 && records.values().all(|&count| count == 1));
}

#[tokio::test]
async fn what_comes_after_the_seal_is_refused_and_what_was_in_before_is_in() {
    let world = World::new().await;
    let id = open(&world, external("k")).await.execution_id;
    add(&world, id, "a", 3).await.unwrap();
    world.scatter().seal(id).await.unwrap();
    let items = world.items().await;
    let late = add(&world, id, "late", 3).await.unwrap_err();
    assert!(late.error_type() == "ExecutionNotOpen" && late.to_string().contains("RUNNING"), "{late}");
    assert!(add(&world, id, "a", 3).await.unwrap().already);
    assert_eq!(world.items().await, items);
}

#[tokio::test]
async fn a_seal_among_adds_leaves_nothing_half_in() {
    let world = World::new().await;
    let id = open(&world, external("k")).await.execution_id;
    let tokens = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let adds = join_all(tokens.map(|token| add(&world, id, token, 50)));
    let scatter = world.scatter();
    let (added, sealed) = join(adds, scatter.seal(id)).await;
    assert!(sealed.unwrap().sealed);
    let mut held = Vec::new();
    for (token, added) in tokens.into_iter().zip(added) {
        match added {
            Ok(_) => held.push((token, 50)),
            Err(error) => assert_eq!(error.error_type(), "ExecutionNotOpen", "{error}"),
        }
    }
    assert_holds(&world, id, &held).await;
}

#[tokio::test]
async fn an_empty_one_is_sealed_and_a_stopped_one_takes_nothing() {
    let world = World::new().await;
    let id = open(&world, external("k")).await.execution_id;
    assert_eq!(world.scatter().seal(id).await.unwrap().segments, 0);
    let id = open(&world, external("stopped")).await.execution_id;
    World::set_status(world.dynamodb.clone(), id, "CANCELLING").await;
    let sealed = world.scatter().seal(id).await.unwrap();
    assert_eq!((sealed.sealed, sealed.status), (false, ExecutionStatus::Cancelling));
    assert_eq!(add(&world, id, "a", 1).await.unwrap_err().error_type(), "ExecutionNotOpen");
}

#[tokio::test]
async fn only_its_callers_seal_it() {
    let world = World::new().await;
    let id = open(&world, external("k")).await.execution_id;
    add(&world, id, "a", 3).await.unwrap();
    let resumed = world.scatter().resume(id, world.deadline()).await.unwrap();
    assert_eq!((resumed.sealed, resumed.segments), (false, 3));
    // Nor does a scatter with its key: it asks for something else.
    let refused = world.handle(numbers("k", 10)).await.unwrap_err();
    assert!(refused.to_string().contains("(source)"), "{refused}");
    assert_eq!(world.table.execution(id).await.unwrap().unwrap().sealed_at, None);
}

#[tokio::test]
async fn a_limit_holds_for_what_is_added() {
    let world = World::new().await;
    let mut event = external("k");
    event["policy"] = json!({ "max_concurrency": 2, "retention_days": 3 });
    let id = open(&world, event).await.execution_id;
    add(&world, id, "a", 97).await.unwrap();
    add(&world, id, "b", 2).await.unwrap();
    world.scatter().seal(id).await.unwrap();
    world.assert_all_have_records(2).await;
    loop {
        let segments: Vec<u64> = world.table.execution(id).await.unwrap().unwrap().in_flight.into_iter().collect();
        if segments.is_empty() {
            break;
        }
        assert!(segments.len() <= 2);
        let request = ReleaseSlots { execution_id: id, generation: 1, segments };
        world.table.execute(&request).await.unwrap();
        world.scatter().admit(id).await.unwrap();
    }
    // Over the gaps of groups that are not full.
    let expected: Vec<u64> = (0..96).chain([128, 256, 257]).collect();
    assert_eq!(world.records().await.into_keys().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn what_cannot_be_added_changes_nothing() {
    let world = World::new().await;
    let planned = world.handle(numbers("planned", 1)).await.unwrap().execution_id;
    let id = open(&world, external("k")).await.execution_id;
    add(&world, id, "before", 1).await.unwrap();
    let absent: ExecutionId = "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b".parse().unwrap();
    let long = json!("x".repeat(MAX_SPEC_BYTES));
    let items = world.items().await;
    for (id, token, specs, error_type) in [
        (id, "", specs("a", 1), "InvalidAdd"),
        (id, "a#b", specs("a", 1), "InvalidAdd"),
        (id, "a", vec![], "InvalidAdd"),
        (id, "a", vec![json!(1), long], "InvalidAdd"),
        (planned, "a", specs("a", 1), "NotExternal"),
        (absent, "a", specs("a", 1), "ExecutionNotFound"),
    ] {
        let error = world.scatter().add(id, token, specs).await.unwrap_err();
        assert!(error.error_type() == error_type && !error.is_retryable(), "{error}");
    }
    assert_eq!(world.scatter().seal(planned).await.unwrap_err().error_type(), "NotExternal");
    assert_eq!(world.handle(external("other")).await.unwrap_err().error_type(), "InvalidEvent");
    let refusal = world.scatter().open_raw(numbers("other", 1), "request").await.unwrap_err();
    assert_eq!(refusal.error_type(), "InvalidEvent");
    let taken = world.scatter().open_raw(external("planned"), "request").await.unwrap_err();
    assert_eq!(taken.error_type(), "Refused");
    // As many groups as there may be.
    let groups = i64::try_from(MAX_SEGMENTS / 128).unwrap();
    world.change(ExecutionRow::key_of(id), "SET groups = :a", &[groups]).await;
    let full = add(&world, id, "a", 1).await.unwrap_err();
    assert!(full.error_type() == "InvalidAdd" && full.to_string().contains("78125 groups"), "{full}");
    assert!(add(&world, id, "before", 1).await.unwrap().already);
    assert_eq!(world.items().await, items);
}
