//! A control table, a bus and a clock; runs whose segments are done; and the stream's records of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use aws_lambda_events::event::dynamodb::Event;
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use chrono::{DateTime, TimeDelta, Utc};
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy, Timestamp};
use control_table::id::ExecutionId;
use control_table::limits::GROUP_SIZE;
use control_table::message::CompletionEvent;
use control_table::message::NotificationEvent;
use control_table::operation::{
    AddRows, CommitGroup, CommitGroupOutcome, Counted, Open, OpenOutcome, Seal, SealOutcome, Tally, TallyResult,
};
use control_table::policy::Policy;
use control_table::rows::{Counters, Counts, ExecutionRow, Row, TallyOutcome, TallyRow, to_item};
use control_table::store::DynamoDbStore;
use emulator::embedded::{Backlog, EmbeddedDynamoDb, EmbeddedKinesis};
use engine::scatter::Sources;
use engine::{Engine, Settings};
use engine::{EventBus, PublishError};
use functions::KinesisDispatcher;
use functions::handlers::GatherHandler;
use futures::future::BoxFuture;
use serde_json::{Value, json};

/// Some moment.
pub const START: Timestamp = Timestamp::from_millis(1_764_000_000_000);

const LATER: TimeDelta = TimeDelta::minutes(5);

/// A clock that stands where a test puts it.
#[derive(Debug)]
struct ManualClock(Mutex<DateTime<Utc>>);

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// What a bus does to the events of an execution, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It takes none.
    Refuses,
    /// It takes the event and delivers nothing.
    LosesAnswer,
}

/// Keeps the events that it takes.
#[derive(Debug, Default)]
pub struct Bus {
    events: Mutex<Vec<CompletionEvent>>,
    faults: Mutex<HashMap<ExecutionId, Fault>>,
}

impl Bus {
    /// The next event of that execution meets this fault.
    pub fn fail_once(&self, execution_id: ExecutionId, fault: Fault) {
        self.faults.lock().unwrap().insert(execution_id, fault);
    }

    pub fn events(&self) -> Vec<CompletionEvent> {
        self.events.lock().unwrap().clone()
    }

    /// The one event there is.
    pub fn event(&self) -> CompletionEvent {
        let mut events = self.events();
        assert_eq!(events.len(), 1, "{events:?}");
        events.remove(0)
    }

    fn take(&self, event: &CompletionEvent) -> Result<(), PublishError> {
        let execution = event.execution_id;
        let fault = self.faults.lock().unwrap().remove(&execution);
        if fault != Some(Fault::Refuses) {
            self.events.lock().unwrap().push(event.clone());
        }
        match fault {
            None => Ok(()),
            Some(fault) => {
                let source = format!("{fault:?}").into();
                Err(PublishError { execution, target: "the bus".to_owned(), source })
            }
        }
    }
}

impl EventBus for Bus {
    fn publish<'a>(&'a self, event: &'a CompletionEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(std::future::ready(self.take(event)))
    }

    fn notify<'a>(&'a self, _: &'a NotificationEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

pub struct World {
    pub table: ControlTable,
    pub bus: Arc<Bus>,
    pub gather: GatherHandler,
    clock: Arc<ManualClock>,
    entropy: Arc<Entropy>,
}

impl World {
    pub async fn new() -> Self {
        let entropy = Arc::new(Entropy::from_seed(3));
        let client = EmbeddedDynamoDb::in_memory().unwrap().client();
        let store = DynamoDbStore::new(client.clone(), "control", Arc::clone(&entropy));
        store.create().await.unwrap();
        let table = ControlTable::new(store);
        let (bus, clock) = (Arc::new(Bus::default()), Arc::new(ManualClock(Mutex::new(START.to_datetime()))));
        let kinesis = EmbeddedKinesis::start(Backlog::default());
        kinesis.create_stream("segments", 1).await.unwrap();
        let engine = Engine::new(engine::Parts {
            table: table.clone(),
            dispatcher: Arc::new(KinesisDispatcher::new(kinesis.client(), "segments", Arc::clone(&entropy))),
            bus: bus.clone(),
            sources: Sources::new(client),
            clock: clock.clone(),
            entropy: Arc::clone(&entropy),
            settings: Settings::default(),
        });
        Self { gather: GatherHandler::new(engine), table, bus, clock, entropy }
    }

    pub fn advance(&self, span: TimeDelta) {
        *self.clock.0.lock().unwrap() += span;
    }

    /// An execution of groups of these sizes, not sealed, its segments not begun.
    pub async fn open(&self, groups: &[u64]) -> ExecutionId {
        self.open_with(groups, Policy::default()).await
    }

