//! A control table, a stream, a bus and a clock; runs in any state; and what the sweeper did to them.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use chrono::{DateTime, TimeDelta, Utc};
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy, Timestamp};
use control_table::id::{ExecutionId, SegmentId};
use control_table::limits::GROUP_SIZE;
use control_table::message::CompletionEvent;
use control_table::message::NotificationEvent;
use control_table::message::SegmentRecord;
use control_table::operation::{
    AddRows, Claim, ClaimOutcome, CommitGroup, CommitGroupOutcome, Ending, Finish, FinishOutcome, FlagFirstFailure,
    FlagFirstFailureOutcome, Open, OpenOutcome, Seal, SealOutcome, Tally, TallyResult,
};
use control_table::policy::Policy;
use control_table::rows::{Counts, Due, ErrorKind, ExecutionRow, SegmentFailure, SegmentRow, TallyRow};
use control_table::store::DynamoDbStore;
use control_table::trace::TraceContext;
use emulator::embedded::{Backlog, EmbeddedDynamoDb, EmbeddedKinesis, Shard};
use engine::scatter::Sources;
use engine::sweep::SweepReport;
use engine::{Engine, Settings};
use engine::{EventBus, PublishError};
use functions::KinesisDispatcher;
use futures::future::BoxFuture;
use serde_json::{Value, json};

const TABLE: &str = "control";
const STREAM: &str = "segments";

/// The trace that what is opened here was opened in.
pub const TRACE: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

/// Some moment.
pub const START: Timestamp = Timestamp::from_millis(1_764_000_000_000);

/// How long the sweepers of these tests let an execution stand still, and when what is opened here is first due.
pub const PATIENCE: TimeDelta = TimeDelta::minutes(5);

/// The lease of a worker that takes its time.
pub const LONG: TimeDelta = TimeDelta::hours(1);

/// A clock that stands where a test puts it.
#[derive(Debug)]
struct ManualClock(Mutex<DateTime<Utc>>);

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// Keeps the events that it takes; refuses those of some executions.
#[derive(Debug, Default)]
pub struct Bus {
    events: Mutex<Vec<CompletionEvent>>,
    notifications: Mutex<Vec<NotificationEvent>>,
    refused: Mutex<HashSet<ExecutionId>>,
}

impl Bus {
    pub fn refuse(&self, execution_id: ExecutionId) {
        self.refused.lock().unwrap().insert(execution_id);
    }

    pub fn work_again(&self) {
        self.refused.lock().unwrap().clear();
    }

    pub fn events(&self) -> Vec<CompletionEvent> {
        self.events.lock().unwrap().clone()
    }

    pub fn notifications(&self) -> Vec<NotificationEvent> {
        self.notifications.lock().unwrap().clone()
    }

    /// The one event there is.
    pub fn event(&self) -> CompletionEvent {
        let mut events = self.events();
        assert_eq!(events.len(), 1, "{events:?}");
        events.remove(0)
    }

    fn take(&self, event: &CompletionEvent) -> Result<(), PublishError> {
        let execution = event.execution_id;
        if self.refused.lock().unwrap().contains(&execution) {
            return Err(PublishError { execution, target: "the bus".to_owned(), source: "it is out of order".into() });
        }
        self.events.lock().unwrap().push(event.clone());
        Ok(())
    }
}

impl EventBus for Bus {
    fn publish<'a>(&'a self, event: &'a CompletionEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(std::future::ready(self.take(event)))
    }

    fn notify<'a>(&'a self, event: &'a NotificationEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        self.notifications.lock().unwrap().push(event.clone());
        Box::pin(std::future::ready(Ok(())))
    }
}

/// The requests of a client, by operation.
#[derive(Debug, Clone, Default)]
pub struct Requests(Arc<Mutex<BTreeMap<String, u32>>>);

impl Requests {
    pub fn made(&self) -> BTreeMap<String, u32> {
        self.0.lock().unwrap().clone()
    }
}

impl Intercept for Requests {
    fn name(&self) -> &'static str {
        "Requests"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        *self.0.lock().unwrap().entry(operation(context)).or_default() += 1;
        Ok(())
    }
}

/// Something that happens just before the first request of one kind.
struct Before {
    operation: &'static str,
    happening: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Before {
    /// It gets a thread and a runtime of its own, because an interceptor cannot wait for a future.
    fn new(operation: &'static str, happening: impl Future<Output = ()> + Send + 'static) -> Self {
        let happening = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            std::thread::spawn(move || runtime.block_on(happening)).join().unwrap();
        };
        Self { operation, happening: Mutex::new(Some(Box::new(happening))) }
    }
}

