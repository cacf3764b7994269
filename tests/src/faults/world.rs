//! Everything of one run: services, functions, and what is between them.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_lambda_events::event::kinesis::{KinesisEvent, KinesisEventRecord};
use chrono::{DateTime, TimeDelta, Utc};
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy};
use control_table::completion::CompletionEvent;
use control_table::id::ExecutionId;
use control_table::notice::NoticeEvent;
use futures::future::BoxFuture;
use gather::{CompletionBus, Gather, PublishError, Settler};
use local::embedded::{Durability, EmbeddedDynamoDb, TableStream};
use local::mapping::filter::Filter;
use local::system::{CONTROL_TABLE, SEGMENT_STREAM};
use local::template::Template;
use scatter::{Dispatcher, Handout, Scatter, Sources};
use serde_json::Value;
use sweeper::Sweeper;
use tempfile::TempDir;
use worker::{Invocation, Worker};

use super::clock::ManualClock;
use super::services::{self, Record, Tape};
use super::shape::Shape;
use super::wire::{Fate, Wire};
use crate::file_bus::FileBus;

/// Records of the table's stream that are read at once.
const STREAM_PAGE: u32 = 1_000;

/// How long the sweeper and the scatter wait before they help: short, so that a run has more of it.
const PATIENCE_SECONDS: i64 = 90;

/// The functions, ready to be invoked.
pub(super) struct Functions {
    pub scatter: Arc<Scatter>,
    pub worker: Worker,
    pub gather: Gather,
    pub sweeper: Sweeper,
}

/// A run's world.
pub(super) struct World {
    pub dir: TempDir,
    /// The control table, past the wire.
    pub table: ControlTable,
    pub functions: Arc<Functions>,
    pub wire: Wire,
    pub tape: Tape,
    pub clock: ManualClock,
    /// Whether each outcome is counted twice: see [`super::Sabotage`].
    pub counts_twice: Arc<AtomicBool>,
    entropy: Arc<Entropy>,
    stream: TableStream,
    filter: Filter,
    position: i64,
}

impl World {
    pub async fn new(shape: &Shape) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let embedded = EmbeddedDynamoDb::open(&dir.path().join("db"), Durability::ProcessCrash).unwrap();
        let entropy = Arc::new(Entropy::from_seed(shape.seed ^ 0xe17));
        let table = ControlTable::new(embedded.client(), CONTROL_TABLE, Arc::clone(&entropy));
        table.create().await.unwrap();
        let (wire, tape, clock, counts_twice) = (Wire::default(), Tape::default(), ManualClock::new(), Arc::default());
        let wired = services::dynamodb(&embedded.client(), &wire, shape.sdk_attempts, Arc::clone(&counts_twice));
        let kinesis = services::kinesis(&tape, &wire);
        let bus = WiredBus { wire: wire.clone(), bus: FileBus::new(dir.path(), 0) };
        let parts = Parts { dynamodb: wired, kinesis, bus: Arc::new(bus), clock: &clock, entropy: &entropy };
        Self {
            functions: Arc::new(parts.functions(shape)),
            stream: embedded.stream(CONTROL_TABLE).unwrap(),
            filter: Template::built_in().unwrap().gather_mapping().unwrap().filter,
            position: 0,
            dir,
            table,
            wire,
            tape,
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

    /// The run's execution, once it is opened.
    pub async fn execution_id(&self) -> Option<ExecutionId> {
        self.table.execution_of_key(&"faults".parse().unwrap(), &"one".parse().unwrap()).await.unwrap()
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
    bus: Arc<dyn CompletionBus>,
    clock: &'a ManualClock,
    entropy: &'a Arc<Entropy>,
}

impl Parts<'_> {
    fn functions(self, shape: &Shape) -> Functions {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let entropy = || Arc::clone(self.entropy);
        let patience = TimeDelta::seconds(PATIENCE_SECONDS);
        let table = ControlTable::new(self.dynamodb.clone(), CONTROL_TABLE, entropy());
        let dispatcher = Dispatcher::new(self.kinesis, SEGMENT_STREAM, entropy());
        let settler = Settler::new(table.clone(), self.bus, Arc::clone(&clock));
        let settings = scatter::Settings { patience, ..scatter::Settings::default() };
        let sources = Sources::new(self.dynamodb);
        let scatter = Scatter::new(table.clone(), dispatcher.clone(), sources, Arc::clone(&clock), entropy(), settings);
        let scatter = Arc::new(scatter);
        let settings = sweeper::Settings { patience, ..sweeper::Settings::default() };
        let handout = Handout::new(table.clone(), dispatcher.clone());
        Functions {
            worker: Worker::new(
                table.clone(),
                shape.work(),
                Arc::clone(&clock),
                entropy(),
                worker::Settings::default(),
            ),
            gather: Gather::new(table.clone(), settler.clone(), handout),
            sweeper: Sweeper::new(table, dispatcher, Arc::clone(&scatter), settler, clock, settings),
            scatter,
        }
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

/// A bus at the end of the wire.
struct WiredBus {
    wire: Wire,
    bus: FileBus,
}

impl WiredBus {
    async fn deliver(
        &self,
        what: String,
        execution: ExecutionId,
        delivery: impl Future<Output = Result<(), PublishError>>,
    ) -> Result<(), PublishError> {
        let fate = self.wire.turn(what).await;
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

impl CompletionBus for WiredBus {
    fn publish<'a>(&'a self, event: &'a CompletionEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        let what = format!("publish completion of generation {}", event.generation);
        Box::pin(self.deliver(what, event.execution_id, self.bus.publish(event)))
    }

    fn notify<'a>(&'a self, event: &'a NoticeEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        let what = format!("publish notice {}", event.notice.as_str());
        Box::pin(self.deliver(what, event.execution_id, self.bus.notify(event)))
    }
}
