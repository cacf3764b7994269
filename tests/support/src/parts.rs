//! The functions' handlers and the embedded services, without the mappings between them: a test delivers by hand.

use std::sync::Arc;

use aws_lambda_events::event::dynamodb::Event as DynamoDbEvent;
use aws_lambda_events::event::kinesis::{KinesisEvent, KinesisEventRecord};
use chrono::TimeDelta;
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy, SystemClock};
use control_table::store::DynamoDbStore;
use emulator::embedded::{Backlog, Durability, EmbeddedDynamoDb, EmbeddedKinesis, Shard, ShardRecord, TableStream};
use emulator::event_source::filter::Filter;
use engine::scatter::Sources;
use engine::{Engine, Settings};
use functions::KinesisDispatcher;
use functions::handlers::GatherHandler;
use local::system::{CONTROL_TABLE, SEGMENT_STREAM};
use runtime::{Invocation, Work, Worker};
use serde_json::Value;
use tempfile::TempDir;

use crate::file_bus::FileBus;
use crate::lab::Through;
use crate::requests::Requests;

/// The services, and a directory for what they keep.
pub struct Parts {
    /// The directory; deleted with this value. Completion events are in it.
    pub dir: TempDir,
    /// The control table, through a client whose requests are not counted.
    pub table: ControlTable,
    /// The one shard of the segment stream.
    pub shard: Shard,
    dynamodb: EmbeddedDynamoDb,
    kinesis: EmbeddedKinesis,
    clock: Arc<dyn Clock>,
    entropy: Arc<Entropy>,
}

impl Parts {
    /// Empty services.
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let dynamodb = EmbeddedDynamoDb::open(&dir.path().join("db"), Durability::ProcessCrash).unwrap();
        let kinesis = EmbeddedKinesis::start(Backlog::default());
        let shard = kinesis.create_stream(SEGMENT_STREAM, 1).await.unwrap().remove(0);
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(Entropy::from_system()));
        let store = DynamoDbStore::new(dynamodb.client(), CONTROL_TABLE, Arc::clone(&entropy));
        store.create().await.unwrap();
        let table = ControlTable::new(store);
        Self { dir, table, shard, dynamodb, kinesis, clock, entropy }
    }

    fn counted(&self, requests: &Requests) -> ControlTable {
        let client = Through::one(requests.clone()).dynamodb(&self.dynamodb.client());
        ControlTable::new(DynamoDbStore::new(client, CONTROL_TABLE, Arc::clone(&self.entropy)))
    }

    /// An engine whose requests are counted; its bus loses the answer to the first `lost` events.
    #[must_use]
    pub fn engine(&self, requests: &Requests, lost: u32) -> Engine {
        let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
        let kinesis = Through::one(requests.clone()).kinesis(&self.kinesis.client());
        Engine::new(engine::Parts {
            table: self.counted(requests),
            dispatcher: Arc::new(KinesisDispatcher::new(kinesis, SEGMENT_STREAM, Arc::clone(&entropy))),
            position: Arc::new(engine::NothingWaits),
            bus: Arc::new(FileBus::new(self.dir.path(), lost)),
            sources: Sources::new(self.dynamodb.client()),
            clock,
            entropy,
            settings: Settings::default(),
        })
    }

    /// A worker whose requests are counted.
    #[must_use]
    pub fn worker(&self, requests: &Requests, work: Arc<dyn Work>) -> Worker {
        let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
        Worker::new(self.counted(requests), work, clock, entropy, runtime::Settings::default())
    }

    /// A gather whose requests are counted; its bus loses the answer to the first `lost` events.
    #[must_use]
    pub fn gather(&self, requests: &Requests, lost: u32) -> GatherHandler {
        GatherHandler::new(self.engine(requests, lost))
    }

    /// An invocation with all the time that Lambda gives.
    #[must_use]
    pub fn invocation(&self) -> Invocation {
        let deadline = self.clock.now() + TimeDelta::seconds(900);
        Invocation { request_id: self.entropy.nonce(), deadline }
    }

    /// Records of the segment stream as an event for the worker.
    #[must_use]
    pub fn kinesis_event(&self, records: &[ShardRecord]) -> KinesisEvent {
        let mut event = KinesisEvent::default();
        event.records = records.iter().map(|record| kinesis_record(&self.shard, record)).collect();
        event
    }

    /// The control table's stream, from its beginning, as the event source mapping reads it.
    #[must_use]
    pub fn news(&self) -> News {
        let filter = Filter::parse(local::settings::GATHER_MAPPING.filters.iter().copied()).unwrap();
        News { stream: self.dynamodb.stream(CONTROL_TABLE).unwrap(), position: 0, filter, images: Vec::new() }
    }
}

fn kinesis_record(shard: &Shard, record: &ShardRecord) -> KinesisEventRecord {
    let mut event = KinesisEventRecord::default();
    event.event_id = Some(format!("{}:{}", shard.id(), record.sequence_number));
    event.event_source_arn = Some(shard.stream_arn());
    event.kinesis.data.0.clone_from(&record.data);
    event.kinesis.partition_key.clone_from(&record.partition_key);
    event.kinesis.sequence_number.clone_from(&record.sequence_number);
    event
}

/// Records of the table's stream as an event for the gather.
#[must_use]
pub fn dynamodb_event(records: &[Value]) -> DynamoDbEvent {
    let mut event = DynamoDbEvent::default();
    event.records = records.iter().map(|record| serde_json::from_value(record.clone()).unwrap()).collect();
    event
}

/// A reader of the control table's stream.
pub struct News {
    stream: TableStream,
    position: i64,
    filter: Filter,
    /// Every item that the stream has shown, in order.
    pub images: Vec<Value>,
}

impl News {
    /// The records since the last call that pass the event source mapping's filter.
    pub async fn read(&mut self) -> Vec<Value> {
        const AT_ONCE: u32 = 1_000;
        let mut passed = Vec::new();
        loop {
            let read = self.stream.read(self.position, AT_ONCE).await.unwrap();
            let Some(last) = read.last() else {
                return passed;
            };
            self.position = last.position;
            for change in read {
                self.images.push(change.event["dynamodb"]["NewImage"].clone());
                if self.filter.matches(&change.event) {
                    passed.push(change.event);
                }
            }
        }
    }
}