impl fmt::Debug for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Before {}", self.operation)
    }
}

impl Intercept for Before {
    fn name(&self) -> &'static str {
        "Before"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if operation(context) == self.operation
            && let Some(happening) = self.happening.lock().unwrap().take()
        {
            happening();
        }
        Ok(())
    }
}

fn operation(context: &BeforeTransmitInterceptorContextRef<'_>) -> String {
    let target = context.request().headers().get("x-amz-target").unwrap();
    target.rsplit('.').next().unwrap().to_owned()
}

/// A handle on an execution, with what is done to it by hand.
#[derive(Debug, Clone)]
pub struct Run {
    pub id: ExecutionId,
    /// The generation that the workers of this handle work in.
    pub generation: u32,
    policy: Policy,
    table: ControlTable,
    clock: Arc<ManualClock>,
}

impl Run {
    /// A claim of this segment by that record, now.
    pub fn claim_of(&self, index: u64, record: &str, lease: TimeDelta) -> Claim {
        let now = self.clock.timestamp();
        Claim {
            segment: self.id.segment(index),
            generation: self.generation,
            record: record.to_owned(),
            claim_id: format!("{record} at {now}"),
            max_attempts: self.policy.max_attempts,
            now,
            lease_until: now.plus(lease),
        }
    }

    /// A worker takes the segment; its attempt.
    pub async fn claim(&self, index: u64, record: &str, lease: TimeDelta) -> u32 {
        match self.table.execute(&self.claim_of(index, record, lease)).await.unwrap() {
            ClaimOutcome::Claimed(row) => row.attempt,
            other => panic!("{other:?}"),
        }
    }

    async fn end(&self, index: u64, attempt: u32, ending: Ending) -> SegmentRow {
        let segment = self.id.segment(index);
        let finish = Finish { segment, generation: self.generation, attempt, now: self.clock.timestamp(), ending };
        match self.table.execute(&finish).await.unwrap() {
            FinishOutcome::Finished(row) => *row,
            other => panic!("{other:?}"),
        }
    }

    /// A worker does the segment's work, counts that many items, and dies before it has tallied them.
    pub async fn finish(&self, index: u64, item_count: i64) -> SegmentRow {
        let attempt = self.claim(index, "a record", LONG).await;
        let counts = Counts { item_count, duration_ms: 7, ..Counts::default() };
        self.end(index, attempt, Ending::Succeeded { counts, result: None }).await
    }

    /// A worker does the segment's work and counts that many items; how many segments of the group are left.
    pub async fn succeed(&self, index: u64, item_count: i64) -> u64 {
        let row = self.finish(index, item_count).await;
        match self.table.execute(&Tally::of(&row).unwrap()).await.unwrap() {
            TallyResult::Counted { pending, .. } => pending,
            other => panic!("{other:?}"),
        }
    }

    /// A worker fails for good; whether it is the first failure of its group.
    pub async fn fail(&self, index: u64) -> bool {
        let attempt = self.claim(index, "a record", LONG).await;
        let failure = SegmentFailure::new(ErrorKind::Permanent, "never");
        let row = self.end(index, attempt, Ending::Failed { failure, duration_ms: 3 }).await;
        match self.table.execute(&Tally::of(&row).unwrap()).await.unwrap() {
            TallyResult::Counted { first_failure, .. } => first_failure,
            other => panic!("{other:?}"),
        }
    }

    /// Flags the first failure of a group, as a worker does.
    pub async fn note_failure(&self, index: u64) -> FlagFirstFailureOutcome {
        let (segment, generation) = (self.id.segment(index), self.generation);
        self.table.execute(&FlagFirstFailure { segment, generation, due_at: self.clock.timestamp() }).await.unwrap()
    }

    /// A worker fails, and the segment waits for its retry.
    pub async fn wait_for_retry(&self, index: u64, wait: TimeDelta) {
        let attempt = self.claim(index, "a record", LONG).await;
        let failure = SegmentFailure::new(ErrorKind::Retryable, "not now");
        let retry_at = self.clock.timestamp().plus(wait);
        self.end(index, attempt, Ending::Retry { failure, retry_at }).await;
    }

    pub async fn segment(&self, index: u64) -> SegmentRow {
        self.table.segment(self.id.segment(index)).await.unwrap().unwrap()
    }

