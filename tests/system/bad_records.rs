//! Records that are no segment's, on a stream with an execution's: each becomes one dead letter, and the execution completes as if
//! they had not been there.

use std::collections::HashSet;

use aws_lambda_events::event::kinesis::{KinesisEvent, KinesisEventRecord};
use chrono::{DateTime, Utc};
use control_table::rows::{DeadLetterSource, ExecutionStatus};
use functions::handlers::work_stream;
use runtime::{Context, Output, Segment, work};
use serde_json::{Value, json};
use test_support::{Parts, RawEvents, Requests, assert_invariants, dynamodb_event};

const SEGMENTS: u64 = 20;

/// A record of that contents, as some other program would put it.
fn foreign(number: usize, data: &[u8]) -> KinesisEventRecord {
    let mut record = KinesisEventRecord::default();
    record.event_id = Some(format!("shardId-000000000000:foreign-{number}"));
    record.kinesis.data.0 = data.to_vec();
    record.kinesis.sequence_number = format!("foreign-{number}");
    record
}

/// What others put, and old and newer scatters.
fn poison(good: &[u8]) -> Vec<Vec<u8>> {
    let changed = |field: &str, value: Value| {
        let mut record: Value = serde_json::from_slice(good).unwrap();
        record[field] = value;
        record.to_string().into_bytes()
    };
    vec![
        Vec::new(),
        b"\x00\xff\xfe".to_vec(),
        b"hello".to_vec(),
        good[..good.len() / 2].to_vec(),
        "[".repeat(50_000).into_bytes(),
        vec![b'x'; 1_000_000],
        changed("index", json!(u64::MAX)),
        changed("index", json!(10_000_000)),
        changed("index", json!(-1)),
        changed("generation", json!(0)),
        changed("execution_id", json!("unknown")),
        changed("policy", json!({"max_attempts": 1_000_000})),
        changed("policy", json!({"segment_timeout_ms": u64::MAX})),
        changed("policy", json!({"of_a_newer_version": true})),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_between_good_records_is_set_aside_once_and_the_run_completes() {
    let parts = Parts::new().await;
    let requests = Requests::default();
    let event = json!({"job": "poisoned", "source": {"type": "range", "from": 0, "to": SEGMENTS, "size": 1}});
    let answer = parts.engine(&requests, 0).handle(event, "request-1", DateTime::<Utc>::MAX_UTC).await.unwrap();

    let work = work(|_: Segment<Value>, _: Context| async move { Ok(Output::items(1)) });
    let (worker, gather) = (parts.worker(&requests, work), parts.gather(&requests, 0));
    let records = parts.shard.read(&HashSet::new(), usize::MAX / 2).await;
    let poison = poison(&records[0].data);
    let mut batch = KinesisEvent::default();
    for (number, good) in parts.kinesis_event(&records).records.into_iter().enumerate() {
        batch.records.extend(poison.get(number).map(|data| foreign(number, data)));
        batch.records.push(good);
    }
    // Kinesis may bring all of it twice.
    for _ in 0..2 {
        let response = work_stream(&worker, batch.clone(), parts.invocation()).await;
        assert!(response.batch_item_failures.is_empty(), "{response:?}");
    }

    let mut news = parts.news();
    loop {
        let passed = news.read().await;
        let is_aside =
            |record: &Value| record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap().starts_with("DEADLETTER#");
        assert!(!passed.iter().any(is_aside), "no function is invoked for a dead letter");
        if passed.is_empty() {
            break;
        }
        let response = gather.handle(dynamodb_event(&passed)).await;
        assert!(response.batch_item_failures.is_empty(), "{response:?}");
    }

    let execution = parts.table.execution(answer.execution_id).await.unwrap().unwrap();
    assert_eq!((execution.status, execution.succeeded), (ExecutionStatus::Succeeded, SEGMENTS));
    assert_invariants(&parts.table, parts.dir.path(), answer.execution_id).await;
    let dead_letters = parts.table.dead_letters(100).await.unwrap();
    assert_eq!(dead_letters.len(), poison.len());
    assert!(
        dead_letters.iter().all(|row| row.source == DeadLetterSource::Worker && !row.reason.is_empty()),
        "{dead_letters:?}"
    );
    let longest = dead_letters.iter().map(|row| row.payload_bytes).max();
    assert_eq!(longest, Some(1_000_000));
    // As the command line shows it.
    let json = serde_json::to_value(&dead_letters[0]).unwrap();
    assert!(json["event_id"].is_string() && json["source"] == "worker" && json["recorded_at"].is_i64(), "{json}");
}
