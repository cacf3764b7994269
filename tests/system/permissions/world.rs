//! The functions' own handlers on embedded services, each with its own record of what it calls.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use aws_lambda_events::event::kinesis::{KinesisEvent, KinesisEventRecord};
use chrono::{DateTime, TimeDelta, Utc};
use control_table::ControlTable;
use control_table::clock::{Clock, Timestamp};
use control_table::id::ExecutionId;
use control_table::rows::ExecutionRow;
use emulator::embedded::{EmbeddedSqs, QueueMessage, QueueSettings, ShardRecord, TableStream};
use emulator::event_source::sqs;
use engine::scatter::ScatterAnswer;
use engine::sweep::SweepReport;
use engine::{Dispatcher, Engine, EngineError, PositionError, StreamPosition};
use functions::SqsDispatcher;
use functions::handlers::{self, GatherHandler, WorkerHandler};
use functions::sqs::{SqsPosition, Visibility};
use futures::future::BoxFuture;
use jobs::{Commands, builtin};
use local::system::CONTROL_TABLE;
use runtime::{Context, Invocation, Output, Segment, SegmentError, Work, Worker, work};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::calls::{BusCalls, Calls};
use test_support::{Lab, ManualClock, Through, dynamodb_event};

pub(super) use test_support::PATIENCE;

/// The user's table, and an index of it.
pub(super) const SOURCE: &str = "cities";
pub(super) const SOURCE_INDEX: &str = "country";

/// A function's calls, by function.
#[derive(Debug, Clone, Default)]
pub struct AllCalls {
    /// Of scatter.
    pub scatter: Calls,
    /// Of a worker with work of its own, which calls nothing.
    pub worker: Calls,
    /// Of the worker of the built-in jobs.
    pub built_in: Calls,
    /// Of gather.
    pub gather: Calls,
    /// Of the sweeper.
    pub sweeper: Calls,
    /// Of the HTTP API.
    pub api: Calls,
    /// Of operators at their command lines: no function's.
    operators: Calls,
    carrier: Carrier,
}

/// What carries records to workers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Carrier {
    /// The segment stream.
    #[default]
    Stream,
    /// The segment queue.
    Queue,
}

impl AllCalls {
    /// No calls yet, of functions with that carrier.
    #[must_use]
    pub fn through(carrier: Carrier) -> Self {
        Self { carrier, ..Self::default() }
    }
}

/// The handlers, and what is between them.
pub(super) struct World {
    /// The control table, for the test itself.
    pub(super) table: ControlTable,
    pub(super) clock: Arc<ManualClock>,
    pub(super) bus_of_sweeper: Arc<BusCalls>,
    pub(super) worker: Worker,
    pub(super) built_in: Worker,
    pub(super) sweeper: Engine,
    /// Does what an operator asks for with the command line, with the operator's permissions.
    pub(super) operators: Engine,
    /// Does what the HTTP API is asked.
    pub(super) api: Engine,
    scatter: Engine,
    gather: GatherHandler,
    taken: Mutex<HashSet<String>>,
    stream: TableStream,
    position: Mutex<i64>,
    /// The segment queue, if there is one.
    queue: Option<EmbeddedSqs>,
    /// The worker function on that queue.
    messages: Option<WorkerHandler>,
    /// Services live as long as the clients that use them.
    lab: Lab,
    _dir: TempDir,
}

/// Makes the calls of a position in Kinesis, and answers that every record was read: these tests count calls, not waits.
#[derive(Debug)]
struct ReadAtOnce(Arc<dyn StreamPosition>);

impl StreamPosition for ReadAtOnce {
    fn read_until(&self, now: Timestamp) -> BoxFuture<'_, Result<Timestamp, PositionError>> {
        Box::pin(async move { self.0.read_until(now).await.map(|_| now) })
    }

    fn records_put(&self, records: u64, now: Timestamp) -> BoxFuture<'_, Result<(), PositionError>> {
        self.0.records_put(records, now)
    }
}

/// An engine whose calls are noted.
fn engine(lab: &Lab, queue: Option<&EmbeddedSqs>, calls: &Calls, bus: Arc<BusCalls>) -> Engine {
    let through = Through::one(calls.clone());
    let parts = lab.parts_through(&through);
    let (dispatcher, position): (Arc<dyn Dispatcher>, Arc<dyn StreamPosition>) = match queue {
        Some(queue) => {
            let (client, url) = (through.sqs(&queue.client()), queue.queue_url());
            let dispatcher = SqsDispatcher::new(client.clone(), &url, Arc::clone(&lab.entropy));
            (Arc::new(dispatcher), Arc::new(SqsPosition::new(client, &url)))
        }
        None => (parts.dispatcher, Arc::new(lab.position_through(&through))),
    };
    Engine::new(engine::Parts { bus, dispatcher, position: Arc::new(ReadAtOnce(position)), ..parts })
}

