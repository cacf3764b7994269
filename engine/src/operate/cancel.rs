//! Cancel: every segment without an outcome becomes CANCELLED and is counted so.
//!
//! Every step may be repeated and interrupted: the sweeper continues with an execution in CANCELLING.

use chrono::{DateTime, Utc};
use control_table::clock::Timestamp;
use control_table::id::ExecutionId;
use control_table::operation::{
    Cancel, CancelOutcome, CancelSegment, CancelSegmentOutcome, CheckpointStep, CheckpointStepOutcome, QueueCancel,
    QueueCancelOutcome, Tally,
};
use control_table::rows::{ExecutionRow, SegmentRow, Stop, TallyRow};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;

use super::{GROUPS_PER_CHECKPOINT, ROWS_AT_ONCE};
use crate::Engine;
use crate::error::{EngineError, Refusal};
use crate::sweep::SweepReport;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// What a cancel did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CancelReport {
    /// Segments that were cancelled by this call.
    pub cancelled: u64,
    /// Whether every segment has its outcome now. If not, the deadline passed, and the sweeper continues.
    pub finished: bool,
    /// Whether the execution was complete before the call, which then changed nothing.
    pub was_complete: bool,
    /// Whether the execution is being redriven: it is cancelled as soon as the redrive has ended.
    #[serde(skip_serializing_if = "is_false")]
    pub is_queued: bool,
}

impl CancelReport {
    const COMPLETE: Self = Self { cancelled: 0, finished: true, was_complete: true, is_queued: false };
    const QUEUED: Self = Self { cancelled: 0, finished: false, was_complete: false, is_queued: true };
}

/// How a cancel begins.
enum Begun {
    /// The execution is in CANCELLING.
    Cancelling(Box<ExecutionRow>),
    /// It is in REDRIVING, and is cancelled after that.
    Queued,
    /// It is complete.
    Complete,
}

/// Tries to begin a cancel beside a redrive that ends, and another that begins.
const CANCEL_TRIES: u32 = 4;

impl Engine {
    /// Cancels an execution. A second call continues where the first one stopped.
    ///
    /// # Errors
    /// When there is no such execution, or when a step fails: the sweeper continues after a failed step.
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
    /// When there is no such execution. Nothing was written.
    pub async fn request_cancel(&self, execution_id: ExecutionId) -> Result<CancelReport, EngineError> {
        let Some(execution) = self.table.execution(execution_id).await? else {
            return Err(EngineError::NotFound { execution_id });
        };
        Ok(match self.begin_cancel(&execution, Stop::Requested, self.now()).await? {
            Begun::Cancelling(_) => CancelReport::default(),
            Begun::Queued => CancelReport::QUEUED,
            Begun::Complete => CancelReport::COMPLETE,
        })
    }

    /// Stops an execution as it was read.
    pub(crate) async fn stop(
        &self,
        execution: &ExecutionRow,
        reason: Stop,
        deadline: DateTime<Utc>,
    ) -> Result<CancelReport, EngineError> {
        match self.begin_cancel(execution, reason, self.now().plus(self.settings.step_lease)).await? {
            Begun::Cancelling(row) => self.cancel_segments(&row, deadline).await,
            Begun::Queued => Ok(CancelReport::QUEUED),
            Begun::Complete => Ok(CancelReport::COMPLETE),
        }
    }

    async fn begin_cancel(
        &self,
        execution: &ExecutionRow,
        reason: Stop,
        due_at: Timestamp,
    ) -> Result<Begun, EngineError> {
        let (execution_id, generation) = (execution.execution_id, execution.generation);
        // A redrive may end between the two writes; the first one then succeeds.
        for _ in 0..CANCEL_TRIES {
            match self.table.execute(&Cancel { execution_id, generation, reason, due_at }).await? {
                CancelOutcome::Cancelling(row) | CancelOutcome::AlreadyCancelling(row) => {
                    tracing::info!(%execution_id, generation, reason = reason.as_str(), "is being cancelled");
                    return Ok(Begun::Cancelling(row));
                }
                CancelOutcome::AlreadyComplete(_) => return Ok(Begun::Complete),
                CancelOutcome::Redriving => {
                    let queue = QueueCancel { execution_id, generation, reason };
                    if self.table.execute(&queue).await? != QueueCancelOutcome::NotRedriving {
                        tracing::info!(%execution_id, generation, "is cancelled when its redrive has ended");
                        return Ok(Begun::Queued);
                    }
                }
                CancelOutcome::Stale { .. } => break,
                CancelOutcome::Missing => return Err(EngineError::NotFound { execution_id }),
            }
        }
        Err(Refusal::Changed(execution_id).into())
    }

    /// Cancels the segments without an outcome of an execution in CANCELLING, and finalizes it. Nothing adds a group to it any more.
    pub(crate) async fn cancel_segments(
        &self,
        execution: &ExecutionRow,
        deadline: DateTime<Utc>,
    ) -> Result<CancelReport, EngineError> {
        let mut report = CancelReport::default();
        let mut cursor = execution.step_cursor.unwrap_or(0);
        while cursor < execution.groups {
            let is_over = self.clock.now() >= deadline;
            match self.checkpoint_step(execution, cursor, is_over).await? {
                CheckpointStepOutcome::Checkpointed(_) if !is_over => {}
                _ => return Ok(report),
            }
            let end = execution.groups.min(cursor + GROUPS_PER_CHECKPOINT);
            for tally in self.table.tallies(execution.execution_id, cursor..end).await? {
                if tally.pending > 0 {
                    report.cancelled += self.cancel_group(execution.generation, &tally).await?;
                }
            }
            cursor = end;
        }
        report.finished = true;
        self.fold_finished(execution, &mut SweepReport::default()).await?;
        Ok(report)
    }

    /// Notes how far a step has come, and keeps the sweeper away from it; out of time, it leaves the step to the sweeper.
    pub(crate) async fn checkpoint_step(
        &self,
        execution: &ExecutionRow,
        cursor: u64,
        is_out_of_time: bool,
    ) -> Result<CheckpointStepOutcome, EngineError> {
        let now = self.now();
        let checkpoint = CheckpointStep {
            execution_id: execution.execution_id,
            generation: execution.generation,
            status: execution.status,
            cursor,
            due_at: if is_out_of_time { now } else { now.plus(self.settings.step_lease) },
        };
        Ok(self.table.execute(&checkpoint).await?)
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