    pub async fn open_with(&self, groups: &[u64], policy: Policy) -> ExecutionId {
        let execution_id = ExecutionId::new(self.entropy.uuid_v7(self.clock.now()));
        let (now, due_at) = (self.clock.timestamp(), self.clock.timestamp().plus(LATER));
        let open = Open {
            execution_id,
            job: "job".parse().unwrap(),
            key: execution_id.to_string().parse().unwrap(),
            policy,
            expected: None,
            kind: control_table::rows::PlanKind::Planned,
            source: Value::Null,
            parameters: Value::Null,
            trace: None,
            now,
            due_at,
        };
        assert!(matches!(self.table.execute(&open).await.unwrap(), OpenOutcome::Opened(_)));
        for (group, &size) in (0..).zip(groups) {
            let group = execution_id.group(group);
            let specs = (0..size).map(Value::from).collect();
            self.table.execute(&AddRows { group, generation: 1, specs, now, expires_at: None }).await.unwrap();
            let commit = CommitGroup { group, size, generation: 1, scatter_until: due_at, expires_at: None };
            assert_eq!(self.table.execute(&commit).await.unwrap(), CommitGroupOutcome::Committed);
        }
        execution_id
    }

    pub async fn seal(&self, execution_id: ExecutionId) {
        let groups = self.execution(execution_id).await.groups;
        let now = self.clock.timestamp();
        let seal = Seal { execution_id, groups, now };
        assert_eq!(self.table.execute(&seal).await.unwrap(), SealOutcome::Sealed);
    }

    /// Counts a segment's outcome: one attempt, its index as its items and as its counter `sum`.
    pub async fn tally(&self, execution_id: ExecutionId, index: u64, outcome: TallyOutcome) {
        let item_count = i64::try_from(index).unwrap();
        let counters = Counters(BTreeMap::from([("sum".to_owned(), item_count)]));
        let counts = Counts { item_count, duration_ms: 10, counters };
        let segment = execution_id.segment(index);
        let counted = Counted { offset: segment.offset(), outcome, attempts: 1, counts };
        let tally = Tally { group: segment.group(), generation: 1, outcomes: vec![counted] };
        let result = self.table.execute(&tally).await.unwrap();
        assert!(matches!(result, TallyResult::Counted { .. }), "{result:?}");
    }

    /// A sealed execution of groups of these sizes whose segments have all succeeded.
    pub async fn done(&self, groups: &[u64]) -> ExecutionId {
        let execution_id = self.open(groups).await;
        for (group, &size) in (0..).zip(groups) {
            for offset in 0..size {
                self.tally(execution_id, group * GROUP_SIZE + offset, TallyOutcome::Succeeded).await;
            }
        }
        self.seal(execution_id).await;
        execution_id
    }

    pub async fn execution(&self, execution_id: ExecutionId) -> ExecutionRow {
        self.table.execution(execution_id).await.unwrap().unwrap()
    }

    pub async fn tally_row(&self, execution_id: ExecutionId, group: u64) -> TallyRow {
        self.table.tallies_of(execution_id, &[group]).await.unwrap().remove(0)
    }

    /// The tally as the stream would show it now.
    pub async fn tally_image(&self, execution_id: ExecutionId, group: u64) -> Value {
        image(&self.tally_row(execution_id, group).await)
    }

    /// The execution as the stream would show it now.
    pub async fn execution_image(&self, execution_id: ExecutionId) -> Value {
        image(&self.execution(execution_id).await)
    }

    /// Hands a batch to the gather, numbered from 1; the sequence numbers from which it is to be repeated.
    pub async fn hear(&self, images: &[Value]) -> Vec<String> {
        failures(self.gather.handle(event(images)).await)
    }
}

/// Nothing is to be repeated.
pub const DONE: Vec<String> = Vec::new();

pub fn failures(response: DynamoDbEventResponse) -> Vec<String> {
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier.unwrap()).collect()
}

/// A row as an image of the stream.
pub fn image<R: Row>(row: &R) -> Value {
    serde_json::to_value(serde_dynamo::Item::from(to_item(row).unwrap())).unwrap()
}

/// A batch as Lambda hands it over: the images, numbered from 1.
pub fn event(images: &[Value]) -> Event {
    let records: Vec<_> = (1..).zip(images).map(|(number, image)| record(number, image)).collect();
    serde_json::from_value(json!({ "Records": records })).unwrap()
}

/// The record of a change to that image; of a deletion, which has none, for null.
fn record(number: u32, image: &Value) -> Value {
    let mut record = json!({
        "eventID": format!("event-{number}"),
        "eventName": "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/control/stream/2026-11-24T00:00:00.000",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_764_000_000,
            "Keys": { "pk": { "S": "some" }, "sk": { "S": "item" } },
            "NewImage": image,
            "SequenceNumber": number.to_string(),
            "SizeBytes": 100,
            "StreamViewType": "NEW_IMAGE",
        },
    });
    if image.is_null() {
        record["eventName"] = "REMOVE".into();
        record["dynamodb"].as_object_mut().unwrap().remove("NewImage");
    }
    record
}
