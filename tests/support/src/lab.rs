//! The services in memory, with a clock and a bus that a test moves, and executions made by hand on them.

use std::collections::HashSet;
use std::sync::Arc;

use aws_sdk_dynamodb::config::{Intercept, SharedInterceptor};
use chrono::{DateTime, TimeDelta, Utc};
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy, Timestamp};
use control_table::id::ExecutionId;
use control_table::message::SegmentRecord;
use control_table::store::DynamoDbStore;
use emulator::embedded::{Backlog, Durability, EmbeddedDynamoDb, EmbeddedKinesis, Shard};
use engine::scatter::Sources;
use engine::{Engine, EventBus, Settings};
use functions::KinesisDispatcher;
use local::system::{CONTROL_TABLE, SEGMENT_STREAM};
use runtime::{Invocation, Work, Worker};

use crate::clock::{ManualClock, START};
use crate::execution::ExecutionBuilder;
use crate::test_bus::TestBus;

/// How long the sweepers of these tests wait before they help, and when what is opened here is first due.
pub const PATIENCE: TimeDelta = TimeDelta::minutes(5);

/// The trace of the executions that are opened here.
pub const TRACE: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

/// Services, and what engines and workers on them are made of.
pub struct Lab {
    /// The control table, through a client without interceptors.
    pub table: ControlTable,
    /// The service behind it.
    pub dynamodb: EmbeddedDynamoDb,
    /// The segment stream's shards.
    pub shards: Vec<Shard>,
    /// The time.
    pub clock: Arc<ManualClock>,
    /// The bus of [`Self::engine`].
    pub bus: Arc<TestBus>,
    /// Identifiers and jitter, from a seed.
    pub entropy: Arc<Entropy>,
    kinesis: EmbeddedKinesis,
}

impl Lab {
    /// In memory, with one shard.
    pub async fn new() -> Self {
        Self::with(EmbeddedDynamoDb::in_memory().unwrap(), 1).await
    }

    /// On a database of that kind, with so many shards.
    pub async fn with(dynamodb: EmbeddedDynamoDb, shards: u16) -> Self {
        let entropy = Arc::new(Entropy::from_seed(12));
        let store = DynamoDbStore::new(dynamodb.client(), CONTROL_TABLE, Arc::clone(&entropy));
        store.create().await.unwrap();
        let kinesis = EmbeddedKinesis::start(Backlog::default());
        let shards = kinesis.create_stream(SEGMENT_STREAM, shards).await.unwrap();
        let (clock, bus) = (ManualClock::at(START), Arc::default());
        Self { table: ControlTable::new(store), dynamodb, shards, clock, bus, entropy, kinesis }
    }

    /// On a database in that directory: only such a one has a stream of changes.
    pub async fn on_disk(directory: &std::path::Path) -> Self {
        Self::with(EmbeddedDynamoDb::open(&directory.join("db"), Durability::ProcessCrash).unwrap(), 1).await
    }

