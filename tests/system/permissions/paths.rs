//! The ways through each function, as far as they differ in what they call.

use chrono::TimeDelta;
use control_table::id::ExecutionId;
use control_table::operation::{Claim, ClaimOutcome, Ending, Finish, FinishOutcome};
use control_table::rows::{Counts, ExecutionStatus, Selection, Stop};
use serde_json::{Value, json};

use super::world::{AllCalls, PATIENCE, SOURCE, SOURCE_INDEX, World, run};

/// More groups than a scatter writes at once, so that it can die between two of them.
const MANY: u64 = 10 * 128;

fn default() -> Value {
    json!({})
}

fn one_attempt() -> Value {
    json!({"max_attempts": 1})
}

/// Sources of every kind; an invocation that is repeated, and one that continues what another left; a limit.
pub async fn scatter_paths(calls: &AllCalls) {
    let world = World::new(calls).await;
    world.scatter(run("range", 130, "succeed", default())).await;
    world.scatter(run("range", 130, "succeed", default())).await;
    let died = world.scatter_that_dies(run("dies", MANY, "succeed", default())).await;
    assert_eq!(world.scatter(run("dies", MANY, "succeed", default())).await, died);
    assert_eq!(world.row(died).await.status, ExecutionStatus::Running, "it was continued");
    world.scatter(run("limited", 300, "succeed", json!({"max_concurrency": 5}))).await;
    let wide = run("limited to more than a group", 300, "succeed", json!({"max_concurrency": 200}));
    world.scatter(wide.clone()).await;
    let records = world.take_records().await;
    world.deliver(&world.worker, &records).await;
    // It is invoked again while there is room for more than is left of the group that was reached.
    world.scatter(wide).await;
    world.scatter(run("none", 0, "succeed", default())).await;
    let sources = [
        json!({"type": "list", "codes": ["SY", "IR"]}),
        json!({"type": "dynamodb-scan", "table": SOURCE, "segments": 3}),
        json!({"type": "dynamodb-scan", "table": SOURCE, "items_per_segment": 10}),
        json!({"type": "dynamodb-scan", "table": SOURCE, "items_per_segment": 10, "count": "estimate"}),
    ];
    for (number, source) in sources.into_iter().enumerate() {
        world.scatter(json!({"job": "job", "key": format!("source {number}"), "source": source})).await;
    }
}

/// Success, retry, failure; a record that comes again; a slot to free; a record that is none; a message that comes too late.
pub async fn worker_paths(calls: &AllCalls) {
    let world = World::new(calls).await;
    let runs =
        [("succeed", default()), ("retry", default()), ("fail", default()), ("succeed", json!({"max_concurrency": 2}))];
    for (number, (told, policy)) in runs.into_iter().enumerate() {
        world.scatter(run(&format!("worker {number}"), 3, told, policy)).await;
    }
    let records = world.take_records().await;
    world.deliver(&world.worker, &records).await;
    world.deliver(&world.worker, &records).await;
    world.deliver(&world.worker, &[World::foreign_record()]).await;
    world.scatter(run("too late", 3, "succeed", default())).await;
    world.deliver_too_late().await;
}

/// The built-in jobs: by scan segments of the table and of its index, by a code in the table's key and in the index's.
pub async fn built_in_paths(calls: &AllCalls) {
    let world = World::new(calls).await;
    let scan = json!({"type": "dynamodb-scan", "table": SOURCE, "segments": 2});
    let codes = json!({"type": "list", "codes": ["SY", "IR"]});
    let jobs = [
        (&scan, json!({"work": "count"})),
        (&scan, json!({"work": "sum", "attribute": "population", "index": SOURCE_INDEX})),
        (&codes, json!({"work": "count", "table": SOURCE})),
        (&codes, json!({"work": "sum", "attribute": "population", "table": SOURCE, "index": SOURCE_INDEX})),
    ];
    for (number, (source, parameters)) in jobs.into_iter().enumerate() {
        let key = format!("built-in {number}");
        let event = json!({"job": "job", "key": key, "source": source, "parameters": parameters});
        let execution_id = world.scatter(event).await;
        world.go_on(&world.built_in).await;
        assert_eq!(world.row(execution_id).await.status, ExecutionStatus::Succeeded, "{key}");
    }
    world.deliver(&world.built_in, &[World::foreign_record()]).await;
}

