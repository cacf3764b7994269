//! A control table, a stream, and what the tests do to them and read off them.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use chrono::{DateTime, TimeDelta, Utc};
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy, Timestamp};
use control_table::id::ExecutionId;
use control_table::limits::GROUP_SIZE;
use control_table::message::SegmentRecord;
use control_table::operation::{AddRows, CommitGroup, Open, OpenOutcome};
use control_table::policy::Policy;
use control_table::rows::{ExecutionRow, ExecutionStatus, ItemKey, PlanKind, SegmentRow};
use control_table::store::DynamoDbStore;
use emulator::embedded::{Backlog, Durability, EmbeddedDynamoDb, EmbeddedKinesis, Shard};
use engine::scatter::{ScatterAnswer, Sources};
use engine::{Engine, EngineError, NoBus, Settings};
use functions::{KinesisDispatcher, handlers};
use serde_json::{Value, json};

pub const TABLE: &str = "control";
const STREAM: &str = "segments";

/// Moves on by a fixed step each time it is looked at.
#[derive(Debug)]
pub struct SteppingClock {
    millis: AtomicI64,
    step: i64,
}

impl Clock for SteppingClock {
    fn now(&self) -> DateTime<Utc> {
        Timestamp::from_millis(self.millis.fetch_add(self.step, Ordering::SeqCst)).to_datetime()
    }
}

