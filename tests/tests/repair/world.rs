//! A control table, a sweeper, a clock and a bus; and whoever damages the table.

use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use chrono::{DateTime, TimeDelta, Utc};
use control_table::ControlTable;
use control_table::store::DynamoDbStore;
use control_table::clock::{Clock, Entropy, Timestamp};
use control_table::message::CompletionEvent;
use control_table::id::ExecutionId;
use control_table::rows::{
    Counters, Counts, ErrorKind, ExecutionRow, Item, ItemKey, KeyRow, PlanRow, SegmentFailure, SegmentRow, TallyRow,
};
use control_table::message::NotificationEvent;
use control_table::operation::{Claim, ClaimOutcome, Ending, Finish, FinishOutcome, Fold, Tally};
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use engine::{EventBus, PublishError};
use emulator::embedded::{Backlog, EmbeddedDynamoDb, EmbeddedKinesis};
use engine::scatter::{Dispatcher, Scatter, Sources};
use engine::sweep::{RepairMode, RepairReport, Settings, Sweeper};
use tempfile::TempDir;

const TABLE: &str = "control";
const STREAM: &str = "segments";
const LEASE: TimeDelta = TimeDelta::hours(1);

/// A clock that stands where a test puts it.
#[derive(Debug)]
struct ManualClock(Mutex<DateTime<Utc>>);

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// Writes completion events where the local system does.
struct FileBus(PathBuf);

impl EventBus for FileBus {
    fn publish<'a>(&'a self, event: &'a CompletionEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&self.0).unwrap();
        writeln!(file, "{}", serde_json::to_string(event).unwrap()).unwrap();
        Box::pin(std::future::ready(Ok(())))
    }

    fn notify<'a>(&'a self, _: &'a NotificationEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// An item of the execution under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    Execution,
    Plan,
    Key,
    Tally(u64),
    Segment(u64),
}