    pub async fn row(&self) -> ExecutionRow {
        self.table.execution(self.id).await.unwrap().unwrap()
    }

    /// The tallies, whose sums must add up.
    pub async fn tallies(&self) -> Vec<TallyRow> {
        let tallies = self.table.tallies(self.id, 0..self.row().await.groups).await.unwrap();
        for tally in &tallies {
            let done = tally.succeeded.len() + tally.failed.len() + tally.cancelled.len();
            assert_eq!(tally.pending + u64::try_from(done).unwrap(), tally.size);
        }
        tallies
    }
}

pub struct World {
    pub table: ControlTable,
    pub bus: Arc<Bus>,
    dynamodb: EmbeddedDynamoDb,
    kinesis: EmbeddedKinesis,
    shard: Shard,
    clock: Arc<ManualClock>,
    entropy: Arc<Entropy>,
}

impl World {
    pub async fn new() -> Self {
        let dynamodb = EmbeddedDynamoDb::in_memory().unwrap();
        let entropy = Arc::new(Entropy::from_seed(12));
        let store = DynamoDbStore::new(dynamodb.client(), TABLE, Arc::clone(&entropy));
        store.create().await.unwrap();
        let table = ControlTable::new(store);
        let kinesis = EmbeddedKinesis::start(Backlog::default());
        let shard = kinesis.create_stream(STREAM, 1).await.unwrap().remove(0);
        let clock = Arc::new(ManualClock(Mutex::new(START.to_datetime())));
        Self { table, bus: Arc::default(), dynamodb, kinesis, shard, clock, entropy }
    }

    pub fn advance(&self, span: TimeDelta) {
        *self.clock.0.lock().unwrap() += span;
    }

    pub fn now(&self) -> Timestamp {
        self.clock.timestamp()
    }

    /// As far away as a Lambda's deadline can be.
    pub fn deadline(&self) -> DateTime<Utc> {
        self.clock.now() + TimeDelta::minutes(15)
    }

    /// The table behind the protocol.
    pub fn dynamodb_client(&self) -> aws_sdk_dynamodb::Client {
        self.dynamodb.client()
    }

    pub fn sweeper(&self) -> Engine {
        self.sweeper_on(self.dynamodb.client(), self.kinesis.client())
    }

    /// A sweeper whose requests to the table are counted.
    pub fn counted_sweeper(&self) -> (Engine, Requests) {
        let requests = Requests::default();
        let config = self.dynamodb.client().config().to_builder().interceptor(requests.clone()).build();
        (self.sweeper_on(aws_sdk_dynamodb::Client::from_conf(config), self.kinesis.client()), requests)
    }

    /// A sweeper on whose first request of that kind something happens.
    pub fn sweeper_interrupted(
        &self,
        operation: &'static str,
        happening: impl Future<Output = ()> + Send + 'static,
    ) -> Engine {
        let before = aws_sdk_dynamodb::config::SharedInterceptor::new(Before::new(operation, happening));
        let (mut dynamodb, mut kinesis) =
            (self.dynamodb.client().config().to_builder(), self.kinesis.client().config().to_builder());
        dynamodb.push_interceptor(before.clone());
        kinesis.push_interceptor(before);
        self.sweeper_on(
            aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            aws_sdk_kinesis::Client::from_conf(kinesis.build()),
        )
    }

    fn sweeper_on(&self, dynamodb: aws_sdk_dynamodb::Client, kinesis: aws_sdk_kinesis::Client) -> Engine {
        let (clock, entropy): (Arc<dyn Clock>, _) = (self.clock.clone(), Arc::clone(&self.entropy));
        let table = ControlTable::new(DynamoDbStore::new(dynamodb.clone(), TABLE, Arc::clone(&entropy)));
        Engine::new(engine::Parts {
            table,
            dispatcher: Arc::new(KinesisDispatcher::new(kinesis, STREAM, Arc::clone(&entropy))),
            bus: self.bus.clone(),
            sources: Sources::new(dynamodb),
            clock,
            entropy,
            settings: Settings { patience: PATIENCE, ..Settings::default() },
        })
    }

    /// One tick.
    pub async fn sweep(&self) -> SweepReport {
        self.sweeper().sweep(self.deadline()).await.unwrap()
    }

    /// One tick, after which nothing must have been done.
    pub async fn sweep_idle(&self) {
        assert_eq!(self.sweep().await, SweepReport::default());
    }

