//! One table under test, beside the same table on plain values.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use chrono::TimeDelta;
use control_table::ControlTable;
use control_table::clock::{Entropy, Timestamp};
use control_table::id::{ExecutionId, GroupId};
use control_table::operation::{
    AddRows, Claim, ClaimOutcome, CommitGroup, CommitGroupOutcome, Complete, CompleteOutcome, Ending, Finish,
    FinishOutcome, Fold, FoldOutcome, MarkPublished, MarkPublishedOutcome, Open, OpenOutcome, Operation, Seal,
    SealOutcome, Tally, TallyResult,
};
use control_table::policy::Policy;
use control_table::rows::{Counters, Counts, ErrorKind, ExecutionRow, SegmentFailure, SegmentRow, TallyRow};
use control_table::store::sqlite::{Durability, Opener, ProcessId};
use control_table::store::{DynamoDbStore, MemoryStore, MemoryTable, SqliteStore};
use control_table::tags::Tags;

/// The day that the cases are on, in milliseconds.
const DAY: i64 = 1_795_478_400_000;

/// A moment of that day.
#[must_use]
pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(DAY + millis)
}

/// A table, and the rows that the operations made of it should be.
pub struct Lab {
    /// The table under test.
    pub table: ControlTable,
    /// The same table on plain values.
    pub memory: MemoryTable,
    /// The execution that a case is about, if it is about one.
    pub id: ExecutionId,
    client: Option<Client>,
}

impl Lab {
    /// A fresh table of that name in `DynamoDB`.
    pub async fn in_dynamodb(client: Client, name: &str) -> Self {
        let store = store(&client, name);
        store.create().await.unwrap();
        store.verify().await.unwrap();
        Self {
            table: ControlTable::new(store),
            memory: MemoryTable::default(),
            id: execution_id(DAY, 1),
            client: Some(client),
        }
    }

    /// A fresh table in that file.
    #[must_use]
    pub fn in_sqlite(file: &std::path::Path) -> Self {
        let opener = Opener { process: ProcessId::new(uuid::Uuid::from_u128(1)), origin: String::new() };
        let table = ControlTable::new(SqliteStore::open(file, Durability::ProcessCrash, opener).unwrap());
        Self { table, memory: MemoryTable::default(), id: execution_id(DAY, 1), client: None }
    }

    /// A fresh table in memory.
    #[must_use]
    pub fn in_memory() -> Self {
        let table = ControlTable::new(MemoryStore::default());
        Self { table, memory: MemoryTable::default(), id: execution_id(DAY, 1), client: None }
    }

    /// The same table through another client; `None` if it is not in `DynamoDB`.
    #[must_use]
    pub fn table_through(&self, change: impl FnOnce(&Client) -> Client) -> Option<ControlTable> {
        let client = change(self.client.as_ref()?);
        Some(ControlTable::new(store(&client, self.table.name())))
    }

    /// Executes an operation on the table and on plain values: the outcomes agree, and so do the rows afterwards.
    pub async fn both<O: Operation>(&mut self, operation: &O) -> O::Outcome {
        let outcome = self.both_unseen(operation).await;
        self.compare().await;
        outcome
    }

    /// As [`Self::both`], without comparing the rows: for a case that makes many.
    pub async fn both_unseen<O: Operation>(&mut self, operation: &O) -> O::Outcome {
        let outcome = self.table.execute(operation).await.unwrap();
        assert_eq!(outcome, self.memory.execute(operation), "{operation:?}");
        outcome
    }

    /// An opened execution.
    pub async fn opened(&mut self, policy: Policy) {
        assert!(matches!(self.both(&opening(self.id, "2026-11-24", policy)).await, OpenOutcome::Opened(_)));
    }

    /// A group with its rows, committed.
    pub async fn grouped(&mut self, group: u64, size: u64) {
        let rows = self.rows_of(group, size);
        self.both(&rows).await;
        let commit = self.commit_of(group, size);
        assert_eq!(self.both(&commit).await, CommitGroupOutcome::Committed);
    }

    /// A sealed execution with groups of these sizes.
    pub async fn sealed(&mut self, policy: Policy, sizes: &[u64]) {
        self.opened(policy).await;
        for (group, size) in (0..).zip(sizes) {
            self.grouped(group, *size).await;
        }
        let seal = Seal { execution_id: self.id, groups: sizes.len() as u64, now: at(10) };
        assert_eq!(self.both(&seal).await, SealOutcome::Sealed);
    }