/// Folds, completes and publishes; notifies of a failure; admits segments under a limit; writes dead letters.
pub async fn gather_paths(calls: &AllCalls) {
    let world = World::new(calls).await;
    let succeeds = world.scatter(run("gathered", 130, "succeed", default())).await;
    let fails = world.scatter(run("fails", 3, "fail", default())).await;
    let limited = world.scatter(run("by the way", 300, "succeed", json!({"max_concurrency": 5}))).await;
    world.hear().await;
    world.go_on(&world.worker).await;
    for (execution_id, expected) in [
        (succeeds, ExecutionStatus::Succeeded),
        (fails, ExecutionStatus::Failed),
        (limited, ExecutionStatus::Succeeded),
    ] {
        assert_eq!(world.row(execution_id).await.status, expected);
    }
    let unreadable = json!({"pk": {"S": "x"}, "sk": {"S": "EXECUTION"}});
    let change = json!({"SequenceNumber": "7", "SizeBytes": 10, "Keys": {}, "NewImage": unreadable, "StreamViewType": "NEW_IMAGE",
                        "ApproximateCreationDateTime": 1_764_000_000});
    let record = json!({"eventID": "1", "eventName": "MODIFY", "awsRegion": "eu-central-1", "dynamodb": change});
    world.tell_gather(&[record]).await;
}

/// Retries; lost records, workers, tallies, folds and events; silent scatters; runs to be stopped; what operators began.
pub async fn sweeper_paths(calls: &AllCalls) {
    retries(calls).await;
    losses(calls).await;
    standstill_path(calls).await;
    silent_scatters(calls).await;
    stops(calls).await;
    what_people_began(calls).await;
    limits(calls).await;
    expiry(calls).await;
}

async fn retries(calls: &AllCalls) {
    let world = World::new(calls).await;
    world.scatter(run("retried", 3, "retry", default())).await;
    let records = world.take_records().await;
    world.deliver(&world.worker, &records).await;
    let report = world.sweep_after(TimeDelta::minutes(4)).await;
    assert!(report.records_put > 0, "{report:?}");
}

async fn losses(calls: &AllCalls) {
    let world = World::new(calls).await;
    let execution_id = world.scatter(run("lost", 4, "succeed", one_attempt())).await;
    world.take_records().await;
    let lost = claim(&world, execution_id, 0).await;
    assert_eq!(lost, 1);
    let uncounted = claim(&world, execution_id, 1).await;
    finish(&world, execution_id, 1, uncounted).await;
    world.sweep_after(PATIENCE).await;
    let report = world.sweep_after(PATIENCE).await;
    assert!(report.records_put == 2 && report.given_up == 1 && report.tallied == 2, "{report:?}");
    let records = world.take_records().await;
    world.deliver(&world.worker, &records).await;
    world.bus_of_sweeper.lose(1);
    let failed = world.sweeper.recover(execution_id, world.deadline()).await;
    failed.unwrap_err();
    let report = world.sweep_after(PATIENCE).await;
    assert_eq!(report.published, 1, "{report:?}");
}

/// A stalled execution, until the sweeper reports it.
pub async fn standstill_path(calls: &AllCalls) {
    let world = World::new(calls).await;
    let stalled = world.scatter(run("stalled", 4, "succeed", json!({"stall_after_ms": 600_000}))).await;
    for _ in 0..4 {
        world.sweep_after(PATIENCE).await;
    }
    assert!(world.row(stalled).await.stalled_at.is_some());
}

async fn claim(world: &World, execution_id: ExecutionId, index: u64) -> u32 {
    let now = world.now();
    let claim = Claim {
        segment: execution_id.segment(index),
        generation: 1,
        record: "a record".to_owned(),
        claim_id: format!("claim of {index}"),
        max_attempts: 1,
        now,
        lease_until: now.plus(TimeDelta::minutes(1)),
    };
    match world.table.execute(&claim).await.unwrap() {
        ClaimOutcome::Claimed(row) => row.attempt,
        other => panic!("{other:?}"),
    }
}