/// One write of somebody who does not know the protocol.
#[derive(Debug, Clone)]
pub enum Damage {
    Delete(Of),
    Remove(Of, &'static str),
    Number(Of, &'static str, i64),
    Text(Of, &'static str, &'static str),
    /// A set of numbers; an empty one is removed.
    Set(Of, &'static str, Vec<u8>),
}

fn put(item: Item) -> WriteRequest {
    WriteRequest::builder().put_request(PutRequest::builder().set_item(Some(item)).build().unwrap()).build()
}

pub struct World {
    pub dir: TempDir,
    pub table: ControlTable,
    pub sweeper: Sweeper,
    client: aws_sdk_dynamodb::Client,
    clock: Arc<ManualClock>,
    _kinesis: EmbeddedKinesis,
}

impl World {
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let client = EmbeddedDynamoDb::in_memory().unwrap().client();
        let entropy = Arc::new(Entropy::from_seed(4));
        let start = Timestamp::from_millis(1_764_000_000_000).to_datetime();
        let manual = Arc::new(ManualClock(Mutex::new(start)));
        let clock: Arc<dyn Clock> = manual.clone();
        let store = DynamoDbStore::new(client.clone(), TABLE, Arc::clone(&entropy));
        store.create().await.unwrap();
        let table = ControlTable::new(store);
        let kinesis = EmbeddedKinesis::start(Backlog::default());
        kinesis.create_stream(STREAM, 1).await.unwrap();
        let dispatcher = Dispatcher::new(kinesis.client(), STREAM, Arc::clone(&entropy));
        let bus = Arc::new(FileBus(dir.path().join(local::system::EVENTS_FILE)));
        let finalizer = Finalizer::new(table.clone(), bus, Arc::clone(&clock));
        let settings = engine::Settings::default();
        let sources = Sources::new(client.clone());
        let scatter = Scatter::new(table.clone(), dispatcher.clone(), sources, Arc::clone(&clock), entropy, settings);
        let sweeper = Sweeper::new(table.clone(), dispatcher, Arc::new(scatter), finalizer, clock, Settings::default());
        Self { dir, table, sweeper, client, clock: manual, _kinesis: kinesis }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.timestamp()
    }

    pub fn advance(&self, span: TimeDelta) {
        *self.clock.0.lock().unwrap() += span;
    }

    pub async fn repair(&self, id: ExecutionId, mode: RepairMode) -> RepairReport {
        let report = self.sweeper.repair(id, mode).await.unwrap();
        assert!(report.unsettled.is_empty(), "{report:?}");
        report
    }

    pub async fn execution(&self, id: ExecutionId) -> ExecutionRow {
        self.table.execution(id).await.unwrap().unwrap()
    }

    pub async fn segment(&self, id: ExecutionId, index: u64) -> SegmentRow {
        self.table.segment(id.segment(index)).await.unwrap().unwrap()
    }

    async fn rows(&self, id: ExecutionId) -> Vec<SegmentRow> {
        let mut rows = Vec::new();
        for group in 0..self.execution(id).await.groups {
            rows.extend(self.table.group_segments(id.group(group), None).await.unwrap());
        }
        rows
    }

    /// A worker takes a segment.
    pub async fn claim(&self, row: &SegmentRow) -> SegmentRow {
        let now = self.now();
        let claim = Claim {
            segment: row.id(),
            generation: row.generation,
            record: format!("record of {}", row.index),
            claim_id: format!("{now} {}", row.attempt),
            max_attempts: 100,
            now,
            lease_until: now.plus(LEASE),
        };
        match self.table.execute(&claim).await.unwrap() {
            ClaimOutcome::Claimed(row) => *row,
            other => panic!("{other:?}"),
        }
    }

    async fn end(&self, row: &SegmentRow, ending: Ending) -> SegmentRow {
        let (segment, generation, attempt) = (row.id(), row.generation, row.attempt);
        match self.table.execute(&Finish { segment, generation, attempt, now: self.now(), ending }).await.unwrap() {
            FinishOutcome::Finished(row) => *row,
            other => panic!("{other:?}"),
        }
    }

    /// A worker does a segment's work and dies before it counts it.
    pub async fn finish(&self, row: &SegmentRow, fails: bool) -> SegmentRow {
        let row = self.claim(row).await;
        let ending = if fails {
            let failure = SegmentFailure::new(ErrorKind::Permanent, "it cannot be done");
            Ending::Failed { failure, duration_ms: 11 }
        } else {
            let item_count = i64::try_from(row.index).unwrap() + 1;
            let counters = Counters(BTreeMap::from([("rows".to_owned(), 2)]));
            Ending::Succeeded { counts: Counts { item_count, duration_ms: 7, counters }, result: None }
        };
        self.end(&row, ending).await
    }

    pub async fn retry_later(&self, row: &SegmentRow) {
        let row = self.claim(row).await;
        let failure = SegmentFailure::new(ErrorKind::Retryable, "not now");
        let retry_at = self.now().plus(TimeDelta::minutes(10));
        self.end(&row, Ending::Retry { failure, retry_at }).await;
    }

    /// A worker does a segment's work and counts it.
    pub async fn work(&self, row: &SegmentRow, fails: bool) {
        let row = self.finish(row, fails).await;
        self.table.execute(&Tally::of(&row).unwrap()).await.unwrap();
    }

    /// Every segment of these that waits for a worker gets one; those that `fails` says fail.
    pub async fn work_on(&self, id: ExecutionId, indexes: std::ops::Range<u64>, fails: impl Fn(u64) -> bool) {
        let rows = self.rows(id).await;
        let waiting = rows.iter().filter(|row| !row.status.is_terminal() && indexes.contains(&row.index));
        let works: Vec<_> = waiting.map(|row| self.work(row, fails(row.index))).collect();
        stream::iter(works).buffer_unordered(8).collect::<Vec<()>>().await;
    }

    pub async fn fold(&self, id: ExecutionId) {
        let execution = self.execution(id).await;
        let mut tallies = self.table.tallies(id, 0..execution.groups).await.unwrap();
        tallies.retain(|tally| tally.pending == 0 && tally.generation == execution.generation);
        let fold = Fold { execution_id: id, generation: execution.generation, tallies };
        self.table.execute(&fold).await.unwrap();
    }

    /// Nothing is in the way any more: leases run out, workers take what waits, the sweeper ticks.
    pub async fn run_to_the_end(&self, id: ExecutionId) {
        for _ in 0..20 {
            self.advance(TimeDelta::hours(2));
            let execution = self.execution(id).await;
            if execution.status.is_terminal() && !execution.is_unpublished() {
                return;
            }
            if execution.status != control_table::rows::ExecutionStatus::Cancelling {
                self.work_on(id, 0..u64::MAX, |_| false).await;
            }
            self.fold(id).await;
            let deadline = self.clock.now() + TimeDelta::minutes(15);
            self.sweeper.sweep(deadline).await.unwrap();
        }
        panic!("{:?} does not end", self.execution(id).await);
    }

    /// Every item of the table, as it is.
    pub async fn snapshot(&self) -> BTreeMap<String, Item> {
        let mut items = BTreeMap::new();
        let mut pages = self.client.scan().table_name(TABLE).into_paginator().items().send();
        while let Some(item) = pages.next().await {
            let item = item.unwrap();
            items.insert(format!("{:?} {:?}", item["pk"], item["sk"]), item);
        }
        items
    }

    fn key(execution: &ExecutionRow, of: Of) -> ItemKey {
        let id = execution.execution_id;
        match of {
            Of::Execution => ExecutionRow::key_of(id),
            Of::Plan => PlanRow::key_of(id),
            Of::Key => KeyRow::key_of(&execution.job, &execution.key),
            Of::Tally(group) => TallyRow::key_of(id.group(group)),
            Of::Segment(index) => SegmentRow::key_of(id.segment(index)),
        }
    }

    /// A world of its own with the same items and events, at the same moment.
    pub async fn copy(&self) -> Self {
        let copy = Self::new().await;
        copy.advance(self.clock.now() - copy.clock.now());
        let puts: Vec<_> = self.snapshot().await.into_values().map(put).collect();
        for puts in puts.chunks(25) {
            copy.client.batch_write_item().request_items(TABLE, puts.to_vec()).send().await.unwrap();
        }
        let events = |world: &Self| world.dir.path().join(local::system::EVENTS_FILE);
        if events(self).exists() {
            std::fs::copy(events(self), events(&copy)).unwrap();
        }
        copy
    }

    pub async fn damage(&self, id: ExecutionId, damages: &[Damage]) {
        let execution = self.execution(id).await;
        for damage in damages {
            let (of, update, name, value) = match damage.clone() {
                Damage::Delete(of) => {
                    let key = Self::key(&execution, of).to_item();
                    self.client.delete_item().table_name(TABLE).set_key(Some(key)).send().await.unwrap();
                    continue;
                }
                Damage::Remove(of, name) => (of, "REMOVE #a", name, None),
                Damage::Number(of, name, n) => (of, "SET #a = :a", name, Some(AttributeValue::N(n.to_string()))),
                Damage::Text(of, name, text) => (of, "SET #a = :a", name, Some(AttributeValue::S(text.to_owned()))),
                Damage::Set(of, name, set) if set.is_empty() => (of, "REMOVE #a", name, None),
                Damage::Set(of, name, set) => {
                    let set = set.iter().map(ToString::to_string).collect();
                    (of, "SET #a = :a", name, Some(AttributeValue::Ns(set)))
                }
            };
            let values: HashMap<_, _> = value.map(|value| (":a".to_owned(), value)).into_iter().collect();
            self.client
                .update_item()
                .table_name(TABLE)
                .set_key(Some(Self::key(&execution, of).to_item()))
                .update_expression(update)
                .expression_attribute_names("#a", name)
                .set_expression_attribute_values(Some(values).filter(|values| !values.is_empty()))
                .send()
                .await
                .unwrap();
        }
    }
}
