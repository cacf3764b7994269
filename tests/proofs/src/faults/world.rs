//! Everything of one run: services, functions, and what is between them.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_lambda_events::event::kinesis::{KinesisEvent, KinesisEventRecord};
use chrono::{DateTime, TimeDelta, Utc};
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy, Timestamp};
use control_table::id::ExecutionId;
use control_table::message::CompletionEvent;
use control_table::message::NotificationEvent;
use control_table::store::DynamoDbStore;
use emulator::embedded::{Durability, EmbeddedDynamoDb, TableStream};
use emulator::event_source::filter::Filter;
use engine::scatter::Sources;
use engine::{Engine, Settings};
use engine::{EventBus, PublishError};
use functions::KinesisDispatcher;
use functions::handlers::GatherHandler;
use futures::future::BoxFuture;
use local::system::{CONTROL_TABLE, SEGMENT_STREAM};
use runtime::{Invocation, Worker};
use serde_json::Value;
use tempfile::TempDir;

use super::network::{Fate, Network};
use super::scenario::Scenario;
use super::services::{self, Record, StreamLog};
use test_support::{FileBus, ManualClock};

/// Records of the table's stream that are read at once.
const STREAM_PAGE: u32 = 1_000;

/// When every execution begins: an evening, so that long ones cross midnight.
const BEGIN: Timestamp = Timestamp::from_millis(1_795_561_200_000);

/// How long the sweeper and the scatter wait before they help: short, so that an execution has more of it.
const PATIENCE_SECONDS: i64 = 90;

/// The functions, ready to be invoked.
pub(super) struct Functions {
    pub engine: Engine,
    pub worker: Worker,
    pub gather: GatherHandler,
}

/// An execution's world.
pub(super) struct World {
    pub dir: TempDir,
    /// The control table, past the network.
    pub table: ControlTable,
    pub functions: Arc<Functions>,
    pub network: Network,
    pub stream_log: StreamLog,
    pub clock: Arc<ManualClock>,
    /// Whether each outcome is counted twice: see [`super::Sabotage`].
    pub counts_twice: Arc<AtomicBool>,
    entropy: Arc<Entropy>,
    stream: TableStream,
    filter: Filter,
    position: i64,
}

impl World {
    pub async fn new(scenario: &Scenario) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let embedded = EmbeddedDynamoDb::open(&dir.path().join("db"), Durability::ProcessCrash).unwrap();
        let entropy = Arc::new(Entropy::from_seed(scenario.seed ^ 0xe17));
        let store = DynamoDbStore::new(embedded.client(), CONTROL_TABLE, Arc::clone(&entropy));
        store.create().await.unwrap();
        let table = ControlTable::new(store);
        let (network, stream_log, clock, counts_twice) =
            (Network::default(), StreamLog::default(), ManualClock::at(BEGIN), Arc::default());
        let wired = services::dynamodb(&embedded.client(), &network, scenario.sdk_attempts, Arc::clone(&counts_twice));
        let kinesis = services::kinesis(&stream_log, &network);
        let bus = NetworkBus { network: network.clone(), bus: FileBus::new(dir.path(), 0) };
        let parts = Parts { dynamodb: wired, kinesis, bus: Arc::new(bus), clock: &clock, entropy: &entropy };
        Self {
            functions: Arc::new(parts.functions(scenario)),
            stream: embedded.stream(CONTROL_TABLE).unwrap(),
            filter: Filter::parse(local::settings::GATHER_MAPPING.filters.iter().copied()).unwrap(),
            position: 0,
            dir,
            table,
            network,
            stream_log,
            clock,
            counts_twice,
            entropy,
        }
    }

    pub fn data_dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn count_twice(&self) {
        self.counts_twice.store(true, Ordering::Relaxed);
    }

    /// The execution, once it is opened.
    pub async fn execution_id(&self) -> Option<ExecutionId> {
        self.table.execution_of_key(&"faults".parse().unwrap(), &"one".parse().unwrap()).await.unwrap()
    }

    /// Moves the clock by that many milliseconds.
    pub fn advance(&self, millis: u64) {
        self.clock.advance(TimeDelta::milliseconds(i64::try_from(millis).unwrap()));
    }

    /// An invocation's deadline.
    pub fn deadline(&self, seconds: i64) -> DateTime<Utc> {
        self.clock.now() + TimeDelta::seconds(seconds)
    }

    /// An invocation of the worker.
    pub fn invocation(&self, deadline: DateTime<Utc>) -> Invocation {
        Invocation { request_id: self.entropy.nonce(), deadline }
    }

    /// What the table's stream shows since the last call, as the template's mapping lets it pass.
    pub async fn news(&mut self, heard: &mut VecDeque<Value>) {
        loop {
            let read = self.stream.read(self.position, STREAM_PAGE).await.unwrap();
            let Some(last) = read.last() else { return };
            self.position = last.position;
            heard.extend(read.into_iter().map(|change| change.event).filter(|event| self.filter.matches(event)));
        }
    }
}

