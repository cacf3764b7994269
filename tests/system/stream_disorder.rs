//! What the streams deliver, repeated and out of order, through the functions' own handlers.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use control_table::clock::Entropy;
use control_table::rows::ExecutionStatus;
use emulator::embedded::ShardRecord;
use functions::handlers::{GatherHandler, work_stream};
use runtime::{Context, Output, Segment, SegmentError, Work, Worker, work};
use serde_json::{Value, json};
use test_support::{Parts, RawEvents, Requests, assert_invariants, dynamodb_event, events_of};

/// Two full groups and a short one.
const SEGMENTS: u64 = 300;

/// How often a record is delivered, at most.
const DELIVERIES_MAX: u64 = 3;

/// Records of the segment stream in one invocation of the worker, at most.
const WORKER_BATCH_MAX: u64 = 5;

/// As the template has it.
const GATHER_BATCH_MAX: u64 = 100;

/// The gather hears of something after one invocation of the worker in so many.
const GATHER_EACH: u64 = 20;

/// Publishes whose answer is lost.
const LOST_ANSWERS: u32 = 2;

fn fails(index: u64) -> bool {
    index % 50 == 7
}

/// Notes each segment it is given.
fn noting(seen: &Arc<Mutex<Vec<u64>>>) -> Arc<dyn Work> {
    let seen = Arc::clone(seen);
    work(move |segment: Segment<Value>, _: Context| {
        let seen = Arc::clone(&seen);
        async move {
            seen.lock().unwrap().push(segment.index);
            if fails(segment.index) {
                return Err(SegmentError::permanent("never"));
            }
            Ok(Output::items(1).counter("index", i64::try_from(segment.index).unwrap()))
        }
    })
}

/// A disorder that its seed repeats.
struct Disorder(Entropy);

impl Disorder {
    fn up_to(&self, limit: usize) -> usize {
        usize::try_from(self.0.up_to(limit as u64)).unwrap()
    }

    fn shuffle<T>(&self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.up_to(last));
        }
    }

    /// Each of them one to three times, out of order.
    fn deliveries<T: Clone>(&self, items: &[T]) -> Vec<T> {
        let times = || 1 + usize::try_from(self.0.up_to(DELIVERIES_MAX - 1)).unwrap();
        let mut all: Vec<_> = items.iter().flat_map(|item| vec![item.clone(); times()]).collect();
        self.shuffle(&mut all);
        all
    }

    /// Cut into batches of one to `max`.
    fn batches<T: Clone>(&self, items: &[T], max: u64) -> Vec<Vec<T>> {
        let mut left = items;
        let mut batches = Vec::new();
        while !left.is_empty() {
            let size = 1 + usize::try_from(self.0.up_to(max - 1)).unwrap();
            let (batch, rest) = left.split_at(size.min(left.len()));
            batches.push(batch.to_vec());
            left = rest;
        }
        batches
    }
}

/// A record again as it was, which Kinesis does; or put a second time, as a scatter does whose answer was lost.
fn put_again(disorder: &Disorder, records: &[ShardRecord]) -> Vec<ShardRecord> {
    let mut all = records.to_vec();
    for (number, record) in records.iter().enumerate() {
        if disorder.up_to(2) == 0 {
            all.push(ShardRecord { sequence_number: format!("9{number:055}"), ..record.clone() });
        }
    }
    all
}

async fn work_on(worker: &Worker, parts: &Parts, mut batch: Vec<ShardRecord>) {
    // A batch has a record once: Kinesis repeats one only after its invocation ended.
    let mut seen = HashSet::new();
    batch.retain(|record| seen.insert(record.sequence_number.clone()));
    let response = work_stream(worker, parts.kinesis_event(&batch), parts.invocation()).await;
    assert!(response.batch_item_failures.is_empty(), "{response:?}");
}

/// Delivers a batch, and as the stream does it again from the first record that the answer names.
async fn tell(gather: &GatherHandler, mut batch: &[Value]) {
    loop {
        let response = gather.handle(dynamodb_event(batch)).await;
        let failed: HashSet<_> =
            response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_deref().unwrap()).collect();
        let is_failed = |record: &Value| failed.contains(record["dynamodb"]["SequenceNumber"].as_str().unwrap());
        match batch.iter().position(is_failed) {
            Some(first) => batch = &batch[first..],
            None => return,
        }
    }
}