/// The worker function on a queue, its calls of SQS noted.
fn on_queue(lab: &Lab, queue: &EmbeddedSqs, calls: &Calls) -> WorkerHandler {
    let client = Through::one(calls.clone()).sqs(&queue.client());
    let visibility = Visibility::new(client, &queue.queue_url(), Arc::clone(&lab.entropy));
    WorkerHandler::new(worker(lab, calls, as_told()), Some(visibility))
}

/// A worker whose calls are noted.
fn worker(lab: &Lab, calls: &Calls, work: Arc<dyn Work>) -> Worker {
    lab.worker_on(lab.table_on(Through::one(calls.clone()).dynamodb(&lab.dynamodb.client())), work)
}

/// Does what the execution's parameters say: succeeds, fails for good, or fails for now.
fn as_told() -> Arc<dyn Work> {
    work(|_: Segment<Value>, context: Context| async move {
        let told: Value = context.parameters()?;
        match told.as_str() {
            Some("fail") => Err(SegmentError::permanent("as its spec says")),
            Some("retry") => Err(SegmentError::retryable("as its spec says")),
            _ => Ok(Output::items(1)),
        }
    })
}

impl World {
    /// Handlers on empty services, noting their calls there.
    pub async fn new(calls: &AllCalls) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let lab = Lab::on_disk(dir.path()).await;
        create_source(&lab.dynamodb.client()).await;
        let bus = |calls: &Calls| Arc::new(BusCalls::new(calls.clone()));
        let bus_of_sweeper = bus(&calls.sweeper);
        let source = Through::one(calls.built_in.clone()).dynamodb(&lab.dynamodb.client());
        let settings = QueueSettings { visibility_timeout: std::time::Duration::from_mins(15), receives_max: 20 };
        let queue = (calls.carrier == Carrier::Queue).then(|| EmbeddedSqs::start(settings));
        let engine = |calls: &Calls, bus| engine(&lab, queue.as_ref(), calls, bus);
        Self {
            scatter: engine(&calls.scatter, bus(&calls.scatter)),
            messages: queue.as_ref().map(|queue| on_queue(&lab, queue, &calls.worker)),
            worker: worker(&lab, &calls.worker, as_told()),
            built_in: worker(&lab, &calls.built_in, builtin(source, Commands::Refused)),
            gather: GatherHandler::new(engine(&calls.gather, bus(&calls.gather))),
            sweeper: engine(&calls.sweeper, bus_of_sweeper.clone()),
            operators: engine(&calls.operators, bus(&calls.operators)),
            api: engine(&calls.api, bus(&calls.api)),
            stream: lab.dynamodb.stream(CONTROL_TABLE).unwrap(),
            taken: Mutex::default(),
            position: Mutex::default(),
            table: lab.table.clone(),
            clock: Arc::clone(&lab.clock),
            bus_of_sweeper,
            queue,
            lab,
            _dir: dir,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.timestamp()
    }

    /// As far away as a Lambda's deadline can be.
    pub(super) fn deadline(&self) -> DateTime<Utc> {
        self.clock.now() + TimeDelta::minutes(15)
    }

    /// A scatter that has all the time it needs.
    pub(super) async fn scatter(&self, event: Value) -> ExecutionId {
        self.scatter_until(event, self.deadline()).await.unwrap().execution_id
    }

    pub(super) async fn scatter_until(
        &self,
        event: Value,
        deadline: DateTime<Utc>,
    ) -> Result<ScatterAnswer, EngineError> {
        handlers::scatter(&self.scatter, &event.to_string(), "a request".into(), deadline).await
    }

    /// A scatter that runs out of time after some groups; the execution it leaves.
    pub(super) async fn scatter_that_dies(&self, event: Value) -> ExecutionId {
        self.clock.step(TimeDelta::seconds(60));
        let stopped = self.scatter_until(event, self.deadline()).await.unwrap();
        self.clock.step(TimeDelta::zero());
        assert!(!stopped.sealed && stopped.groups > 0, "{stopped:?}");
        stopped.execution_id
    }

    /// The records that no worker has taken yet.
    pub(super) async fn take_records(&self) -> Vec<ShardRecord> {
        if let Some(queue) = &self.queue {
            let messages = queue.receive(usize::from(u16::MAX));
            queue.delete(messages.iter().map(|message| message.receipt_handle.as_str()));
            return messages.into_iter().map(as_record).collect();
        }
        let taken = self.taken.lock().unwrap().clone();
        let records = self.lab.shards[0].read(&taken, usize::from(u16::MAX)).await;
        self.taken.lock().unwrap().extend(records.iter().map(|record| record.key.clone()));
        records
    }

