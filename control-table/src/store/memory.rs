//! The control table on plain values.
//!
//! The model checker explores [`MemoryTable`], and the conformance suite compares every other store with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::{BoxFuture, ready};

use super::{About, Store};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::{ExecutionId, GroupId, SegmentId};
use crate::operation::{AnyOperation, AnyOutcome, Operation, Part, Rows, WrongRow};
use crate::read::{DueItem, KeyPage, ListQuery};
use crate::rows::{
    AddMarkRow, AnyRow, DeadLetterRow, DeadLetterSource, Due, DueShard, ExecutionRow, KeyRow, PlanRow, Row, RowKey,
    SegmentRow, SegmentStatus, TallyRow, WatermarkRow,
};

/// All rows of the table, by kind.
#[expect(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MemoryTable {
    pub keys: BTreeMap<RowKey, KeyRow>,
    pub executions: BTreeMap<ExecutionId, ExecutionRow>,
    pub plans: BTreeMap<ExecutionId, PlanRow>,
    pub tallies: BTreeMap<GroupId, TallyRow>,
    pub marks: BTreeMap<RowKey, AddMarkRow>,
    pub segments: BTreeMap<SegmentId, SegmentRow>,
    pub watermarks: BTreeMap<RowKey, WatermarkRow>,
    pub dead_letters: BTreeMap<RowKey, DeadLetterRow>,
}

impl MemoryTable {
    /// Executes an operation: loads its rows, applies it, saves them. Without the boxes of [`Store::execute`]: the model executes
    /// millions.
    ///
    /// # Panics
    /// If the keys of an operation do not name the kinds of rows that it takes: a defect that every use of it shows.
    #[expect(
        clippy::expect_used,
        reason = "the keys and the rows of an operation are in one file, and each has a test"
    )]
    pub fn execute<O: Operation>(&mut self, operation: &O) -> O::Outcome {
        let loaded: Vec<_> = operation.keys().iter().map(|key| Part::Is(self.take(key))).collect();
        let mut rows = O::Rows::take(&mut loaded.into_iter()).expect("the operation's keys name its rows");
        let outcome = operation.apply(&mut rows);
        let mut saved = Vec::new();
        rows.give(&mut saved);
        self.save(saved);
        outcome
    }

    fn execute_any(&mut self, operation: &dyn AnyOperation) -> Result<AnyOutcome, WrongRow> {
        let loaded = operation.keys().iter().map(|key| Part::Is(self.get(key))).collect();
        let applied = operation.apply(loaded)?;
        self.save(applied.rows);
        Ok(applied.outcome)
    }

    fn save(&mut self, rows: Vec<Part<AnyRow>>) {
        for row in rows {
            if let Part::Is(Some(row)) = row {
                self.put(row);
            }
        }
    }

    fn take(&mut self, key: &RowKey) -> Option<AnyRow> {
        match key {
            RowKey::Execution(id) => self.executions.remove(id).map(Row::into_any),
            RowKey::Plan(id) => self.plans.remove(id).map(Row::into_any),
            RowKey::Tally(group) => self.tallies.remove(group).map(Row::into_any),
            RowKey::Segment(segment) => self.segments.remove(segment).map(Row::into_any),
            RowKey::Key(..) => self.keys.remove(key).map(Row::into_any),
            RowKey::AddMark(..) => self.marks.remove(key).map(Row::into_any),
            RowKey::Watermark(..) => self.watermarks.remove(key).map(Row::into_any),
            RowKey::DeadLetter(..) => self.dead_letters.remove(key).map(Row::into_any),
        }
    }

    fn get(&self, key: &RowKey) -> Option<AnyRow> {
        match key {
            RowKey::Execution(id) => self.executions.get(id).cloned().map(Row::into_any),
            RowKey::Plan(id) => self.plans.get(id).cloned().map(Row::into_any),
            RowKey::Tally(group) => self.tallies.get(group).cloned().map(Row::into_any),
            RowKey::Segment(segment) => self.segments.get(segment).cloned().map(Row::into_any),
            RowKey::Key(..) => self.keys.get(key).cloned().map(Row::into_any),
            RowKey::AddMark(..) => self.marks.get(key).cloned().map(Row::into_any),
            RowKey::Watermark(..) => self.watermarks.get(key).cloned().map(Row::into_any),
            RowKey::DeadLetter(..) => self.dead_letters.get(key).cloned().map(Row::into_any),
        }
    }

    fn put(&mut self, row: AnyRow) {
        match row {
            AnyRow::Execution(row) => drop(self.executions.insert(row.execution_id, *row)),
            AnyRow::Plan(row) => drop(self.plans.insert(row.execution_id, *row)),
            AnyRow::Tally(row) => drop(self.tallies.insert(row.group, *row)),
            AnyRow::Segment(row) => drop(self.segments.insert(row.id(), *row)),
            AnyRow::Key(row) => drop(self.keys.insert(Row::key(&*row), *row)),
            AnyRow::AddMark(row) => drop(self.marks.insert(row.key(), *row)),
            AnyRow::Watermark(row) => drop(self.watermarks.insert(row.key(), *row)),
            AnyRow::DeadLetter(row) => drop(self.dead_letters.insert(row.key(), *row)),
        }
    }

    fn segments_of(&self, group: GroupId) -> impl Iterator<Item = &SegmentRow> {
        self.segments.range(group.segment(0)..).map(|(_, row)| row).take_while(move |row| row.group == group)
    }

    fn due_in(&self, shard: DueShard) -> Vec<(Timestamp, DueItem)> {
        let in_shard = |due: Option<Due>| due.filter(|due| due.due_shard == shard).map(|due| due.due_at);
        let executions =
            self.executions.values().filter_map(|row| Some((in_shard(row.due)?, DueItem::Execution(row.execution_id))));
        let segments = self.segments.values().filter_map(|row| Some((in_shard(row.due)?, DueItem::Segment(row.id()))));
        executions.chain(segments).collect()
    }
}

