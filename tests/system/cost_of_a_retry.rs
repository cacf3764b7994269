//! What another attempt of a segment costs, counted at the SDK's clients. `docs/cost.md` reckons with it.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use control_table::rows::ExecutionStatus;
use functions::handlers::work_stream;
use runtime::{Context, Output, Segment, SegmentError, work};
use serde_json::{Value, json};
use test_support::{Parts, RawEvents, Requests, Spent, TableDefinition, WAIT, dynamodb_event, index_write_units};
use tokio::time::Instant;

/// In one group.
const SEGMENTS: u64 = 100;

/// The failure, the sweeper's moving on of the moment, and the claim.
const ROW_WRITES: u64 = 3;
/// In with the failure, out and in as the moment moves on, out with the claim.
const INDEX_WRITES: u64 = 4;

/// What an execution came to.
struct Cost {
    /// By worker and sweeper, of the table's rows: each item is below 1 KB.
    rows: u64,
    indexes: u64,
    reads: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn another_attempt_is_three_writes_of_the_row_and_four_of_the_due_index() {
    let (once, twice) = (measure(0).await, measure(1).await);
    println!(
        "another attempt: {} of the row, {} of the due index, {} reads, for {SEGMENTS} segments",
        twice.rows - once.rows,
        twice.indexes - once.indexes,
        twice.reads - once.reads
    );
    assert_eq!(twice.rows - once.rows, ROW_WRITES * SEGMENTS);
    assert_eq!(twice.indexes - once.indexes, INDEX_WRITES * SEGMENTS);
}

/// Runs an execution each of whose segments fails so often at first.
async fn measure(failures: u32) -> Cost {
    let parts = Parts::new().await;
    let [by_scatter, by_worker, by_sweeper, by_gather] = [(); 4].map(|()| Requests::default());
    let event = json!({"job": "retry", "source": {"type": "range", "from": 0, "to": SEGMENTS, "size": 1},
                       "policy": {"backoff": {"base_ms": 1, "cap_ms": 1}}});
    let answer = parts.engine(&by_scatter, 0).handle(event, "request-1", DateTime::<Utc>::MAX_UTC).await.unwrap();

    let work = work(move |_: Segment<Value>, context: Context| async move {
        if context.attempt <= failures { Err(SegmentError::retryable("not yet")) } else { Ok(Output::items(1)) }
    });
    let (worker, sweeper) = (parts.worker(&by_worker, work), parts.engine(&by_sweeper, 0));
    let mut taken = HashSet::new();
    let mut expected = SEGMENTS * u64::from(failures + 1);
    let deadline = Instant::now() + WAIT;
    while expected > 0 {
        assert!(Instant::now() < deadline, "{expected} records never came");
        for record in parts.shard.read(&taken, usize::MAX / 2).await {
            taken.insert(record.key.clone());
            let response = work_stream(&worker, parts.kinesis_event(&[record]), parts.invocation()).await;
            assert!(response.batch_item_failures.is_empty(), "{response:?}");
            expected -= 1;
        }
        if failures > 0 {
            sweeper.sweep(DateTime::<Utc>::MAX_UTC).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(2)).await; // sleeps because a retry's moment must pass
    }
    let mut news = parts.news();
    let gather = parts.gather(&by_gather, 0);
    for _ in 0..3 {
        let records = news.read().await;
        if !records.is_empty() {
            gather.handle(dynamodb_event(&records)).await;
        }
    }
    let execution = parts.table.execution(answer.execution_id).await.unwrap().unwrap();
    assert_eq!((execution.status, execution.succeeded), (ExecutionStatus::Succeeded, SEGMENTS));

    let of_rows: Vec<Value> = news.images.iter().filter(|image| is_segment(image)).cloned().collect();
    let indexes = index_write_units(&TableDefinition::of_template(), &of_rows);
    let spent = [by_worker.by_operation(), by_sweeper.by_operation()];
    let updates = spent.iter().filter_map(|spent| spent.get("UpdateItem")).map(|spent| spent.write_units).sum();
    Cost { rows: updates, indexes, reads: spent.iter().map(reads).sum() }
}

fn is_segment(image: &Value) -> bool {
    image["sk"]["S"].as_str().unwrap().starts_with("SEGMENT#")
}

fn reads(spent: &BTreeMap<String, Spent>) -> u64 {
    ["GetItem", "BatchGetItem", "Query"].iter().filter_map(|name| spent.get(*name)).map(|spent| spent.requests).sum()
}