    /// The worker function gets what is on the queue, and has no time left for it.
    pub(super) async fn deliver_too_late(&self) {
        let (Some(queue), Some(handler)) = (&self.queue, &self.messages) else { return };
        let messages = queue.receive(10);
        let invocation = Invocation { request_id: "too late".to_owned(), deadline: self.clock.now() };
        let event = serde_json::to_value(sqs::event(queue, &messages)).unwrap();
        let response = handler.handle(event, invocation).await.unwrap();
        assert_eq!(response["batchItemFailures"].as_array().unwrap().len(), messages.len(), "{response}");
    }

    /// Hands records to a worker, in one invocation.
    pub(super) async fn deliver(&self, worker: &Worker, records: &[ShardRecord]) {
        let mut event = KinesisEvent::default();
        event.records = records.iter().map(|record| self.kinesis_record(record)).collect();
        let invocation = Invocation { request_id: "a request".to_owned(), deadline: self.deadline() };
        let response = handlers::work_stream(worker, event, invocation).await;
        assert!(response.batch_item_failures.is_empty(), "{response:?}");
    }

    fn kinesis_record(&self, record: &ShardRecord) -> KinesisEventRecord {
        let mut event = KinesisEventRecord::default();
        event.event_id = Some(format!("{}:{}", self.lab.shards[0].id(), record.sequence_number));
        event.kinesis.data.0.clone_from(&record.data);
        event.kinesis.sequence_number.clone_from(&record.sequence_number);
        event
    }

    /// A record of another program.
    pub(super) fn foreign_record() -> ShardRecord {
        ShardRecord {
            key: "foreign".to_owned(),
            sequence_number: "4".to_owned(),
            partition_key: String::new(),
            data: b"hello".to_vec(),
            arrived_at_ms: 0,
        }
    }

    /// Hands gather what is new on the table's stream.
    pub(super) async fn hear(&self) {
        loop {
            let position = *self.position.lock().unwrap();
            let changes = self.stream.read(position, 1_000).await.unwrap();
            let Some(last) = changes.last() else { return };
            *self.position.lock().unwrap() = last.position;
            for changes in changes.chunks(100) {
                let events: Vec<Value> = changes.iter().map(|change| change.event.clone()).collect();
                self.tell_gather(&events).await;
            }
        }
    }

    /// Hands gather these records.
    pub(super) async fn tell_gather(&self, events: &[Value]) {
        let response = self.gather.handle(dynamodb_event(events)).await;
        assert!(response.batch_item_failures.is_empty(), "{response:?}");
    }

    /// Workers and gather go on until there is nothing new.
    pub(super) async fn go_on(&self, worker: &Worker) {
        loop {
            let records = self.take_records().await;
            if records.is_empty() {
                return;
            }
            self.deliver(worker, &records).await;
            self.hear().await;
        }
    }

    /// One tick.
    pub(super) async fn sweep(&self) -> SweepReport {
        let report = self.sweeper.sweep(self.deadline()).await.unwrap();
        assert_eq!(report.failed, 0, "{report:?}");
        report
    }

    /// Time passes, and then the sweeper looks.
    pub(super) async fn sweep_after(&self, span: TimeDelta) -> SweepReport {
        self.clock.advance(span);
        self.sweep().await
    }

    pub(super) async fn row(&self, execution_id: ExecutionId) -> ExecutionRow {
        self.table.execution(execution_id).await.unwrap().unwrap()
    }
}

/// A message as if it had come on the stream: a worker does the same with it.
fn as_record(message: QueueMessage) -> ShardRecord {
    ShardRecord {
        key: message.receipt_handle,
        sequence_number: message.message_id,
        partition_key: message.group.unwrap_or_default(),
        data: message.body.into_bytes(),
        arrived_at_ms: 0,
    }
}

/// A table with an index, and nothing in it.
async fn create_source(client: &aws_sdk_dynamodb::Client) {
    use aws_sdk_dynamodb::types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType,
    };
    let attribute = |name: &str| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    let key = |name: &str| KeySchemaElement::builder().attribute_name(name).key_type(KeyType::Hash).build().unwrap();
    let projection = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    let index = GlobalSecondaryIndex::builder().index_name(SOURCE_INDEX).key_schema(key("country"));
    client
        .create_table()
        .table_name(SOURCE)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("id"))
        .attribute_definitions(attribute("country"))
        .key_schema(key("id"))
        .global_secondary_indexes(index.projection(projection).build().unwrap())
        .send()
        .await
        .unwrap();
}

/// An execution of so many segments, each told the same.
#[expect(clippy::needless_pass_by_value, reason = "each caller makes its policy on the spot")]
pub(super) fn run(key: &str, segments: u64, told: &str, policy: Value) -> Value {
    let source = json!({"type": "range", "from": 0, "to": segments, "size": 1});
    json!({"job": "job", "key": key, "source": source, "parameters": told, "policy": policy})
}
