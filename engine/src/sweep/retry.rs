//! Segments whose retry is due.

use control_table::clock::Timestamp;
use control_table::id::SegmentId;
use control_table::message::SegmentRecord;
use control_table::operation::{CancelSegment, DeferRetry};
use control_table::rows::{SegmentRow, SegmentStatus};

use crate::Engine;
use crate::error::EngineError;
use crate::plan_cache::Plans;
use crate::sweep::SweepReport;

impl Engine {
    /// Sends the records of due segments. A row leaves the due index when a worker claims it; until then it is deferred by the
    /// patience, in case its record is lost. The record is sent first: a sweeper that dies in between leaves a row whose record is
    /// sent twice, not one whose record is never sent.
    pub(crate) async fn retry(
        &self,
        segments: &[SegmentId],
        now: Timestamp,
        plans: &mut Plans,
        report: &mut SweepReport,
    ) {
        let (mut rows, mut records) = (Vec::new(), Vec::new());
        for &segment in segments {
            match self.due_record(segment, now, plans).await {
                Ok(Some((row, record))) => {
                    rows.push(row);
                    records.push(record);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%segment, %error, "stays due");
                    report.failed += 1;
                }
            }
        }
        if let Err(error) = self.put_and_defer(&rows, &records, now).await {
            tracing::error!(segments = rows.len(), %error, "stay due");
            report.failed += rows.len() as u64;
        } else {
            report.records_put += records.len() as u64;
        }
    }

    /// The row and the record of a segment, if its row is due: the index may lag behind the row.
    async fn due_record(
        &self,
        segment: SegmentId,
        now: Timestamp,
        plans: &mut Plans,
    ) -> Result<Option<(SegmentRow, SegmentRecord)>, EngineError> {
        let is_due =
            |row: &SegmentRow| row.status == SegmentStatus::Pending && row.due.is_some_and(|due| due.due_at <= now);
        let Some(row) = self.table.segment(segment).await?.filter(is_due) else {
            return Ok(None);
        };
        let Some(planned) = plans.get(&self.table, segment.execution_id).await? else {
            tracing::error!(%segment, "its execution or plan is missing: it cannot be retried, and is cancelled");
            self.table.execute(&CancelSegment { segment, generation: row.generation, now }).await?;
            return Ok(None);
        };
        let record = planned.record(&row);
        Ok(Some((row, record)))
    }

    async fn put_and_defer(
        &self,
        rows: &[SegmentRow],
        records: &[SegmentRecord],
        now: Timestamp,
    ) -> Result<(), EngineError> {
        if records.is_empty() {
            return Ok(());
        }
        self.dispatcher.put(records).await?;
        for row in rows {
            let Some(due) = row.due else { continue };
            let later = now.plus(self.settings.patience);
            let (segment, generation) = (row.id(), row.generation);
            let defer = DeferRetry { segment, generation, seen_due_at: due.due_at, due_at: later };
            self.table.execute(&defer).await?;
        }
        Ok(())
    }
}