pub struct World {
    _directory: tempfile::TempDir,
    pub dynamodb: EmbeddedDynamoDb,
    pub table: ControlTable,
    kinesis: EmbeddedKinesis,
    shards: Vec<Shard>,
    clock: Arc<SteppingClock>,
    entropy: Arc<Entropy>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with_step(1).await
    }

    /// A world whose clock moves on by that many milliseconds each time it is looked at.
    pub async fn with_step(step: i64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let dynamodb = EmbeddedDynamoDb::open(&directory.path().join("db"), Durability::ProcessCrash).unwrap();
        let entropy = Arc::new(Entropy::from_seed(7));
        let store = DynamoDbStore::new(dynamodb.client(), TABLE, Arc::clone(&entropy));
        store.create().await.unwrap();
        let table = ControlTable::new(store);
        let kinesis = EmbeddedKinesis::start(Backlog::default());
        let shards = kinesis.create_stream(STREAM, 2).await.unwrap();
        let clock = Arc::new(SteppingClock { millis: AtomicI64::new(1_795_478_400_000), step });
        Self { _directory: directory, dynamodb, table, kinesis, shards, clock, entropy }
    }

    pub fn scatter(&self) -> Engine {
        self.scatter_on(STREAM, self.clock.clone())
    }

    /// A scatter whose records go nowhere: it dies after its first commits.
    pub fn scatter_without_stream(&self) -> Engine {
        self.scatter_on("no-such-stream", self.clock.clone())
    }

    pub fn scatter_with_clock(&self, clock: Arc<dyn Clock>) -> Engine {
        self.scatter_on(STREAM, clock)
    }

    fn scatter_on(&self, stream: &str, clock: Arc<dyn Clock>) -> Engine {
        Engine::new(engine::Parts {
            table: self.table.clone(),
            dispatcher: Arc::new(KinesisDispatcher::new(self.kinesis.client(), stream, Arc::clone(&self.entropy))),
            bus: Arc::new(NoBus),
            sources: Sources::new(self.dynamodb.client()),
            clock,
            entropy: Arc::clone(&self.entropy),
            settings: Settings::default(),
        })
    }

    pub fn now(&self) -> Timestamp {
        self.clock.timestamp()
    }

    /// So far away that it does not matter.
    pub fn deadline(&self) -> DateTime<Utc> {
        self.clock.now() + TimeDelta::days(1)
    }

    pub async fn handle(&self, event: Value) -> Result<ScatterAnswer, EngineError> {
        handlers::scatter(&self.scatter(), event, "request-1".into(), self.deadline()).await
    }

    /// Opens by hand, as a scatter does that dies right after it.
    pub async fn open(&self, key: &str, source: Value, expected: u64) -> ExecutionRow {
        self.open_with(key, source, expected, Policy::default()).await
    }

    /// Opens one that limits the segments in flight by hand.
    pub async fn open_limited(&self, key: &str, limit: u32) -> ExecutionRow {
        let policy = Policy { max_concurrency: Some(limit), ..Policy::default() };
        self.open_with(key, numbers_plan(1), 1, policy).await
    }

    async fn open_with(&self, key: &str, source: Value, expected: u64, policy: Policy) -> ExecutionRow {
        let now = self.clock.timestamp();
        let request = Open {
            execution_id: ExecutionId::new(self.entropy.uuid_v7(self.clock.now())),
            job: "job".parse().unwrap(),
            key: key.parse().unwrap(),
            policy,
            expected: Some(expected),
            kind: PlanKind::Planned,
            source,
            parameters: Value::Null,
            trace: None,
            now,
            due_at: now,
        };
        match self.table.execute(&request).await.unwrap() {
            OpenOutcome::Opened(execution) => *execution,
            OpenOutcome::Existing(id) => panic!("{id} has the key"),
        }
    }

    /// Adds the rows of one group of a range of single numbers by hand, and no more.
    pub async fn add_rows(&self, execution_id: ExecutionId, group: u64, size: u64) {
        let specs = (0..size).map(|offset| number(group * GROUP_SIZE + offset)).collect();
        let now = self.clock.timestamp();
        let request = AddRows { group: execution_id.group(group), generation: 1, specs, now, expires_at: None };
        self.table.execute(&request).await.unwrap();
    }

    /// Commits a group by hand, and puts no records.
    pub async fn commit(&self, execution_id: ExecutionId, group: u64, size: u64) {
        let due_at = self.clock.timestamp();
        let request = CommitGroup {
            group: execution_id.group(group),
            size,
            generation: 1,
            scatter_until: due_at,
            expires_at: None,
        };
        self.table.execute(&request).await.unwrap();
    }

    /// Every row of the execution, in order.
    pub async fn rows(&self, answer: &ScatterAnswer) -> Vec<SegmentRow> {
        let mut rows = Vec::new();
        for group in 0..answer.groups {
            let group = answer.execution_id.group(group);
            rows.extend(self.table.group_segments(group, None).await.unwrap());
        }
        rows
    }

    /// How many records there are of each segment.
    pub async fn records(&self) -> BTreeMap<u64, u64> {
        let mut count = BTreeMap::new();
        for record in self.read_records().await {
            *count.entry(record.index).or_default() += 1;
        }
        count
    }

    pub async fn read_records(&self) -> Vec<SegmentRecord> {
        let mut records = Vec::new();
        for shard in &self.shards {
            for record in shard.read(&HashSet::new(), usize::from(u16::MAX)).await {
                records.push(serde_json::from_slice(&record.data).unwrap());
            }
        }
        records
    }

    /// Every item of the control table, of whatever kind.
    pub async fn items(&self) -> i32 {
        let scan = self.dynamodb.client().scan().table_name(TABLE).select(Select::Count).send().await;
        scan.unwrap().count
    }

    /// Items of the control table that have no such attribute.
    pub async fn items_without(&self, attribute: &str) -> i32 {
        let scan = self.dynamodb.client().scan().table_name(TABLE).select(Select::Count);
        let scan = scan.filter_expression("attribute_not_exists(#a)").expression_attribute_names("#a", attribute);
        scan.send().await.unwrap().count
    }

    /// Changes an item behind the protocol's back; `:a`, `:b` and so on stand for the numbers.
    pub async fn change(&self, key: ItemKey, update: &str, numbers: &[i64]) {
        let mut request = self.dynamodb.client().update_item().table_name(TABLE).set_key(Some(key.to_item()));
        for (name, number) in ('a'..).zip(numbers) {
            let number = AttributeValue::N(number.to_string());
            request = request.expression_attribute_values(format!(":{name}"), number);
        }
        request.update_expression(update).send().await.unwrap();
    }

    /// What an execution must look like once its scatter is done, whatever happened before.
    pub async fn assert_complete(&self, answer: &ScatterAnswer, segments: u64) {
        assert!(answer.sealed, "{answer:?}");
        assert_eq!((answer.segments, answer.groups), (segments, segments.div_ceil(GROUP_SIZE)));
        let execution = self.table.execution(answer.execution_id).await.unwrap().unwrap();
        assert_eq!((execution.status, execution.expected), (ExecutionStatus::Running, Some(segments)));
        let rows = self.rows(answer).await;
        let indexes: Vec<u64> = rows.iter().map(|row| row.index).collect();
        assert_eq!(indexes, (0..segments).collect::<Vec<_>>());
        let tallies = self.table.tallies(answer.execution_id, 0..answer.groups + 1).await.unwrap();
        assert_eq!(tallies.iter().map(|tally| tally.size).sum::<u64>(), segments);
        assert_eq!(tallies.iter().map(|tally| tally.pending).sum::<u64>(), segments);
    }

    /// Each segment has at least one record.
    pub async fn assert_all_have_records(&self, segments: u64) {
        let records = self.records().await;
        assert_eq!(records.keys().copied().collect::<Vec<_>>(), (0..segments).collect::<Vec<_>>());
    }

    pub async fn set_status(dynamodb: EmbeddedDynamoDb, execution_id: ExecutionId, status: &str) {
        let update = dynamodb
            .client()
            .update_item()
            .table_name(TABLE)
            .key("pk", AttributeValue::S(execution_id.to_string()))
            .key("sk", AttributeValue::S(ExecutionRow::SK.to_owned()))
            .update_expression("SET #status = :status")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", AttributeValue::S(status.to_owned()));
        update.send().await.unwrap();
    }
}

/// An event for that many segments of one number each.
pub fn numbers(key: &str, count: u64) -> Value {
    json!({ "job": "job", "key": key, "source": numbers_plan(count) })
}

pub fn numbers_plan(count: u64) -> Value {
    json!({ "type": "range", "from": 0, "to": count, "size": 1 })
}

pub fn number(index: u64) -> Value {
    json!({ "from": index, "to": index + 1 })
}
