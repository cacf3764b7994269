//! A scatter that nothing happens to, once, again, and twice at once.

use control_table::message::SegmentRecord;
use control_table::operation::{Claim, ClaimOutcome};
use control_table::rows::ExecutionStatus;
use control_table::trace::TraceContext;
use engine::scatter::Request;
use serde_json::{Value, json};

use test_support::RawEvents;

use super::world::{World, number, numbers};

#[tokio::test]
async fn no_segments_are_a_sealed_execution() {
    let world = World::new().await;
    let answer = world.handle(numbers("k", 0)).await.unwrap();
    assert!(answer.opened);
    world.assert_complete(&answer, 0).await;
    assert_eq!(world.records().await.len(), 0);
}

#[tokio::test]
async fn each_segment_has_its_row_and_its_record() {
    for segments in [1, 128, 129, 1_300] {
        let world = World::new().await;
        let answer = world.handle(numbers("k", segments)).await.unwrap();
        assert!(answer.opened && answer.status == ExecutionStatus::Running);
        world.assert_complete(&answer, segments).await;
        let rows = world.rows(&answer).await;
        assert!(rows.iter().all(|row| row.spec == number(row.index)));
        let records = world.records().await;
        assert!(records.len() as u64 == segments && records.values().all(|&count| count == 1), "{segments}");
    }
}

#[tokio::test]
async fn a_record_says_all_that_a_worker_needs() {
    let world = World::new().await;
    let event = json!({
        "job": "job", "source": { "type": "list", "codes": ["SY"] },
        "parameters": { "deep": [1.0] }, "policy": { "max_attempts": 5 },
    });
    let answer = world.handle(event).await.unwrap();
    let records: Vec<SegmentRecord> = world.read_records().await;
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!(record.execution_id, answer.execution_id);
    assert_eq!((record.index, record.total, record.generation), (0, Some(1), 1));
    assert_eq!((&record.spec, &record.parameters), (&json!({ "code": "SY" }), &json!({ "deep": [1.0] })));
    assert_eq!(record.policy.max_attempts, 5);
    // The request ID stood in for the key.
    assert_eq!(answer.key.as_str(), "request-1");
}

#[tokio::test]
async fn every_record_has_the_trace_of_the_call_that_opened_its_execution() {
    let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    let opened = TraceContext::from_header(header);
    let later = TraceContext::from_header("Root=1-5759e989-bd862e3fe1be46a994272793");
    assert!(opened.is_some() && later.is_some());
    let world = World::new().await;
    // It dies before its records are put, and another call, of another trace, goes on.
    let request = Request { id: "request-1", trace: opened.clone() };
    world.scatter_without_stream().handle(numbers("k", 200), request, world.deadline()).await.unwrap_err();
    let request = Request { id: "request-2", trace: later.clone() };
    let answer = world.scatter().handle(numbers("k", 200), request, world.deadline()).await.unwrap();
    world.assert_complete(&answer, 200).await;

    let limited = {
        let mut event = numbers("limited", 3);
        event["policy"] = json!({ "max_concurrency": 1 });
        event
    };
    let request = Request { id: "request-3", trace: opened.clone() };
    world.scatter().handle(limited, request, world.deadline()).await.unwrap();

    let external = json!({ "job": "job", "key": "external", "source": { "type": "external" } });
    let request = Request { id: "request-4", trace: opened.clone() };
    let id = world.scatter().open_raw(external, request).await.unwrap().execution_id;
    world.scatter().add(id, "token", vec![json!(1), json!(2)]).await.unwrap();

    let records: Vec<SegmentRecord> = world.read_records().await;
    assert!(records.iter().all(|record| record.trace == opened), "{records:?}");
    assert_eq!(records.len(), 200 + 1 + 2);
}

#[tokio::test]
async fn the_whole_policy_reaches_the_workers_and_the_execution() {
    let world = World::new().await;
    let policy = json!({
        "max_attempts": 5, "backoff": { "base_ms": 10, "cap_ms": 1_000 }, "tolerated_failures": "5%",
        "on_too_many_failures": "finish", "segment_timeout_ms": 1_000, "execution_timeout_ms": 60_000,
        "max_concurrency": 4, "stall_after_ms": 2_000, "retention_days": 30,
    });
    let mut event = numbers("k", 1);
    event["policy"] = policy.clone();
    let answer = world.handle(event).await.unwrap();
    let execution = world.table.execution(answer.execution_id).await.unwrap().unwrap();
    assert_eq!(serde_json::to_value(execution.policy).unwrap(), policy);
    assert_eq!(world.read_records().await[0].policy, execution.policy);
    // Key, plan, execution, tally and row go together.
    assert_eq!(world.items().await, 5);
}

#[tokio::test]
async fn a_list_file_is_one_segment_a_line() {
    let world = World::new().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("codes");
    let lines: Vec<String> = (0..300).map(|n| format!("c{n}")).collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    let event = json!({ "job": "job", "source": { "type": "list", "file": path } });
    let answer = world.handle(event).await.unwrap();
    world.assert_complete(&answer, 300).await;
    let specs: Vec<Value> = world.rows(&answer).await.into_iter().map(|row| row.spec).collect();
    assert_eq!(specs, (0..300).map(|n| json!({ "code": format!("c{n}") })).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_second_call_with_a_key_finds_the_first_ones_execution() {
    let world = World::new().await;
    let first = world.handle(numbers("k", 129)).await.unwrap();
    let claim = Claim {
        segment: first.execution_id.segment(7),
        generation: 1,
        record: "record".to_owned(),
        claim_id: "claim".to_owned(),
        lease_until: control_table::clock::Timestamp::from_millis(i64::MAX / 2),
        now: control_table::clock::Timestamp::from_millis(1_795_478_400_000),
        max_attempts: 3,
    };
    assert!(matches!(world.table.execute(&claim).await.unwrap(), ClaimOutcome::Claimed(_)));
    let (rows, items) = (world.rows(&first).await, world.items().await);

    let other = world.handle(numbers("k", 500)).await.unwrap_err();
    assert!(!other.is_retryable() && other.to_string().contains("(source)"), "{other}");
    let mut with_parameters = numbers("k", 129);
    with_parameters["parameters"] = json!({"a": 1});
    let other = world.handle(with_parameters).await.unwrap_err();
    assert!(other.to_string().contains("(parameters)"), "{other}");
    let second = world.handle(numbers("k", 129)).await.unwrap();
    assert!(!second.opened);
    assert_eq!((second.execution_id, second.segments, second.sealed), (first.execution_id, 129, true));
    assert_eq!((world.rows(&second).await, world.items().await), (rows, items));
    assert_eq!(world.records().await.values().sum::<u64>(), 129);

    let other = world.handle(numbers("other", 1)).await.unwrap();
    assert_ne!(other.execution_id, first.execution_id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_scatters_at_once_make_one_execution() {
    let world = World::new().await;
    let call = || {
        let (scatter, deadline) = (world.scatter(), world.deadline());
        tokio::spawn(async move { scatter.handle(numbers("k", 1_300), "request", deadline).await.unwrap() })
    };
    let (one, other) = tokio::join!(call(), call());
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.execution_id, other.execution_id);
    assert_eq!(u8::from(one.opened) + u8::from(other.opened), 1);
    for answer in [one, other] {
        world.assert_complete(&answer, 1_300).await;
    }
    world.assert_all_have_records(1_300).await;
}
