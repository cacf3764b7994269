//! Segments whose retry is due, and those whose record, put for a retry, is lost.

use chrono::{DateTime, Utc};
use control_table::clock::Timestamp;
use control_table::id::SegmentId;
use control_table::message::SegmentRecord;
use control_table::operation::{CancelSegment, DeferRetry};
use control_table::read::DueItem;
use control_table::rows::{DueShard, SegmentRow, SegmentStatus};
use futures::stream::{self, StreamExt, TryStreamExt};

use super::patience::Patience;
use crate::Engine;
use crate::error::EngineError;
use crate::plan_cache::Plans;
use crate::sweep::SweepReport;

/// Rows of a page that are deferred at once.
const DEFERRED_AT_ONCE: usize = 16;

impl Engine {
    /// Puts the records of one partition that are due at `moment`, page by page.
    pub(crate) async fn sweep_retries(
        &self,
        shard: DueShard,
        moment: Timestamp,
        until: DateTime<Utc>,
    ) -> Result<SweepReport, EngineError> {
        let (mut report, mut plans) = (SweepReport::default(), Plans::default());
        for _ in 0..self.settings.pages {
            let due = self.table.due(shard, moment, self.settings.page).await?;
            let segments: Vec<SegmentId> = due
                .iter()
                .filter_map(|item| match item {
                    DueItem::Segment(id) => Some(*id),
                    DueItem::Execution(_) => None,
                })
                .collect();
            report.due += due.len() as u64;
            // A row that failed stays at the head of the index, so the next page would be the same one.
            if let Err(error) = self.retry(&segments, moment, &mut plans, &mut report).await {
                tracing::error!(%shard, segments = segments.len(), %error, "stay due");
                report.failed += segments.len() as u64;
                break;
            }
            if due.len() < usize::from(self.settings.page) || self.clock.now() >= until {
                break;
            }
        }
        Ok(report)
    }

    /// Puts the records of due segments. A row leaves the due index when a worker claims it; until then it waits there for its record to
    /// be read. The record is put first: a sweeper that dies in between leaves a row whose record is put twice, not one whose record is
    /// never put.
    async fn retry(
        &self,
        segments: &[SegmentId],
        moment: Timestamp,
        plans: &mut Plans,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        let is_due =
            |row: &SegmentRow| row.status == SegmentStatus::Pending && row.due.is_some_and(|due| due.due_at <= moment);
        let mut rows = self.table.segments_of(segments).await?;
        rows.retain(is_due);
        // Those that are due longest come first.
        rows.sort_by_key(|row| row.due.map(|due| due.due_at));
        let mut records: Vec<SegmentRecord> = Vec::with_capacity(rows.len());
        for row in &rows {
            match plans.get(&self.table, row.group.execution_id).await? {
                Some(planned) => records.push(planned.record(row)),
                None => self.cancel_orphan(row).await?,
            }
        }
        self.outgoing.put(&records).await?;
        report.records_put += records.len() as u64;
        let now = self.now();
        let defers: Vec<_> = rows.into_iter().map(|row| self.defer_retry(row, now)).collect();
        stream::iter(defers).buffer_unordered(DEFERRED_AT_ONCE).try_collect().await
    }

    async fn cancel_orphan(&self, row: &SegmentRow) -> Result<(), EngineError> {
        let (segment, generation, now) = (row.id(), row.generation, self.now());
        tracing::error!(%segment, "its execution or plan is missing: it cannot be retried, and is cancelled");
        self.table.execute(&CancelSegment { segment, generation, now }).await?;
        Ok(())
    }

    /// Notes that the record of a pending row was put now, or put again: it is lost if the stream was read past that, and some time passed.
    pub(crate) async fn defer_retry(&self, row: SegmentRow, now: Timestamp) -> Result<(), EngineError> {
        let patience = Patience::new(&self.settings, now, now);
        let due_at = now.plus(patience.wait(row.retry_puts));
        let (segment, generation, seen_due_at) = (row.id(), row.generation, row.due.map(|due| due.due_at));
        self.table.execute(&DeferRetry { segment, generation, seen_due_at, due_at }).await?;
        Ok(())
    }
}