    /// The time, as rows have it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.timestamp()
    }

    /// As far away as a Lambda's deadline can be.
    #[must_use]
    pub fn deadline(&self) -> DateTime<Utc> {
        self.clock.now() + TimeDelta::minutes(15)
    }

    /// A worker's invocation with all the time that Lambda gives.
    #[must_use]
    pub fn invocation(&self) -> Invocation {
        Invocation { request_id: "request".to_owned(), deadline: self.deadline() }
    }

    /// A new ID.
    #[must_use]
    pub fn new_id(&self) -> ExecutionId {
        ExecutionId::new(self.entropy.uuid_v7(self.clock.now()))
    }

    /// Makes an execution by hand.
    #[must_use]
    pub fn execution(&self) -> ExecutionBuilder<'_> {
        ExecutionBuilder::new(self)
    }

    /// Parts of an engine on this lab; a test replaces what it wants.
    #[must_use]
    pub fn parts(&self) -> engine::Parts {
        self.parts_through(&Through::default())
    }

    /// Parts whose clients have these interceptors.
    #[must_use]
    pub fn parts_through(&self, through: &Through) -> engine::Parts {
        let dispatcher =
            KinesisDispatcher::new(through.kinesis(&self.kinesis.client()), SEGMENT_STREAM, self.entropy());
        let dynamodb = through.dynamodb(&self.dynamodb.client());
        let bus: Arc<dyn EventBus> = self.bus.clone();
        engine::Parts {
            table: self.table_on(dynamodb.clone()),
            dispatcher: Arc::new(dispatcher),
            position: Arc::new(engine::NothingWaits),
            bus,
            sources: Sources::new(dynamodb),
            clock: self.clock.clone(),
            entropy: self.entropy(),
            settings: Settings { patience: PATIENCE, ..Settings::default() },
        }
    }

    /// The position in the segment stream, by clients that have these interceptors.
    #[must_use]
    pub fn position_through(&self, through: &Through) -> engine::ProbedPosition<KinesisDispatcher> {
        let dispatcher =
            KinesisDispatcher::new(through.kinesis(&self.kinesis.client()), SEGMENT_STREAM, self.entropy());
        let table = self.table_on(through.dynamodb(&self.dynamodb.client()));
        let settings = engine::StreamSettings { retention: TimeDelta::hours(24), lanes: 10, batch_size: 1 };
        engine::ProbedPosition::new(dispatcher, table, settings)
    }

    /// An engine on this lab.
    #[must_use]
    pub fn engine(&self) -> Engine {
        Engine::new(self.parts())
    }

    /// An engine whose clients have these interceptors.
    #[must_use]
    pub fn engine_through(&self, through: &Through) -> Engine {
        Engine::new(self.parts_through(through))
    }

    /// An engine whose records go to that stream.
    #[must_use]
    pub fn engine_on_stream(&self, stream: &str) -> Engine {
        let dispatcher = Arc::new(KinesisDispatcher::new(self.kinesis.client(), stream, self.entropy()));
        Engine::new(engine::Parts { dispatcher, ..self.parts() })
    }

    /// A worker on a table.
    #[must_use]
    pub fn worker_on(&self, table: ControlTable, work: Arc<dyn Work>) -> Worker {
        Worker::new(table, work, self.clock.clone(), self.entropy(), runtime::Settings::default())
    }

    /// The control table through that client.
    #[must_use]
    pub fn table_on(&self, client: aws_sdk_dynamodb::Client) -> ControlTable {
        ControlTable::new(DynamoDbStore::new(client, CONTROL_TABLE, self.entropy()))
    }

    fn entropy(&self) -> Arc<Entropy> {
        Arc::clone(&self.entropy)
    }

    /// Every record on the stream: shard after shard, oldest first.
    pub async fn records(&self) -> Vec<SegmentRecord> {
        self.raw_records().await.iter().map(|data| serde_json::from_slice(data).unwrap()).collect()
    }

    /// What is on the stream, probes included.
    pub async fn raw_records(&self) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        for shard in &self.shards {
            let read = shard.read(&HashSet::new(), usize::from(u16::MAX)).await;
            records.extend(read.into_iter().map(|record| record.data));
        }
        records
    }
}

/// Interceptors of an engine's or a worker's clients.
#[derive(Debug, Clone, Default)]
pub struct Through(Vec<SharedInterceptor>);

impl Through {
    /// One interceptor for both services.
    pub fn one(interceptor: impl Intercept + 'static) -> Self {
        Self(vec![SharedInterceptor::new(interceptor)])
    }

    /// That client, with them.
    #[must_use]
    pub fn dynamodb(&self, client: &aws_sdk_dynamodb::Client) -> aws_sdk_dynamodb::Client {
        let mut config = client.config().to_builder();
        for interceptor in &self.0 {
            config.push_interceptor(interceptor.clone());
        }
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// That client, with them.
    #[must_use]
    pub fn kinesis(&self, client: &aws_sdk_kinesis::Client) -> aws_sdk_kinesis::Client {
        let mut config = client.config().to_builder();
        for interceptor in &self.0 {
            config.push_interceptor(interceptor.clone());
        }
        aws_sdk_kinesis::Client::from_conf(config.build())
    }

    /// That client, with them.
    #[must_use]
    pub fn sqs(&self, client: &aws_sdk_sqs::Client) -> aws_sdk_sqs::Client {
        let mut config = client.config().to_builder();
        for interceptor in &self.0 {
            config.push_interceptor(interceptor.clone());
        }
        aws_sdk_sqs::Client::from_conf(config.build())
    }
}
