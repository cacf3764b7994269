//! A lab whose clock moves on at each look, and what the scatters' tests do to it and read off it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use chrono::{DateTime, TimeDelta, Utc};
use control_table::clock::Clock;
use control_table::id::ExecutionId;
use control_table::limits::GROUP_SIZE;
use control_table::message::SegmentRecord;
use control_table::policy::Policy;
use control_table::rows::{ExecutionRow, ExecutionStatus, ItemKey, SegmentRow};
use emulator::embedded::EmbeddedDynamoDb;
use engine::scatter::ScatterAnswer;
use engine::{Engine, EngineError};
use functions::handlers;
use serde_json::{Value, json};
use test_support::{Execution, Lab};

pub use local::system::CONTROL_TABLE as TABLE;
pub use test_support::{number, numbers as numbers_plan};

pub struct World {
    lab: Lab,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}

impl Deref for World {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with_step(1).await
    }

    /// A world whose clock moves on by that many milliseconds each time it is looked at.
    pub async fn with_step(step: i64) -> Self {
        let lab = Lab::with(EmbeddedDynamoDb::in_memory().unwrap(), 2).await;
        lab.clock.step(TimeDelta::milliseconds(step));
        Self { lab }
    }

    pub fn scatter(&self) -> Engine {
        self.engine()
    }

    /// A scatter whose records go nowhere: it dies after its first commits.
    pub fn scatter_without_stream(&self) -> Engine {
        self.engine_on_stream("no-such-stream")
    }

    pub fn scatter_with_clock(&self, clock: Arc<dyn Clock>) -> Engine {
        Engine::new(engine::Parts { clock, ..self.parts() })
    }

    /// So far away that it does not matter.
    pub fn deadline(&self) -> DateTime<Utc> {
        self.clock.now() + TimeDelta::days(1)
    }

    pub async fn handle(&self, event: Value) -> Result<ScatterAnswer, EngineError> {
        handlers::scatter(&self.scatter(), event, "request-1".into(), self.deadline()).await
    }

    /// Opens by hand, as a scatter does that dies right after it.
    pub async fn open(&self, key: &str, source: Value, expected: u64) -> Execution {
        let execution = self.lab.execution().key(key).source(source, expected).parameters(Value::Null);
        execution.due_after(TimeDelta::zero()).make().await
    }

    /// Opens one that limits the segments in flight by hand.
    pub async fn open_limited(&self, key: &str, limit: u32) -> Execution {
        let policy = Policy { max_concurrency: Some(limit), ..Policy::default() };
        let execution = self.lab.execution().key(key).source(numbers_plan(1), 1).policy(policy);
        execution.due_after(TimeDelta::zero()).make().await
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
        for record in self.lab.records().await {
            *count.entry(record.index).or_default() += 1;
        }
        count
    }

    pub async fn read_records(&self) -> Vec<SegmentRecord> {
        self.lab.records().await
    }

    /// Every item of the control table, of any kind.
    pub async fn items(&self) -> i32 {
        let scan = self.dynamodb.client().scan().table_name(TABLE).select(Select::Count).send().await;
        scan.unwrap().count
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
    json!({ "job": "job", "key": key, "source": test_support::numbers(count) })
}