    /// A segment claimed, finished and counted.
    pub async fn done(&mut self, index: u64, ending: Ending) {
        let claimed = self.both(&self.claim_of(index)).await;
        let ClaimOutcome::Claimed(row) = claimed else { panic!("{claimed:?}") };
        let finish = Finish { ending, ..self.finish_of(index, row.attempt) };
        let finish = Finish { generation: row.generation, ..finish };
        let finished = self.both(&finish).await;
        let FinishOutcome::Finished(row) = finished else { panic!("{finished:?}") };
        let counted = self.both(&Tally::of(&row).unwrap()).await;
        assert!(matches!(counted, TallyResult::Counted { .. }), "{counted:?}");
    }

    /// An execution of one group whose only segment failed, complete and published.
    pub async fn failed_and_published(&mut self) {
        self.sealed(Policy::default(), &[2]).await;
        self.done(0, succeeded(0)).await;
        self.done(1, failed()).await;
        self.folded(&[0]).await;
        assert!(matches!(self.both(&self.complete_of(1)).await, CompleteOutcome::Completed(_)));
        let mark = MarkPublished { execution_id: self.id, generation: 1, expires_at: None };
        assert_eq!(self.both(&mark).await, MarkPublishedOutcome::Marked);
    }

    /// These groups folded, as they are.
    pub async fn folded(&mut self, groups: &[u64]) {
        let fold = self.fold_of(groups);
        assert_eq!(self.both(&fold).await, FoldOutcome::Folded(groups.len()));
    }

    /// The execution's row.
    #[must_use]
    pub fn execution(&self) -> ExecutionRow {
        self.memory.executions[&self.id].clone()
    }

    /// A group's tally.
    #[must_use]
    pub fn tally_row(&self, group: u64) -> TallyRow {
        self.memory.tallies[&self.id.group(group)].clone()
    }

    /// A segment's row.
    #[must_use]
    pub fn row(&self, index: u64) -> SegmentRow {
        self.memory.segments[&self.id.segment(index)].clone()
    }

    /// The rows of a group.
    #[must_use]
    pub fn rows_of(&self, group: u64, size: u64) -> AddRows {
        let specs = (0..size).map(|offset| serde_json::json!({"group": group, "offset": offset, "share": 0.5}));
        AddRows { group: self.id.group(group), generation: 1, specs: specs.collect(), now: at(1) }
    }

    /// The commit of a group.
    #[must_use]
    pub fn commit_of(&self, group: u64, size: u64) -> CommitGroup {
        CommitGroup { group: self.id.group(group), size, generation: 1, now: at(2), scatter_until: at(400) }
    }

    /// A claim of a segment in the generation it is in, at 100, for a lease until 200.
    #[must_use]
    pub fn claim_of(&self, index: u64) -> Claim {
        let row = self.memory.segments.get(&self.id.segment(index));
        Claim {
            segment: self.id.segment(index),
            generation: row.map_or(1, |row| row.generation),
            record: format!("shard:{index}"),
            claim_id: "nonce".to_owned(),
            max_attempts: 2,
            now: at(100),
            lease_until: at(200),
        }
    }

    /// The successful end of that attempt, at 150.
    #[must_use]
    pub fn finish_of(&self, index: u64, attempt: u32) -> Finish {
        let ending = succeeded(index);
        Finish { segment: self.id.segment(index), generation: 1, attempt, now: at(150), ending, failures: Vec::new() }
    }

    /// A fold of these groups, as they are.
    #[must_use]
    pub fn fold_of(&self, groups: &[u64]) -> Fold {
        let tallies = groups.iter().map(|group| self.tally_row(*group)).collect();
        Fold { execution_id: self.id, generation: self.execution().generation, tallies }
    }

    /// A completion of that generation by a caller who sees the execution as it is, at 300.
    #[must_use]
    pub fn complete_of(&self, generation: u32) -> Complete {
        Complete { seen: Box::new(self.execution()), generation, now: at(300), due_at: at(360) }
    }

