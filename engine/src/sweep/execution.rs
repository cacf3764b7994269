//! An execution that is due.

use control_table::clock::Timestamp;
use control_table::id::ExecutionId;
use control_table::metric;
use control_table::operation::CheckpointProgress;
use control_table::rows::{ExecutionRow, ExecutionStatus, SegmentStatus};

use super::early_stop;
use super::heal_groups::{Lost, waits_in_stream};
use super::progress::Progress;
use super::survey::Survey;
use super::{Patience, SweepReport, Tick};
use crate::Engine;
use crate::error::EngineError;
use crate::gather::Finalized;

impl Engine {
    /// Handles one due execution. One that fails becomes due later, so that it does not hold up the others.
    pub(crate) async fn sweep_execution(
        &self,
        execution_id: ExecutionId,
        tick: Tick,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        let Some(execution) = self.table.execution(execution_id).await? else {
            return Ok(());
        };
        if execution.due.is_none_or(|due| due.due_at > self.now()) {
            return Ok(());
        }
        let swept = self.sweep_by_status(&execution, tick, report).await;
        if swept.is_err() {
            self.reschedule(&execution, self.now().plus(self.settings.patience)).await?;
        }
        swept
    }

    async fn sweep_by_status(
        &self,
        execution: &ExecutionRow,
        tick: Tick,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        match execution.status {
            ExecutionStatus::Scattering | ExecutionStatus::Running => self.sweep_open(execution, tick, report).await,
            ExecutionStatus::Succeeded | ExecutionStatus::Failed | ExecutionStatus::Cancelled => {
                self.finalize_counted(execution.execution_id, report).await?;
                Ok(())
            }
            ExecutionStatus::Cancelling => {
                tracing::info!(execution_id = %execution.execution_id, "the sweeper continues its cancel");
                self.cancel_segments(execution, tick.until).await?;
                report.resumed += 1;
                Ok(())
            }
            ExecutionStatus::Redriving => {
                tracing::info!(execution_id = %execution.execution_id, "the sweeper continues its redrive");
                self.requeue_all(execution, tick.until).await?;
                report.resumed += 1;
                Ok(())
            }
        }
    }

    async fn sweep_open(
        &self,
        execution: &ExecutionRow,
        tick: Tick,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        let Finalized::Open(execution) = self.finalize_counted(execution.execution_id, report).await? else {
            return Ok(());
        };
        let survey = self.survey(&execution, tick.read_until).await?;
        if let Some(reason) = early_stop::reason(&execution, &survey, self.now()) {
            self.stop(&execution, reason, tick.until).await?;
            report.stopped += 1;
            return Ok(());
        }
        let progress = self.checked_progress(&execution, &survey, tick).await?;
        // Deferred first: concurrent sweepers or scatters are safe, but wasteful.
        let checkpoint = self.checkpoint(&execution, &survey, &progress, tick.read_until);
        if let Some(checkpoint) = &checkpoint {
            self.table.execute(checkpoint).await?;
        }
        self.fold_stuck(&execution, &survey, &progress, report).await?;
        if self.is_silent(&execution) {
            self.resume_scatter(&execution, tick, report).await?;
        } else if let Some(checkpoint) = checkpoint {
            self.heal_checked(&execution, &survey, tick, checkpoint, report).await?;
        }
        if progress.is_stalled && execution.stalled_at.is_none() {
            tracing::error!(execution_id = %execution.execution_id, since = %progress.since.to_datetime(), "is stalled");
            report.stalled += 1;
            metric::EXECUTIONS_STALLED.add(1);
            self.finalize_counted(execution.execution_id, report).await?;
        }
        Ok(())
    }

    /// The progress of an execution. One that seems stalled is not if the record of a retry still waits in the stream.
    async fn checked_progress(
        &self,
        execution: &ExecutionRow,
        survey: &Survey,
        tick: Tick,
    ) -> Result<Progress, EngineError> {
        let progress = self.progress(execution, survey, tick.read_until);
        let Some(first) = survey.first_open.as_ref().filter(|_| progress.is_stalled) else { return Ok(progress) };
        let rows = self.table.group_segments(first.group, Some(SegmentStatus::Pending)).await?;
        let waits_in_stream = rows.iter().any(|row| waits_in_stream(row, tick.read_until));
        Ok(Progress { waits_in_stream, is_stalled: !waits_in_stream, ..progress })
    }

    fn patience(&self, read_until: Timestamp) -> Patience {
        Patience::new(&self.settings, self.now(), read_until)
    }

    /// Whether its scatter has shown no sign of life for longer than it may.
    fn is_silent(&self, execution: &ExecutionRow) -> bool {
        execution.status == ExecutionStatus::Scattering
            && execution.scatter_until.is_none_or(|until| until <= self.now())
    }

    async fn resume_scatter(
        &self,
        execution: &ExecutionRow,
        tick: Tick,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        tracing::warn!(execution_id = %execution.execution_id, groups = execution.groups, "its scatter is silent: continuing it");
        self.resume_until(execution.execution_id, tick.until).await?;
        report.scatters_resumed += 1;
        Ok(())
    }