/// What the functions are made of.
struct Parts<'a> {
    dynamodb: aws_sdk_dynamodb::Client,
    kinesis: aws_sdk_kinesis::Client,
    bus: Arc<dyn EventBus>,
    clock: &'a Arc<ManualClock>,
    entropy: &'a Arc<Entropy>,
}

impl Parts<'_> {
    fn functions(self, scenario: &Scenario) -> Functions {
        let clock: Arc<dyn Clock> = self.clock.clone();
        let entropy = || Arc::clone(self.entropy);
        let patience = TimeDelta::seconds(PATIENCE_SECONDS);
        let table = ControlTable::new(DynamoDbStore::new(self.dynamodb.clone(), CONTROL_TABLE, entropy()));
        let engine = Engine::new(engine::Parts {
            table: table.clone(),
            dispatcher: Arc::new(KinesisDispatcher::new(self.kinesis, SEGMENT_STREAM, entropy())),
            position: Arc::new(engine::NothingWaits),
            bus: self.bus,
            sources: Sources::new(self.dynamodb),
            clock: Arc::clone(&clock),
            entropy: entropy(),
            settings: Settings { patience, ..Settings::default() },
        });
        let worker = Worker::new(table, scenario.work(), clock, entropy(), runtime::Settings::default());
        Functions { worker, gather: GatherHandler::new(engine.clone()), engine }
    }
}

/// Records as an event for the worker.
pub(super) fn kinesis_event(records: &[Record]) -> KinesisEvent {
    let mut event = KinesisEvent::default();
    event.records = records.iter().map(kinesis_record).collect();
    event
}

fn kinesis_record(record: &Record) -> KinesisEventRecord {
    let mut event = KinesisEventRecord::default();
    event.event_id = Some(format!("shardId-000000000000:{}", record.number));
    event.kinesis.data.0.clone_from(&record.data);
    event.kinesis.partition_key.clone_from(&record.key);
    event.kinesis.sequence_number = record.number.to_string();
    event
}

/// A bus at the end of the network.
struct NetworkBus {
    network: Network,
    bus: FileBus,
}

impl NetworkBus {
    async fn deliver(
        &self,
        what: String,
        execution: ExecutionId,
        delivery: impl Future<Output = Result<(), PublishError>>,
    ) -> Result<(), PublishError> {
        let fate = self.network.turn(what).await;
        if matches!(fate, Fate::Answered | Fate::Unheard | Fate::Mute) {
            delivery.await?;
        }
        match fate {
            Fate::Answered => Ok(()),
            Fate::Mute => std::future::pending().await,
            Fate::Throttled | Fate::Lost | Fate::Unheard => {
                let source = std::io::Error::other("as the seed would have it").into();
                Err(PublishError { execution, target: "the harness's bus".to_owned(), source })
            }
        }
    }
}

impl EventBus for NetworkBus {
    fn publish<'a>(&'a self, event: &'a CompletionEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        let what = format!("publish completion of generation {}", event.generation);
        Box::pin(self.deliver(what, event.execution_id, self.bus.publish(event)))
    }

    fn notify<'a>(&'a self, event: &'a NotificationEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        let what = format!("publish notification {}", event.notification.as_str());
        Box::pin(self.deliver(what, event.execution_id, self.bus.notify(event)))
    }
}
