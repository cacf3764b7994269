//! The reads: their time, and what they cost.

use control_table::Error;
use control_table::clock::Timestamp;
use control_table::id::{ExecutionId, GroupId, SegmentId};
use control_table::limits::KEYS_PER_BATCH_GET;
use control_table::operation::{AnyOperation, AnyOutcome};
use control_table::read::{DueItem, KeyPage, ListQuery};
use control_table::rows::{AnyRow, DeadLetterRow, DeadLetterSource, DueShard, Row, RowKey, SegmentRow, SegmentStatus};
use control_table::store::{About, Store};
use futures::future::BoxFuture;

use super::SimulatedTable;
use super::size::{READ_UNIT, bytes};

/// The bytes of an item in an index that has keys alone.
const INDEX_ITEM: u64 = 150;

/// Rows of a `BatchWriteItem` (quota).
const DELETES_A_REQUEST: usize = 25;

/// Half read units of a strongly consistent read, for each unit.
const STRONG: u64 = 2;

impl SimulatedTable {
    /// Charges one request that read so many bytes.
    fn read(&self, bytes: u64, halves_a_unit: u64) {
        let mut usage = self.inner.surroundings.meter.lock();
        usage.table_requests += 1;
        usage.half_read_units += bytes.div_ceil(READ_UNIT).max(1) * halves_a_unit;
    }

    async fn wait_query(&self) {
        self.inner.surroundings.wait(self.inner.surroundings.parameters.latencies.query).await;
    }

    async fn wait_get(&self) {
        self.inner.surroundings.wait(self.inner.surroundings.parameters.latencies.get).await;
    }

    /// A query reads every row of the group, whatever it returns.
    async fn charge_group(&self, group: GroupId) -> Result<(), Error> {
        self.wait_query().await;
        let rows = self.inner.rows.group_segments(group, None).await?;
        self.read(rows.into_iter().map(|row| bytes(&row.into_any())).sum(), STRONG);
        Ok(())
    }

    /// A query of an index that returned so many items.
    async fn charge_index(&self, items: usize) {
        self.wait_query().await;
        self.read(items as u64 * INDEX_ITEM, 1);
    }
}

impl Store for SimulatedTable {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn execute<'a>(&'a self, operation: &'a dyn AnyOperation) -> BoxFuture<'a, Result<AnyOutcome, Error>> {
        Box::pin(self.execute_operation(operation))
    }

    fn get<'a>(&'a self, about: About<'a>, key: &'a RowKey) -> BoxFuture<'a, Result<Option<AnyRow>, Error>> {
        Box::pin(async move {
            self.wait_get().await;
            let row = self.inner.rows.get(about, key).await?;
            self.read(row.as_ref().map_or(0, bytes), STRONG);
            Ok(row)
        })
    }

    fn get_many<'a>(&'a self, about: About<'a>, keys: &'a [RowKey]) -> BoxFuture<'a, Result<Vec<AnyRow>, Error>> {
        Box::pin(async move {
            let mut found = Vec::with_capacity(keys.len());
            for keys in keys.chunks(KEYS_PER_BATCH_GET) {
                self.wait_query().await;
                let rows = self.inner.rows.get_many(about, keys).await?;
                let units: u64 = rows.iter().map(|row| bytes(row).div_ceil(READ_UNIT)).sum();
                self.read(units * READ_UNIT, STRONG);
                found.extend(rows);
            }
            Ok(found)
        })
    }

    fn group_segments(
        &self,
        group: GroupId,
        status: Option<SegmentStatus>,
    ) -> BoxFuture<'_, Result<Vec<SegmentRow>, Error>> {
        Box::pin(async move {
            self.charge_group(group).await?;
            self.inner.rows.group_segments(group, status).await
        })
    }

    fn waiting_segments(
        &self,
        group: GroupId,
        offset: u8,
        generation: u32,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<SegmentRow>, Error>> {
        Box::pin(async move {
            self.charge_group(group).await?;
            self.inner.rows.waiting_segments(group, offset, generation, limit).await
        })
    }

    fn count_segments(&self, group: GroupId, status: SegmentStatus) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async move {
            self.charge_group(group).await?;
            self.inner.rows.count_segments(group, status).await
        })
    }

    fn due(&self, shard: DueShard, now: Timestamp, limit: u16) -> BoxFuture<'_, Result<Vec<DueItem>, Error>> {
        Box::pin(async move {
            let due: Vec<DueItem> = {
                let beside = self.beside();
                let items = beside.due.items(shard).take_while(|(due_at, _)| *due_at <= now);
                items.take(limit.into()).map(|(_, item)| item).collect()
            };
            self.charge_index(due.len()).await;
            Ok(due)
        })
    }

    fn retries(
        &self,
        execution_id: ExecutionId,
        shard: DueShard,
        limit: u16,
    ) -> BoxFuture<'_, Result<Vec<(Timestamp, SegmentId)>, Error>> {
        Box::pin(async move {
            let waiting: Vec<_> = {
                let beside = self.beside();
                let segments = beside.due.items(shard).filter_map(|(due_at, item)| match item {
                    DueItem::Segment(id) if id.group().execution_id == execution_id => Some((due_at, id)),
                    _ => None,
                });
                segments.take(limit.into()).collect()
            };
            self.charge_index(waiting.len()).await;
            Ok(waiting)
        })
    }

    fn open_executions(&self, shard: DueShard) -> BoxFuture<'_, Result<Vec<ExecutionId>, Error>> {
        Box::pin(async move {
            let items: Vec<DueItem> = self.beside().due.items(shard).map(|(_, item)| item).collect();
            self.charge_index(items.len()).await;
            let mut open: Vec<ExecutionId> = items.into_iter().filter_map(DueItem::execution).collect();
            open.sort();
            Ok(open)
        })
    }

    fn delete<'a>(&'a self, about: About<'a>, keys: &'a [RowKey]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            for keys in keys.chunks(DELETES_A_REQUEST) {
                self.inner.surroundings.wait(self.inner.surroundings.parameters.latencies.update).await;
                self.inner.rows.delete(about, keys).await?;
                let mut usage = self.inner.surroundings.meter.lock();
                usage.table_requests += 1;
                usage.write_units += keys.len() as u64;
            }
            self.index_again();
            Ok(())
        })
    }

    fn add_marks(&self, execution_id: ExecutionId, limit: u16) -> BoxFuture<'_, Result<Vec<RowKey>, Error>> {
        Box::pin(async move {
            let marks = self.inner.rows.add_marks(execution_id, limit).await?;
            self.charge_index(marks.len()).await;
            Ok(marks)
        })
    }

    fn list_executions<'a>(&'a self, query: &'a ListQuery) -> BoxFuture<'a, Result<KeyPage, Error>> {
        Box::pin(async move {
            let found = self.inner.rows.list_executions(query).await?;
            self.charge_index(found.keys.len()).await;
            Ok(found)
        })
    }

    fn dead_letters(&self, source: DeadLetterSource) -> BoxFuture<'_, Result<Vec<DeadLetterRow>, Error>> {
        Box::pin(async move {
            self.wait_query().await;
            let letters = self.inner.rows.dead_letters(source).await?;
            self.read(letters.iter().map(|letter| letter.payload.len() as u64).sum(), STRONG);
            Ok(letters)
        })
    }
}
