//! The functions' handlers and the embedded services, without the mappings between them: a test delivers by hand.

use std::sync::Arc;

use aws_lambda_events::event::dynamodb::Event as DynamoDbEvent;
use aws_lambda_events::event::kinesis::{KinesisEvent, KinesisEventRecord};
use chrono::TimeDelta;
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy, SystemClock};
use gather::{Gather, Settler};
use local::embedded::{Backlog, Durability, EmbeddedDynamoDb, EmbeddedKinesis, Shard, ShardRecord, TableStream};
use local::mapping::filter::Filter;
use local::system::{CONTROL_TABLE, SEGMENT_STREAM};
use local::template::Template;
use scatter::{Dispatcher, Handout, Scatter, Sources};
use serde_json::Value;
use sweeper::Sweeper;
use tempfile::TempDir;
use worker::{Invocation, Work, Worker};

use crate::file_bus::FileBus;
use crate::requests::Requests;

/// The services, and a directory for what they keep.
pub struct Parts {
    /// The directory; deleted with this value. Completion events are in it.
    pub dir: TempDir,
    /// The control table, through a client that nobody counts.
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
        let table = ControlTable::new(dynamodb.client(), CONTROL_TABLE, Arc::clone(&entropy));
        table.create().await.unwrap();
        Self { dir, table, shard, dynamodb, kinesis, clock, entropy }
    }

    fn counted(&self, requests: &Requests) -> ControlTable {
        let client = requests.of_dynamodb(&self.dynamodb.client());
        ControlTable::new(client, CONTROL_TABLE, Arc::clone(&self.entropy))
    }

    /// A scatter whose requests are counted.
    #[must_use]
    pub fn scatter(&self, requests: &Requests) -> Scatter {
        let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
        let kinesis = requests.of_kinesis(&self.kinesis.client());
        let dispatcher = Dispatcher::new(kinesis, SEGMENT_STREAM, Arc::clone(&entropy));
        let sources = Sources::new(self.dynamodb.client());
        Scatter::new(self.counted(requests), dispatcher, sources, clock, entropy, scatter::Settings::default())
    }

    /// A worker whose requests are counted.
    #[must_use]
    pub fn worker(&self, requests: &Requests, work: Arc<dyn Work>) -> Worker {
        let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
        Worker::new(self.counted(requests), work, clock, entropy, worker::Settings::default())
    }

    /// A gather whose requests are counted. Its bus takes every event, and of the first `lost` ones loses the answer.
    #[must_use]
    pub fn gather(&self, requests: &Requests, lost: u32) -> Gather {
        let table = self.counted(requests);
        let settler =
            Settler::new(table.clone(), Arc::new(FileBus::new(self.dir.path(), lost)), Arc::clone(&self.clock));
        let kinesis = requests.of_kinesis(&self.kinesis.client());
        let dispatcher = Dispatcher::new(kinesis, SEGMENT_STREAM, Arc::clone(&self.entropy));
        Gather::new(table.clone(), settler, Handout::new(table, dispatcher))
    }

    /// A sweeper whose requests are counted, on a bus that takes every event.
    #[must_use]
    pub fn sweeper(&self, requests: &Requests) -> Sweeper {
        let (table, clock) = (self.counted(requests), Arc::clone(&self.clock));
        let bus = Arc::new(FileBus::new(self.dir.path(), 0));
        let settler = Settler::new(table.clone(), bus, Arc::clone(&clock));
        let kinesis = requests.of_kinesis(&self.kinesis.client());
        let dispatcher = Dispatcher::new(kinesis, SEGMENT_STREAM, Arc::clone(&self.entropy));
        let scatter = Arc::new(self.scatter(requests));
        Sweeper::new(table, dispatcher, scatter, settler, clock, sweeper::Settings::default())
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

    /// The control table's stream, from its beginning, as the template's mapping would read it.
    #[must_use]
    pub fn news(&self) -> News {
        let filter = Template::built_in().unwrap().gather_mapping().unwrap().filter;
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
    /// The records since the last call that the template's filter lets pass.
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
