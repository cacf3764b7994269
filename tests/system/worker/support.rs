//! What the worker's tests share: a lab with an execution in it, and records for workers.

use std::ops::{Deref, RangeInclusive};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_lambda_events::encodings::Base64Data;
use aws_lambda_events::event::kinesis::KinesisEvent;
use aws_lambda_events::event::streams::KinesisEventResponse;
use chrono::TimeDelta;
use control_table::ControlTable;
use control_table::clock::Clock;
use control_table::id::ExecutionId;
use control_table::message::SegmentRecord;
use control_table::policy::Policy;
use control_table::rows::{ExecutionRow, SegmentRow, TallyRow};
use control_table::store::DynamoDbStore;
use control_table::trace::TraceContext;
use functions::handlers::work_stream;
use runtime::{Invocation, Output, Segment, SegmentError, Work, Worker};
use serde_json::{Value, json};
use test_support::{Execution, Lab, Through};

pub use test_support::{LoseAnswers as Sent, START, TRACE};

/// How long the invocations of these tests may take.
pub const INVOCATION: TimeDelta = TimeDelta::seconds(100);

/// An execution of two segments in one committed group, and what workers need.
/// Segment 0 has 3 rows, segment 1 has 5.
pub struct Run {
    lab: Lab,
    execution: Execution,
    pub execution_id: ExecutionId,
    policy: Policy,
}

impl Deref for Run {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}

impl Run {
    /// Two attempts a segment.
    pub async fn new() -> Self {
        Self::with_policy(Policy::default()).await
    }

    /// As [`Self::new`], with the rest of its policy.
    pub async fn with_policy(policy: Policy) -> Self {
        let run = Self::uncommitted_with(Policy { max_attempts: 2, ..policy }).await;
        run.execution.commit(0, 2).await;
        run
    }

    /// As [`Self::new`], with its group not yet committed.
    pub async fn uncommitted() -> Self {
        Self::uncommitted_with(Policy { max_attempts: 2, ..Policy::default() }).await
    }

    async fn uncommitted_with(policy: Policy) -> Self {
        let lab = Lab::new().await;
        let execution = lab.execution().key("key").policy(policy).source(Value::Null, 2).make().await;
        execution.add_rows(0, vec![json!({"rows": 3}), json!({"rows": 5})]).await;
        Self { lab, execution_id: execution.id, execution, policy }
    }

    pub fn worker(&self, work: Arc<dyn Work>) -> Worker {
        self.worker_on(self.table.clone(), work)
    }

    /// A worker whose requests with these numbers, from 1, are carried out, but never answered.
    pub fn worker_losing(&self, answers: RangeInclusive<u32>, work: Arc<dyn Work>) -> Worker {
        self.worker_watched(answers, work).0
    }

    /// A worker whose requests are counted.
    pub fn worker_counted(&self, work: Arc<dyn Work>) -> (Worker, Sent) {
        self.worker_watched(0..=0, work)
    }

    fn worker_watched(&self, answers: RangeInclusive<u32>, work: Arc<dyn Work>) -> (Worker, Sent) {
        let sent = Sent::to(answers);
        let client = Through::one(sent.clone()).dynamodb(&self.dynamodb.client());
        (self.worker_on(self.table_on(client), work), sent)
    }

    /// A worker whose control table does not exist.
    pub fn worker_without_table(&self, work: Arc<dyn Work>) -> Worker {
        let store = DynamoDbStore::new(self.dynamodb.client(), "another", Arc::clone(&self.entropy));
        self.worker_on(ControlTable::new(store), work)
    }

    /// The record of that segment, as the scatter puts it.
    pub fn record(&self, index: u64) -> SegmentRecord {
        SegmentRecord {
            execution_id: self.execution_id,
            job: "job".parse().unwrap(),
            key: "key".parse().unwrap(),
            generation: 1,
            index,
            total: Some(2),
            spec: json!({"rows": (3 + 2 * index)}),
            parameters: json!({"greeting": "hello"}),
            policy: self.policy,
            trace: TraceContext::from_header(TRACE),
        }
    }

    /// Hands a segment's record to the worker, as Kinesis does, under that sequence number.
    /// The answer is which records must come again.
    pub async fn hand(&self, worker: &Worker, index: u64, sequence_number: &str) -> Vec<String> {
        self.hand_record(worker, &self.record(index), sequence_number).await
    }