    /// Folds finished groups whose stream image is lost: those of an execution that stands still, and one that was finished and first in
    /// line at the last check as well.
    async fn fold_stuck(
        &self,
        execution: &ExecutionRow,
        survey: &Survey,
        progress: &Progress,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        let was_first = survey.open_from == execution.open_from;
        let is_stuck = |group: u64| progress.is_idle || (was_first && group == survey.open_from);
        let stuck: Vec<_> = survey.to_fold.iter().filter(|tally| is_stuck(tally.group.group)).cloned().collect();
        let has_waited = progress.is_idle || execution.healed_at.is_some();
        if stuck.is_empty() || !has_waited {
            return Ok(());
        }
        self.fold_and_finalize(execution, &stuck, report).await
    }

    /// Heals what a check found, and notes where to continue if the time is up.
    async fn heal_checked(
        &self,
        execution: &ExecutionRow,
        survey: &Survey,
        tick: Tick,
        checkpoint: CheckpointProgress,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        let lost = Lost::As(self.patience(tick.read_until));
        if execution.admitted_until.is_some() {
            if checkpoint.healed_at != execution.healed_at {
                self.heal_slots(execution, lost, report).await?;
            }
            return Ok(());
        }
        let from = execution.heal_cursor.unwrap_or(0);
        let groups = survey.to_heal.partition_point(|tally| tally.group.group < from);
        let groups = survey.to_heal.get(groups..).unwrap_or_default();
        let tallied = report.tallied;
        let cursor = self.heal(execution, groups, lost, tick.until, report).await?;
        if report.tallied > tallied {
            self.fold_finished(execution, report).await?;
        }
        let Some(cursor) = cursor else { return Ok(()) };
        let seen_due_at = checkpoint.due_at;
        let rest = CheckpointProgress {
            seen_due_at,
            heal_cursor: Some(cursor),
            notification: false,
            due_at: self.now(),
            ..checkpoint
        };
        self.table.execute(&rest).await?;
        Ok(())
    }

    /// Finalizes an execution, and counts its completion event if it was published now.
    pub(crate) async fn finalize_counted(
        &self,
        execution_id: ExecutionId,
        report: &mut SweepReport,
    ) -> Result<Finalized, EngineError> {
        let finalized = self.finalize(execution_id).await?;
        if matches!(finalized, Finalized::Published(_)) {
            report.published += 1;
        }
        Ok(finalized)
    }

    fn checkpoint(
        &self,
        execution: &ExecutionRow,
        survey: &Survey,
        progress: &Progress,
        read_until: Timestamp,
    ) -> Option<CheckpointProgress> {
        let (due, now) = (execution.due?, self.now());
        let is_new = progress.is_stalled && execution.stalled_at.is_none();
        let (heal_cursor, healed_at) = self.next_heal(execution, now, read_until);
        Some(CheckpointProgress {
            execution_id: execution.execution_id,
            seen_due_at: due.due_at,
            progress: progress.value,
            progress_at: progress.since,
            stalled_at: progress.is_stalled.then(|| execution.stalled_at.unwrap_or(now)),
            notification: is_new,
            open_from: survey.open_from,
            heal_cursor,
            healed_at,
            waits_in_stream: progress.waits_in_stream,
            due_at: self.next_check(execution, progress, now),
        })
    }

    /// The marks of the next look for lost records. With a limit of segments in flight, a slot's record counts as lost if the segment had
    /// its slot at the last mark, and the stream was read past that.
    fn next_heal(
        &self,
        execution: &ExecutionRow,
        now: Timestamp,
        read_until: Timestamp,
    ) -> (Option<u64>, Option<Timestamp>) {
        let Some(admitted_until) = execution.admitted_until else { return (None, Some(now)) };
        let is_read = |at: Timestamp| at.plus(self.settings.patience) <= now && at <= read_until;
        let is_over = execution.healed_at.is_none_or(is_read);
        if is_over { (Some(admitted_until), Some(now)) } else { (execution.heal_cursor, execution.healed_at) }
    }

    /// After the patience; sooner with a failure, at the execution's deadline, and when a stall must be reported.
    fn next_check(&self, execution: &ExecutionRow, progress: &Progress, now: Timestamp) -> Timestamp {
        let patience = self.settings.patience;
        let wait =
            if execution.first_failure.is_some() { patience.min(self.settings.failing_patience) } else { patience };
        let next = execution.policy.next_look(execution.started_at, now, wait);
        let may_stall = progress.has_work && !progress.is_stalled && !progress.waits_in_stream;
        if may_stall { next.min(execution.policy.stall_look(progress.since)) } else { next }
    }

    /// A redrive leaves its execution due after the patience. If its policy reports a stall sooner than that, it becomes due sooner.
    pub(crate) async fn advance_stall_check(&self, execution: &ExecutionRow) -> Result<(), EngineError> {
        let now = self.now();
        let next = execution.policy.next_look(execution.started_at, now, self.settings.patience);
        self.reschedule(execution, next.min(execution.policy.stall_look(now))).await
    }
}