/// A [`MemoryTable`] as a store, for simulations and tests.
#[derive(Debug, Default)]
pub struct MemoryStore {
    table: Mutex<MemoryTable>,
}

impl MemoryStore {
    /// The rows, to inspect or to damage.
    pub fn lock(&self) -> MutexGuard<'_, MemoryTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn execute<'a>(&'a self, operation: &'a dyn AnyOperation) -> BoxFuture<'a, Result<AnyOutcome, Error>> {
        let outcome = self.lock().execute_any(operation);
        let disagreement = |_| Error::Disagreement { operation: operation.name(), subject: operation.subject() };
        Box::pin(ready(outcome.map_err(disagreement)))
    }

    fn get<'a>(&'a self, _: About<'a>, key: &'a RowKey) -> BoxFuture<'a, Result<Option<AnyRow>, Error>> {
        Box::pin(ready(Ok(self.lock().get(key))))
    }

    fn get_many<'a>(&'a self, _: About<'a>, keys: &'a [RowKey]) -> BoxFuture<'a, Result<Vec<AnyRow>, Error>> {
        let table = self.lock();
        Box::pin(ready(Ok(keys.iter().filter_map(|key| table.get(key)).collect())))
    }

    fn group_segments(
        &self,
        group: GroupId,
        status: Option<SegmentStatus>,
    ) -> BoxFuture<'_, Result<Vec<SegmentRow>, Error>> {
        let table = self.lock();
        let rows = table.segments_of(group).filter(|row| status.is_none_or(|status| row.status == status));
        Box::pin(ready(Ok(rows.cloned().collect())))
    }

    fn waiting_segments(
        &self,
        group: GroupId,
        offset: u8,
        generation: u32,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<SegmentRow>, Error>> {
        let waits = |row: &&SegmentRow| {
            row.offset >= offset
                && row.status == SegmentStatus::Pending
                && row.generation == generation
                && row.due.is_none()
        };
        let table = self.lock();
        let rows = table.segments_of(group).filter(waits).take(limit);
        Box::pin(ready(Ok(rows.cloned().collect())))
    }

    fn count_segments(&self, group: GroupId, status: SegmentStatus) -> BoxFuture<'_, Result<u64, Error>> {
        let count = self.lock().segments_of(group).filter(|row| row.status == status).count();
        Box::pin(ready(Ok(count as u64)))
    }

    fn due(&self, shard: DueShard, now: Timestamp, limit: u16) -> BoxFuture<'_, Result<Vec<DueItem>, Error>> {
        let mut due = self.lock().due_in(shard);
        due.retain(|(due_at, _)| *due_at <= now);
        due.sort_by_key(|(due_at, _)| *due_at);
        let due = due.into_iter().take(limit.into()).map(|(_, item)| item);
        Box::pin(ready(Ok(due.collect())))
    }

    fn retries(
        &self,
        execution_id: ExecutionId,
        shard: DueShard,
        limit: u16,
    ) -> BoxFuture<'_, Result<Vec<(Timestamp, SegmentId)>, Error>> {
        let segment = |(due_at, item)| match item {
            DueItem::Segment(id) if id.group().execution_id == execution_id => Some((due_at, id)),
            _ => None,
        };
        let mut waiting: Vec<_> = self.lock().due_in(shard).into_iter().filter_map(segment).collect();
        waiting.sort();
        waiting.truncate(limit.into());
        Box::pin(ready(Ok(waiting)))
    }

    fn open_executions(&self, shard: DueShard) -> BoxFuture<'_, Result<Vec<ExecutionId>, Error>> {
        let open: BTreeSet<_> =
            self.lock().due_in(shard).into_iter().filter_map(|(_, item)| item.execution()).collect();
        Box::pin(ready(Ok(open.into_iter().collect())))
    }

    fn delete<'a>(&'a self, _: About<'a>, keys: &'a [RowKey]) -> BoxFuture<'a, Result<(), Error>> {
        let mut table = self.lock();
        for key in keys {
            table.take(key);
        }
        Box::pin(ready(Ok(())))
    }

    fn add_marks(&self, execution_id: ExecutionId, limit: u16) -> BoxFuture<'_, Result<Vec<RowKey>, Error>> {
        let table = self.lock();
        let marks = table.marks.values().filter(|mark| mark.execution_id == execution_id);
        Box::pin(ready(Ok(marks.take(limit.into()).map(Row::key).collect())))
    }

    fn list_executions<'a>(&'a self, query: &'a ListQuery) -> BoxFuture<'a, Result<KeyPage, Error>> {
        let table = self.lock();
        let found = table.executions.values().rev().filter(|row| query.takes(row)).take(query.limit.into());
        Box::pin(ready(Ok(KeyPage::new(found.map(Row::key).collect(), query.limit))))
    }

    fn dead_letters(&self, source: DeadLetterSource) -> BoxFuture<'_, Result<Vec<DeadLetterRow>, Error>> {
        let table = self.lock();
        let rows = table.dead_letters.values().filter(|row| row.source == source);
        Box::pin(ready(Ok(rows.cloned().collect())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ControlTable;
    use crate::operation::testing::{at, execution_id, opened, segment};
    use crate::operation::{AddDeadLetter, AddRows, CommitGroup, CommitGroupOutcome, Seal, SealOutcome};
    use crate::operation::{AddDeadLetterOutcome, Claim, ClaimOutcome};
    use crate::rows::DueKind;

    /// A store with an opened execution, and the table over it.
    fn with_execution() -> (MemoryStore, ExecutionRow) {
        let (store, row) = (MemoryStore::default(), opened().unwrap());
        store.lock().executions.insert(row.execution_id, row.clone());
        (store, row)
    }

    fn rows(group: u64, size: usize) -> AddRows {
        let specs = vec![serde_json::Value::Null; size];
        AddRows { group: execution_id().group(group), generation: 1, specs, now: at(1) }
    }

    fn commit(group: u64) -> CommitGroup {
        let group = execution_id().group(group);
        CommitGroup { group, size: 2, generation: 1, now: at(1), scatter_until: at(9) }
    }

    #[tokio::test]
    async fn an_operation_loads_its_rows_and_saves_what_it_made_of_them() {
        let (store, _) = with_execution();
        let table = ControlTable::new(store);
        table.execute(&rows(0, 2)).await.unwrap();
        assert_eq!(table.execute(&commit(0)).await.unwrap(), CommitGroupOutcome::Committed);
        assert_eq!(table.execute(&commit(0)).await.unwrap(), CommitGroupOutcome::AlreadyCommitted);
        let seal = Seal { execution_id: execution_id(), groups: 1, now: at(5) };
        assert_eq!(table.execute(&seal).await.unwrap(), SealOutcome::Sealed);
        let execution = table.execution(execution_id()).await.unwrap().unwrap();
        assert_eq!((execution.groups, execution.segments, execution.sealed_at), (1, 2, Some(at(5))));
        assert_eq!(table.tallies(execution_id(), 0..3).await.unwrap().len(), 1);
        let missing = Seal { execution_id: ExecutionId::new(uuid::Uuid::from_u128(9)), ..seal };
        assert_eq!(table.execute(&missing).await.unwrap(), SealOutcome::Missing);
    }

    #[test]
    fn the_table_and_the_store_do_the_same_with_every_kind_of_row() {
        let (store, row) = with_execution();
        let mut table = store.lock().clone();
        let letter = AddDeadLetter {
            source: DeadLetterSource::Worker,
            event_id: "e".to_owned(),
            reason: "no JSON".to_owned(),
            payload: vec![1],
            now: at(1),
        };
        assert_eq!(table.execute(&letter), AddDeadLetterOutcome::Added);
        assert_eq!(table.execute(&letter), AddDeadLetterOutcome::AlreadyAdded);
        store.lock().execute_any(&letter).unwrap();
        for group in 0..2 {
            table.execute(&rows(group, 3));
            store.lock().execute_any(&rows(group, 3)).unwrap();
            table.execute(&commit(group));
            store.lock().execute_any(&commit(group)).unwrap();
        }
        assert_eq!(*store.lock(), table);
        assert_eq!((table.executions[&row.execution_id].groups, table.segments.len()), (2, 6));
    }

    #[tokio::test]
    async fn waiting_segments_are_pending_in_their_generation_and_not_due() {
        let (store, _) = with_execution();
        let group = execution_id().group(0);
        {
            let mut table = store.lock();
            table.execute(&rows(0, 6));
            table.execute(&rows(1, 1));
            let change = |table: &mut MemoryTable, index, change: fn(&mut SegmentRow)| {
                table.segments.entry(segment(index)).and_modify(change);
            };
            change(&mut table, 1, |row| row.status = SegmentStatus::Running);
            change(&mut table, 2, |row| row.generation = 2);
            change(&mut table, 3, |row| row.due = Some(Due::retry(row.id(), at(50))));
        }
        let waiting = async |offset, limit| {
            let rows = store.waiting_segments(group, offset, 1, limit).await.unwrap();
            rows.iter().map(|row| row.index).collect::<Vec<_>>()
        };
        assert_eq!(waiting(0, 9).await, [0, 4, 5]);
        assert_eq!(waiting(1, 1).await, [4]);
        assert_eq!(store.count_segments(group, SegmentStatus::Pending).await.unwrap(), 5);
        assert_eq!(store.group_segments(group, Some(SegmentStatus::Running)).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_is_due_comes_oldest_first_and_a_claim_takes_it_out() {
        let (store, row) = with_execution();
        let due = row.due.unwrap();
        let retries = Due::retry(segment(0), at(0)).due_shard;
        {
            let mut table = store.lock();
            table.execute(&rows(0, 128));
            // Segments in one partition.
            for (index, due_at) in [(0_u64, 70), (8, 20), (16, 30)] {
                let place = Due::retry(segment(index), at(due_at));
                assert_eq!(place.due_shard, retries);
                table.segments.entry(segment(index)).and_modify(|row| row.due = Some(place));
            }
        }
        let (first, second) = (DueItem::Segment(segment(8)), DueItem::Segment(segment(16)));
        assert_eq!(store.due(due.due_shard, at(69), 9).await.unwrap(), [DueItem::Execution(row.execution_id)]);
        assert_eq!(store.due(retries, at(69), 9).await.unwrap(), [first, second]);
        assert_eq!(store.due(retries, at(69), 1).await.unwrap(), [first]);
        let claim = Claim {
            segment: segment(8),
            generation: 1,
            record: "r".to_owned(),
            claim_id: "c".to_owned(),
            max_attempts: 1,
            now: at(25),
            lease_until: at(90),
        };
        assert!(matches!(store.lock().execute(&claim), ClaimOutcome::Claimed(_)));
        assert_eq!(store.due(retries, at(25), 9).await.unwrap(), []);
        assert_eq!(store.open_executions(due.due_shard).await.unwrap(), [row.execution_id]);
        for shard in DueShard::all(DueKind::Execution).filter(|shard| *shard != due.due_shard) {
            assert_eq!(store.open_executions(shard).await.unwrap(), []);
        }
    }
}
