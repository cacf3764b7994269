//! A lab, executions whose segments are done, and the stream's records of them.

use std::collections::BTreeMap;
use std::ops::Deref;

use aws_lambda_events::event::dynamodb::Event;
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use chrono::TimeDelta;
use control_table::id::ExecutionId;
use control_table::limits::GROUP_SIZE;
use control_table::operation::{Counted, Seal, SealOutcome, Tally, TallyResult};
use control_table::policy::Policy;
use control_table::rows::{Counters, Counts, ExecutionRow, Row, TallyOutcome, TallyRow, to_item};
use functions::handlers::GatherHandler;
use serde_json::{Value, json};
use test_support::Lab;

pub use test_support::{BusFault as Fault, START, TestBus as Bus};

pub struct World {
    lab: Lab,
    pub gather: GatherHandler,
}

impl Deref for World {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}

impl World {
    pub async fn new() -> Self {
        let lab = Lab::new().await;
        Self { gather: GatherHandler::new(lab.engine()), lab }
    }

    pub fn advance(&self, span: TimeDelta) {
        self.clock.advance(span);
    }

    /// An execution of groups of these sizes, not sealed, its segments not begun.
    pub async fn open(&self, groups: &[u64]) -> ExecutionId {
        self.open_with(groups, Policy::default()).await
    }

    pub async fn open_with(&self, groups: &[u64], policy: Policy) -> ExecutionId {
        self.lab.execution().groups(groups).policy(policy).make().await.id
    }

    pub async fn seal(&self, execution_id: ExecutionId) {
        let groups = self.execution(execution_id).await.groups;
        let seal = Seal { execution_id, groups, now: self.now() };
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