async fn tell_all(gather: &GatherHandler, disorder: &Disorder, records: &[Value]) {
    for batch in disorder.batches(&disorder.deliveries(records), GATHER_BATCH_MAX) {
        tell(gather, &batch).await;
    }
}

async fn disorder(seed: u64) {
    let disorder = Disorder(Entropy::from_seed(seed));
    let (parts, requests, done) = (Parts::new().await, Requests::default(), Arc::new(Mutex::new(Vec::new())));
    let (worker, gather) = (parts.worker(&requests, noting(&done)), parts.gather(&requests, LOST_ANSWERS));
    let event = json!({"job": "disorder", "source": {"type": "range", "from": 0, "to": SEGMENTS, "size": 1},
                       "policy": {"tolerated_failures": SEGMENTS}});
    let answer = parts.engine(&requests, 0).handle(event, "request-1", DateTime::<Utc>::MAX_UTC).await.unwrap();
    assert!(answer.sealed && answer.segments == SEGMENTS, "{answer:?}");

    let records = parts.shard.read(&HashSet::new(), usize::MAX / 2).await;
    let records = disorder.deliveries(&put_again(&disorder, &records));
    let (mut news, mut heard) = (parts.news(), Vec::new());
    for batch in disorder.batches(&records, WORKER_BATCH_MAX) {
        work_on(&worker, &parts, batch).await;
        if disorder.0.up_to(GATHER_EACH - 1) == 0 {
            heard.extend(news.read().await);
            // Some of what there is so far, and nothing in its place.
            let mut some = heard.clone();
            disorder.shuffle(&mut some);
            some.truncate(disorder.up_to(heard.len()));
            tell_all(&gather, &disorder, &some).await;
        }
    }
    // Whatever was delivered before, everything is delivered at last.
    heard.extend(news.read().await);
    tell_all(&gather, &disorder, &heard).await;
    tell_the_rest(&gather, &disorder, &mut news).await;

    let execution = parts.table.execution(answer.execution_id).await.unwrap().unwrap();
    let failed = (0..SEGMENTS).filter(|index| fails(*index)).count() as u64;
    let indexes: u64 = (0..SEGMENTS).filter(|index| !fails(*index)).sum();
    assert_eq!(execution.status, ExecutionStatus::Succeeded, "seed {seed}: {execution:?}");
    assert_eq!((execution.succeeded, execution.failed, execution.cancelled), (SEGMENTS - failed, failed, 0));
    assert_eq!((execution.attempts, execution.counts.item_count.cast_unsigned()), (SEGMENTS, SEGMENTS - failed));
    assert_eq!(execution.counts.counters.0["index"].cast_unsigned(), indexes);
    let mut worked_on = done.lock().unwrap().clone();
    worked_on.sort_unstable();
    assert_eq!(worked_on, (0..SEGMENTS).collect::<Vec<_>>(), "seed {seed}: each segment is worked on once");
    assert_one_event(&parts, answer.execution_id, seed);
    assert_invariants(&parts.table, parts.dir.path(), answer.execution_id).await;

    // And nothing that comes once more changes anything.
    for batch in disorder.batches(&records, WORKER_BATCH_MAX) {
        work_on(&worker, &parts, batch).await;
    }
    tell_all(&gather, &disorder, &heard).await;
    assert_eq!(parts.table.execution(answer.execution_id).await.unwrap().unwrap(), execution, "seed {seed}");
    assert_eq!(news.read().await, Vec::<Value>::new(), "seed {seed}: nothing was written");
    assert_eq!(done.lock().unwrap().len() as u64, SEGMENTS);
    assert_one_event(&parts, answer.execution_id, seed);
}

async fn tell_the_rest(gather: &GatherHandler, disorder: &Disorder, news: &mut test_support::News) {
    loop {
        let records = news.read().await;
        if records.is_empty() {
            return;
        }
        tell_all(gather, disorder, &records).await;
    }
}

/// It went out once for each answer that was lost and once more, and is the same each time.
fn assert_one_event(parts: &Parts, execution_id: control_table::id::ExecutionId, seed: u64) {
    let mut events = events_of(parts.dir.path(), execution_id);
    assert_eq!(events.len(), LOST_ANSWERS as usize + 1, "seed {seed}: {events:?}");
    events.dedup();
    assert_eq!(events.len(), 1, "seed {seed}: {events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_and_reordered_records_count_once_and_complete_once() {
    for seed in 1..=5 {
        disorder(seed).await;
    }
}