    /// As [`Self::hand`], for a record that a test made.
    pub async fn hand_record(&self, worker: &Worker, record: &SegmentRecord, sequence_number: &str) -> Vec<String> {
        let data = serde_json::to_vec(record).unwrap();
        again(work_stream(worker, event(&[(sequence_number, &data)]), self.invocation()).await)
    }

    /// Hands a batch of segments' records to the worker: sequence numbers and indexes.
    pub async fn hand_batch(&self, worker: &Worker, batch: &[(&str, u64)]) -> Vec<String> {
        self.hand_batch_within(worker, batch, self.invocation()).await
    }

    pub async fn hand_batch_within(&self, worker: &Worker, batch: &[(&str, u64)], within: Invocation) -> Vec<String> {
        let data: Vec<Vec<u8>> =
            batch.iter().map(|(_, index)| serde_json::to_vec(&self.record(*index)).unwrap()).collect();
        let records: Vec<(&str, &[u8])> =
            batch.iter().zip(&data).map(|((number, _), data)| (*number, &**data)).collect();
        again(work_stream(worker, event(&records), within).await)
    }

    /// The execution as the table has it.
    pub async fn execution(&self) -> ExecutionRow {
        self.table.execution(self.execution_id).await.unwrap().unwrap()
    }

    /// An invocation that begins now.
    pub fn invocation(&self) -> Invocation {
        Invocation { request_id: "request".to_owned(), deadline: self.clock.now() + INVOCATION }
    }

    /// The segment as the table has it.
    pub async fn segment(&self, index: usize) -> SegmentRow {
        self.table.group_segments(self.execution_id.group(0), None).await.unwrap().remove(index)
    }

    /// The group's tally, whose sums must add up.
    pub async fn tally(&self) -> TallyRow {
        let mut tallies = self.table.tallies(self.execution_id, 0..1).await.unwrap();
        let tally = tallies.remove(0);
        let done = tally.succeeded.len() + tally.failed.len() + tally.cancelled.len();
        assert_eq!(tally.pending + u64::try_from(done).unwrap(), tally.size);
        tally
    }
}

/// A batch, as Lambda hands it over: sequence numbers and what is in the records.
pub fn event(records: &[(&str, &[u8])]) -> KinesisEvent {
    let records: Vec<Value> = records.iter().map(|(number, data)| record(number, data)).collect();
    serde_json::from_value(json!({"Records": records})).unwrap()
}

fn record(sequence_number: &str, data: &[u8]) -> Value {
    json!({
        "eventID": format!("shardId-000000000000:{sequence_number}"),
        "eventName": "aws:kinesis:record",
        "eventSource": "aws:kinesis",
        "kinesis": {
            "approximateArrivalTimestamp": 1_764_000_000.0,
            "data": base64(data),
            "partitionKey": "key",
            "sequenceNumber": sequence_number,
        },
    })
}

/// What the event's own type makes of bytes.
fn base64(data: &[u8]) -> Value {
    let mut encoded = Base64Data::default();
    encoded.0 = data.to_vec();
    serde_json::to_value(encoded).unwrap()
}

/// The sequence numbers that are to come again.
pub fn again(response: KinesisEventResponse) -> Vec<String> {
    response.batch_item_failures.into_iter().filter_map(|failure| failure.item_identifier).collect()
}

/// Nothing must come again.
pub const DONE: Vec<String> = Vec::new();

/// Waits for something that must happen. The limit only ends a test that would hang.
pub async fn within_reason<T>(event: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), event).await.unwrap()
}

/// Counts how often the work was done.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<AtomicU32>);

impl Calls {
    pub fn add(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub fn made(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the segments of a [`Run`] say.
#[derive(Debug, serde::Deserialize)]
pub struct Spec {
    pub rows: u64,
}

/// Work that counts its rows, and the calls of it.
pub fn counting(calls: &Calls) -> Arc<dyn Work> {
    let calls = calls.clone();
    runtime::work(move |segment: Segment<Spec>, _| {
        calls.add();
        async move { Ok(Output::items(segment.spec.rows)) }
    })
}

/// Work that always fails that way.
pub fn failing(error: SegmentError) -> Arc<dyn Work> {
    runtime::work(move |_: Segment<Value>, _| std::future::ready(Err(error.clone())))
}