    /// The sweeper looks at an execution that stands still twice; what it did the second time.
    pub async fn sweep_after_standstill(&self) -> SweepReport {
        self.advance(PATIENCE);
        let first = self.sweep().await;
        assert_eq!(first, SweepReport { due: first.due, ..SweepReport::default() }, "a first look changes nothing");
        self.advance(PATIENCE);
        self.sweep().await
    }

    /// An execution whose scatter died right after it had opened it, due after the patience.
    pub async fn open(&self, source: Value, expected: u64, policy: Policy) -> Run {
        let id = ExecutionId::new(self.entropy.uuid_v7(self.clock.now()));
        self.open_as(id, source, expected, policy).await
    }

    async fn open_as(&self, id: ExecutionId, source: Value, expected: u64, policy: Policy) -> Run {
        let now = self.now();
        let request = Open {
            execution_id: id,
            job: "job".parse().unwrap(),
            key: id.to_string().parse().unwrap(),
            policy,
            expected: Some(expected),
            kind: control_table::rows::PlanKind::Planned,
            source,
            parameters: json!({ "greeting": "hello" }),
            trace: TraceContext::from_header(TRACE),
            now,
            due_at: now.plus(PATIENCE),
        };
        assert!(matches!(self.table.execute(&request).await.unwrap(), OpenOutcome::Opened(_)));
        Run { id, generation: 1, policy, table: self.table.clone(), clock: self.clock.clone() }
    }

    /// A group of single numbers of that size, committed, without records.
    pub async fn add_group(&self, id: ExecutionId, group: u64, size: u64) {
        let specs = (0..size).map(|offset| number(group * GROUP_SIZE + offset)).collect();
        let rows = AddRows { group: id.group(group), generation: 1, specs, now: self.now(), expires_at: None };
        self.table.execute(&rows).await.unwrap();
        let commit = CommitGroup {
            group: rows.group,
            size,
            generation: 1,
            scatter_until: self.now().plus(PATIENCE),
            expires_at: None,
        };
        assert_eq!(self.table.execute(&commit).await.unwrap(), CommitGroupOutcome::Committed);
    }

    async fn seal(&self, execution_id: ExecutionId, groups: u64) {
        let now = self.now();
        let seal = Seal { execution_id, groups, now };
        assert_eq!(self.table.execute(&seal).await.unwrap(), SealOutcome::Sealed);
    }

    /// A sealed execution of that many segments, whose records were all lost; due after the patience.
    pub async fn run(&self, segments: u64) -> Run {
        self.run_with(segments, Policy::default()).await
    }

    pub async fn run_with(&self, segments: u64, policy: Policy) -> Run {
        let id = ExecutionId::new(self.entropy.uuid_v7(self.clock.now()));
        self.run_as(id, segments, policy).await
    }

    /// An execution that waits in the same partition of the due index as that one.
    pub async fn run_beside(&self, other: &Run, segments: u64) -> Run {
        let shard = |id| Due::execution(id, START).due_shard;
        let mut ids = std::iter::repeat_with(|| ExecutionId::new(self.entropy.uuid_v7(self.clock.now())));
        let id = ids.find(|&id| shard(id) == shard(other.id)).unwrap();
        self.run_as(id, segments, Policy::default()).await
    }

    async fn run_as(&self, id: ExecutionId, segments: u64, policy: Policy) -> Run {
        let run = self.open_as(id, numbers(segments), segments, policy).await;
        let groups = segments.div_ceil(GROUP_SIZE);
        for group in 0..groups {
            self.add_group(id, group, GROUP_SIZE.min(segments - group * GROUP_SIZE)).await;
        }
        self.seal(id, groups).await;
        run
    }

    /// Every record on the stream, oldest first.
    pub async fn records(&self) -> Vec<SegmentRecord> {
        let records = self.shard.read(&HashSet::new(), usize::from(u16::MAX)).await;
        records.into_iter().map(|record| serde_json::from_slice(&record.data).unwrap()).collect()
    }

    /// The segments that have records, in order, each as often as it has one.
    pub async fn put(&self) -> Vec<SegmentId> {
        let mut segments: Vec<_> = self.records().await.iter().map(SegmentRecord::segment).collect();
        segments.sort();
        segments
    }
}

/// The plan of a range of single numbers.
pub fn numbers(count: u64) -> Value {
    json!({ "type": "range", "from": 0, "to": count, "size": 1 })
}

/// What the segment of that number is to do.
pub fn number(index: u64) -> Value {
    json!({ "from": index, "to": index + 1 })
}
