//! What a healthy segment costs, counted at the SDK's clients.
//!
//! The gather is invoked after every batch, so each group is folded by itself: the dearest way there is.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use control_table::id::GroupId;
use control_table::message::SegmentRecord;
use control_table::rows::ExecutionStatus;
use emulator::embedded::ShardRecord;
use functions::handlers::{GatherHandler, work_stream};
use runtime::{Context, Output, Segment, work};
use serde_json::{Value, json};
use test_support::{
    News, Parts, RawEvents, Requests, Spent, TableDefinition, assert_invariants, dynamodb_event, index_write_units,
    item_bytes,
};

const GROUPS: u64 = 10;
const SEGMENTS: u64 = 128 * GROUPS;

/// Of one segment, its share of everything else included, the writes of the indexes too.
const REQUESTS_MAX: f64 = 3.1;
const WRITE_UNITS_MAX: f64 = 4.1;
/// The same in batches of ten.
const REQUESTS_MAX_BY_TEN: f64 = 2.2;
const WRITE_UNITS_MAX_BY_TEN: f64 = 3.2;

/// `DynamoDB` charges by started kilobytes.
const WRITE_UNIT_BYTES: usize = 1024;

/// What an execution cost.
struct Cost {
    by_worker: BTreeMap<String, Spent>,
    /// The table of it, for people.
    report: String,
    /// Of one segment, as all the bounds are.
    requests: f64,
    write_units: f64,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_segment_costs_three_requests_and_four_write_units_and_a_share_of_its_group() {
    let cost = measure(1).await;
    println!("{}", cost.report);
    // A claim, a finish and a tally; and, once for the execution and each worker process, the names of its counters.
    let updates = 3 * SEGMENTS + 1;
    let healthy = Spent { requests: updates, write_units: updates };
    assert_eq!(cost.by_worker, BTreeMap::from([("UpdateItem".to_owned(), healthy)]), "no read, no repeat");
    assert!(cost.requests <= REQUESTS_MAX && cost.write_units <= WRITE_UNITS_MAX, "{}", cost.report);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_batches_of_ten_a_segment_costs_two_requests_and_three_write_units_and_a_share_of_its_batch() {
    let cost = measure(10).await;
    println!("{}", cost.report);
    assert_eq!(cost.by_worker.keys().collect::<Vec<_>>(), ["UpdateItem"], "no read");
    // A claim and a finish each; and a batch's outcomes are counted at once, unless the machine is so busy that some wait
    // too long for the others.
    let spent = cost.by_worker["UpdateItem"];
    let batches = GROUPS * 128_u64.div_ceil(10);
    assert!(spent.requests >= 2 * SEGMENTS + batches, "{}", cost.report);
    assert!(cost.requests <= REQUESTS_MAX_BY_TEN && cost.write_units <= WRITE_UNITS_MAX_BY_TEN, "{}", cost.report);
}

/// Runs an execution whose records come to the worker in batches of that size.
async fn measure(batch_size: usize) -> Cost {
    let parts = Parts::new().await;
    let [by_scatter, by_worker, by_gather] = [(); 3].map(|()| Requests::default());

    let event = json!({"job": "cost", "source": {"type": "range", "from": 0, "to": SEGMENTS * 1_000, "size": 1_000},
                       "parameters": {"table": "customers"}});
    let answer = parts.engine(&by_scatter, 0).handle(event, "request-1", DateTime::<Utc>::MAX_UTC).await.unwrap();
    assert!(answer.sealed && answer.segments == SEGMENTS, "{answer:?}");

    let work = work(|segment: Segment<Value>, _: Context| async move {
        let bytes = i64::try_from(segment.index * 1_234).unwrap();
        Ok(Output::items(1_000).counter("bytes", bytes).result(json!({"last": segment.index})))
    });
    let (worker, gather) = (parts.worker(&by_worker, work), parts.gather(&by_gather, 0));
    let mut news = parts.news();
    for batch in batches(parts.shard.read(&HashSet::new(), usize::MAX / 2).await, batch_size) {
        let response = work_stream(&worker, parts.kinesis_event(&batch), parts.invocation()).await;
        assert!(response.batch_item_failures.is_empty(), "{response:?}");
        gather_all(&gather, &mut news).await;
    }

    let execution = parts.table.execution(answer.execution_id).await.unwrap().unwrap();
    assert_eq!((execution.status, execution.succeeded), (ExecutionStatus::Succeeded, SEGMENTS));
    assert_invariants(&parts.table, parts.dir.path(), answer.execution_id).await;

    let rows = by_scatter.by_operation()["BatchExecuteStatement"].write_units;
    assert_eq!(rows, SEGMENTS, "a row is written once");
    let largest = largest_items(&news.images);
    assert!(largest.values().all(|bytes| *bytes <= WRITE_UNIT_BYTES), "a write of these is one unit: {largest:?}");
    assert_eq!(largest.len(), 5, "executions, keys, plans, rows, tallies: {largest:?}");

    let of_index = index_write_units(&TableDefinition::of_template(), &news.images);
    let (report, (requests, of_table)) =
        report(batch_size, &[("scatter", &by_scatter), ("worker", &by_worker), ("gather", &by_gather)]);
    let write_units = of_table + of_index as f64 / SEGMENTS as f64;
    let report = format!(
        "{report}the indexes: {of_index} write units, with them {write_units:.4} per segment\n\
         the largest items, in bytes: {largest:?}\n"
    );
    Cost { by_worker: by_worker.by_operation(), report, requests, write_units }
}

/// The records in batches of one group each, as a shard gives them to a mapping with that batch size.
fn batches(records: Vec<ShardRecord>, size: usize) -> Vec<Vec<ShardRecord>> {
    let mut groups: BTreeMap<GroupId, Vec<ShardRecord>> = BTreeMap::new();
    for record in records {
        let segment = serde_json::from_slice::<SegmentRecord>(&record.data).unwrap().segment();
        groups.entry(segment.group()).or_default().push(record);
    }
    groups.into_values().flat_map(|group| group.chunks(size).map(<[_]>::to_vec).collect::<Vec<_>>()).collect()
}

/// Invokes the gather until it changes nothing that it would hear of.
async fn gather_all(gather: &GatherHandler, news: &mut News) {
    loop {
        let records = news.read().await;
        if records.is_empty() {
            return;
        }
        let response = gather.handle(dynamodb_event(&records)).await;
        assert!(response.batch_item_failures.is_empty(), "{response:?}");
    }
}

/// A table of what was counted, and the requests and write units per segment.
fn report(batch_size: usize, functions: &[(&str, &Requests)]) -> (String, (f64, f64)) {
    let per_segment = |count: u64| count as f64 / SEGMENTS as f64;
    let mut text = format!("{SEGMENTS} segments in {GROUPS} groups, in batches of {batch_size}\n");
    let mut line = |name: &str, operation: &str, spent: Spent| {
        let Spent { requests, write_units } = spent;
        let each = (per_segment(requests), per_segment(write_units));
        writeln!(text, "{name:8} {operation:22} {requests:6} {:8.4} {write_units:6} {:8.4}", each.0, each.1).unwrap();
        each
    };
    let mut sum = (0.0, 0.0);
    for (name, requests) in functions {
        for (operation, spent) in requests.by_operation() {
            line(name, &operation, spent);
        }
        let each = line(name, "all", requests.total());
        sum = (sum.0 + each.0, sum.1 + each.1);
    }
    writeln!(text, "all      requests {:.4}, write units {:.4} per segment", sum.0, sum.1).unwrap();
    (text, sum)
}

/// The largest that an item of each kind ever was.
fn largest_items(images: &[Value]) -> BTreeMap<String, usize> {
    let mut largest = BTreeMap::new();
    for image in images {
        let kind = image["sk"]["S"].as_str().unwrap().split('#').next().unwrap().to_owned();
        let bytes = largest.entry(kind).or_insert(0);
        *bytes = item_bytes(image).max(*bytes);
    }
    largest
}
