//! Cancel: every segment without an outcome becomes CANCELLED and is counted so.
//!
//! Every step may be repeated and interrupted: the sweeper continues with an execution in CANCELLING.

use chrono::{DateTime, Utc};
use control_table::clock::Timestamp;
use control_table::id::ExecutionId;
use control_table::operation::{Cancel, CancelOutcome, CancelSegment, CancelSegmentOutcome, Tally};
use control_table::rows::{ExecutionRow, SegmentRow, Stop, TallyRow};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;

use super::{GROUPS_AT_ONCE, ROWS_AT_ONCE};
use crate::Engine;
use crate::error::{EngineError, Refusal};
use crate::sweep::SweepReport;

/// What a cancel did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CancelReport {
    /// Segments that were cancelled by this call.
    pub cancelled: u64,
    /// Whether every segment has its outcome now. If not, the deadline passed, and the sweeper continues.
    pub finished: bool,
    /// Whether the execution was complete before the call, which then changed nothing.
    pub was_complete: bool,
}

impl CancelReport {
    const COMPLETE: Self = Self { cancelled: 0, finished: true, was_complete: true };
}

impl Engine {
    /// Cancels an execution. A second call continues where the first one stopped.
    ///
    /// # Errors
    /// When there is no such execution, when it is being redriven, or when a step fails: the sweeper continues after a failed step.
    pub async fn cancel(
        &self,
        execution_id: ExecutionId,
        reason: Stop,
        deadline: DateTime<Utc>,
    ) -> Result<CancelReport, EngineError> {
        let Some(execution) = self.table.execution(execution_id).await? else {
            return Err(EngineError::NotFound { execution_id });
        };
        self.stop(&execution, reason, deadline).await
    }

    /// Marks an execution as one to be cancelled, due at once: the sweeper of the system that works on it cancels its segments.
    ///
    /// # Errors
    /// When there is no such execution, or it is being redriven. Nothing was written.
    pub async fn request_cancel(&self, execution_id: ExecutionId) -> Result<CancelReport, EngineError> {
        let Some(execution) = self.table.execution(execution_id).await? else {
            return Err(EngineError::NotFound { execution_id });
        };
        match self.begin_cancel(&execution, Stop::Requested, self.now()).await? {
            Some(_) => Ok(CancelReport::default()),
            None => Ok(CancelReport::COMPLETE),
        }
    }

    /// Stops an execution as it was read.
    pub(crate) async fn stop(
        &self,
        execution: &ExecutionRow,
        reason: Stop,
        deadline: DateTime<Utc>,
    ) -> Result<CancelReport, EngineError> {
        match self.begin_cancel(execution, reason, self.now().plus(self.settings.patience)).await? {
            Some(row) => self.cancel_segments(&row, deadline).await,
            None => Ok(CancelReport::COMPLETE),
        }
    }

    /// The execution in CANCELLING; `None` if it is complete.
    async fn begin_cancel(
        &self,
        execution: &ExecutionRow,
        reason: Stop,
        due_at: Timestamp,
    ) -> Result<Option<Box<ExecutionRow>>, EngineError> {
        let (execution_id, generation) = (execution.execution_id, execution.generation);
        match self.table.execute(&Cancel { execution_id, generation, reason, due_at }).await? {
            CancelOutcome::Cancelling(row) | CancelOutcome::AlreadyCancelling(row) => {
                tracing::info!(%execution_id, generation, reason = reason.as_str(), "is being cancelled");
                Ok(Some(row))
            }
            CancelOutcome::AlreadyComplete(_) => Ok(None),
            CancelOutcome::Redriving => Err(Refusal::Redriving(execution_id).into()),
            CancelOutcome::Stale { .. } => Err(Refusal::Changed(execution_id).into()),
            CancelOutcome::Missing => Err(EngineError::NotFound { execution_id }),
        }
    }

    /// Cancels the segments without an outcome of an execution in CANCELLING, and finalizes it. Nothing adds a group to it any more.
    pub(crate) async fn cancel_segments(
        &self,
        execution: &ExecutionRow,
        deadline: DateTime<Utc>,
    ) -> Result<CancelReport, EngineError> {
        let mut report = CancelReport::default();
        let groups: Vec<u64> = (0..execution.groups).collect();
        for groups in groups.chunks(GROUPS_AT_ONCE) {
            for tally in self.table.tallies_of(execution.execution_id, groups).await? {
                if self.clock.now() >= deadline {
                    return Ok(report);
                }
                if tally.pending > 0 {
                    report.cancelled += self.cancel_group(execution.generation, &tally).await?;
                }
            }
        }
        report.finished = true;
        self.fold_finished(execution, &mut SweepReport::default()).await?;
        Ok(report)
    }

    async fn cancel_group(&self, generation: u32, tally: &TallyRow) -> Result<u64, EngineError> {
        let rows = self.table.group_segments(tally.group, None).await?;
        let uncounted = rows.into_iter().filter(|row| !tally.has(row.offset));
        // Collected, because the compiler cannot see that a stream of a borrowing closure may cross threads.
        let cancels: Vec<_> = uncounted.map(|row| self.cancel_segment(generation, row)).collect();
        let ended: Vec<(Option<Tally>, u64)> =
            stream::iter(cancels).buffer_unordered(ROWS_AT_ONCE).try_collect().await?;
        let cancelled = ended.iter().map(|(_, cancelled)| cancelled).sum();
        for tally in Tally::merge(ended.into_iter().filter_map(|(tally, _)| tally)) {
            self.table.execute(&tally).await?;
        }
        Ok(cancelled)
    }

    /// The tally of a row, and 1 if this call cancelled it.
    async fn cancel_segment(&self, generation: u32, row: SegmentRow) -> Result<(Option<Tally>, u64), EngineError> {
        if row.status.is_terminal() {
            return Ok((Tally::of(&row), 0));
        }
        let request = CancelSegment { segment: row.id(), generation, now: self.now() };
        Ok(match self.table.execute(&request).await? {
            CancelSegmentOutcome::Cancelled(row) => (Tally::of(&row), 1),
            CancelSegmentOutcome::AlreadyFinished(row) => (Tally::of(&row), 0),
            CancelSegmentOutcome::Stale { .. } | CancelSegmentOutcome::Missing => (None, 0),
        })
    }
}