/// The worker dies before it counts it.
async fn finish(world: &World, execution_id: ExecutionId, index: u64, attempt: u32) {
    let ending = Ending::Succeeded { counts: Counts::default(), result: None };
    let finish = Finish {
        segment: execution_id.segment(index),
        generation: 1,
        attempt,
        now: world.now(),
        ending,
        failures: Vec::new(),
    };
    assert!(matches!(world.table.execute(&finish).await.unwrap(), FinishOutcome::Finished(_)));
}

async fn silent_scatters(calls: &AllCalls) {
    let scan = json!({"type": "dynamodb-scan", "table": SOURCE, "segments": MANY});
    let list: Vec<String> = (0..MANY).map(|code| code.to_string()).collect();
    let scatters = [
        run("silent range", MANY, "succeed", default()),
        json!({"job": "job", "key": "silent scan", "source": scan}),
        json!({"job": "job", "key": "silent list", "source": {"type": "list", "codes": list}}),
    ];
    for event in scatters {
        let world = World::new(calls).await;
        let execution_id = world.scatter_that_dies(event).await;
        let report = world.sweep_after(PATIENCE).await;
        assert!(report.scatters_resumed >= 1, "{report:?}");
        assert_eq!(world.row(execution_id).await.status, ExecutionStatus::Running);
    }
}

async fn stops(calls: &AllCalls) {
    let world = World::new(calls).await;
    let late = world.scatter(run("late", 130, "succeed", json!({"execution_timeout_ms": 60_000}))).await;
    let failing = world.scatter(run("failing", 3, "fail", default())).await;
    let records = world.take_records().await;
    let one_of_it = records.iter().find(|record| record.partition_key.starts_with(&failing.to_string())).unwrap();
    world.deliver(&world.worker, std::slice::from_ref(one_of_it)).await;
    let report = world.sweep_after(PATIENCE).await;
    assert!(report.stopped >= 2, "{report:?}");
    for execution_id in [late, failing] {
        assert_eq!(world.row(execution_id).await.status, ExecutionStatus::Failed);
    }
}

async fn what_people_began(calls: &AllCalls) {
    let world = World::new(calls).await;
    let long_ago = chrono::DateTime::UNIX_EPOCH;
    let cancelled = world.scatter(run("cancelled", 130, "succeed", default())).await;
    world.operators.cancel(cancelled, Stop::Requested, long_ago).await.unwrap();
    assert_eq!(world.row(cancelled).await.status, ExecutionStatus::Cancelling);
    let report = world.sweep_after(PATIENCE).await;
    assert!(report.resumed >= 1, "{report:?}");
    assert_eq!(world.row(cancelled).await.status, ExecutionStatus::Cancelled);

    world.operators.redrive(cancelled, Selection::unsuccessful(), long_ago).await.unwrap();
    assert_eq!(world.row(cancelled).await.status, ExecutionStatus::Redriving);
    let report = world.sweep_after(PATIENCE).await;
    assert!(report.resumed >= 1, "{report:?}");
    assert_eq!(world.row(cancelled).await.status, ExecutionStatus::Running);
}

async fn limits(calls: &AllCalls) {
    let world = World::new(calls).await;
    world.scatter(run("limited and lost", 300, "succeed", json!({"max_concurrency": 5}))).await;
    let records = world.take_records().await;
    world.deliver(&world.worker, &records).await;
    let (first, second) = (world.sweep_after(PATIENCE).await, world.sweep_after(PATIENCE).await);
    assert!(first.records_put + second.records_put > 0, "{first:?} {second:?}");
}

async fn expiry(calls: &AllCalls) {
    let world = World::new(calls).await;
    world.scatter(run("expired", 2, "succeed", json!({"retention_days": 1}))).await;
    world.go_on(&world.worker).await;
    let report = world.sweep_after(TimeDelta::hours(25)).await;
    assert_eq!(report.expired, 1, "{report:?}");
}