    /// Every row that there should be is there, as it should be.
    pub async fn compare(&self) {
        for (id, expected) in &self.memory.executions {
            assert_eq!(self.table.execution(*id).await.unwrap().as_ref(), Some(expected));
            assert_eq!(self.table.plan(*id).await.unwrap().as_ref(), self.memory.plans.get(id));
            let groups: Vec<u64> =
                self.memory.tallies.keys().filter(|g| g.execution_id == *id).map(|g| g.group).collect();
            let tallies = self.table.tallies_of(*id, &groups).await.unwrap();
            assert_eq!(
                tallies,
                self.memory.tallies.values().filter(|t| t.group.execution_id == *id).cloned().collect::<Vec<_>>()
            );
        }
        for row in self.memory.keys.values() {
            let found = self.table.execution_of_key(row.job(), row.key()).await.unwrap();
            assert_eq!(found, Some(row.execution_id));
        }
        for mark in self.memory.marks.values() {
            assert_eq!(self.table.add_mark(mark.execution_id, &mark.part).await.unwrap().as_ref(), Some(mark));
        }
        for row in self.memory.watermarks.values() {
            let found = self.table.watermarks(&row.stream, std::slice::from_ref(&row.shard)).await.unwrap();
            assert_eq!(found, std::slice::from_ref(row));
        }
        let groups: BTreeSet<GroupId> = self.memory.segments.keys().map(|id| id.group()).collect();
        for group in groups {
            let expected: Vec<_> = self.memory.segments.values().filter(|row| row.group == group).cloned().collect();
            assert_eq!(self.table.group_segments(group, None).await.unwrap(), expected);
        }
        let mut letters = self.table.dead_letters(1_000).await.unwrap();
        letters.sort_by_key(|row| (row.source, row.event_id.clone()));
        assert_eq!(letters, self.memory.dead_letters.values().cloned().collect::<Vec<_>>());
    }
}

fn store(client: &Client, name: &str) -> DynamoDbStore {
    DynamoDbStore::new(client.clone(), name, Arc::new(Entropy::from_seed(1)))
}

/// An execution's ID, of that moment.
#[must_use]
pub fn execution_id(millis: i64, number: u8) -> ExecutionId {
    let millis = u64::try_from(millis).unwrap();
    ExecutionId::new(uuid::Builder::from_unix_timestamp_millis(millis, &[number; 10]).into_uuid())
}

/// Tags of these names and values.
#[must_use]
pub fn tags(tags: &[&str]) -> Tags {
    let tags: Vec<_> = tags.iter().map(|tag| tag.parse().unwrap()).collect();
    tags.try_into().unwrap()
}

/// An execution to be opened at 0.
#[must_use]
pub fn opening(execution_id: ExecutionId, key: &str, policy: Policy) -> Open {
    Open {
        execution_id,
        job: "nightly".parse().unwrap(),
        key: key.parse().unwrap(),
        tags: tags(&["team=maps"]),
        policy,
        expected: Some(3),
        kind: control_table::rows::PlanKind::Planned,
        asked: String::new(),
        source: serde_json::json!({"type": "range", "from": 0, "to": 3, "note": "été \u{1F30D} \"'"}),
        parameters: serde_json::json!({"table": "cities", "share": 0.25}),
        trace: None,
        now: at(0),
        due_at: at(500),
    }
}

/// A success. One of its counters has the name of an attribute, the other is no identifier.
#[must_use]
pub fn succeeded(index: u64) -> Ending {
    let value = i64::try_from(index).unwrap();
    let counters = [("status".to_owned(), value - 1), ("rows read, été".to_owned(), 7)];
    let counts = Counts { item_count: 10 + value, duration_ms: 20, counters: Counters(counters.into_iter().collect()) };
    Ending::Succeeded { counts, result: index.is_multiple_of(2).then(|| serde_json::json!({"ok": [1, 2.5, null]})) }
}

/// A failure for good.
#[must_use]
pub fn failed() -> Ending {
    let failure = SegmentFailure::new(ErrorKind::Permanent, "no such table: \"cities\"");
    Ending::Failed { failure, duration_ms: 3 }
}

/// A failure that is tried again at that moment.
#[must_use]
pub fn retry(retry_at: Timestamp) -> Ending {
    Ending::Retry { failure: SegmentFailure::new(ErrorKind::Retryable, "no luck"), retry_at }
}

/// That many milliseconds later.
#[must_use]
pub fn later(moment: Timestamp, millis: i64) -> Timestamp {
    moment.plus(TimeDelta::milliseconds(millis))
}
