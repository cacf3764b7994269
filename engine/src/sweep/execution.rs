//! An execution that is due.

use control_table::clock::Timestamp;
use control_table::id::ExecutionId;
use control_table::metric;
use control_table::operation::CheckpointProgress;
use control_table::rows::{ExecutionRow, ExecutionStatus, SegmentStatus, TallyRow};

use super::early_stop;
use super::heal_groups::{Lost, waits_in_stream};
use super::overtaken::Overtaken;
use super::progress::Progress;
use super::survey::Survey;
use super::{Patience, SweepReport, Tick};
use crate::Engine;
use crate::error::EngineError;
use crate::gather::Finalized;
use crate::lines::Lines;

/// For how many patiences after a lost record the sweeper looks at every tick. A choice: where one record in a hundred is lost, one of a
/// shard with ten lanes is lost every five minutes, if segments take 30 seconds.
const LOSSY_PATIENCES: i32 = 4;

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
            self.heal_checked(&execution, survey, tick, checkpoint, report).await?;
        }
        if progress.is_stalled && execution.stalled_at.is_none() {
            tracing::error!(execution_id = %execution.execution_id, since = %progress.since.to_datetime(), "is stalled");
            report.stalled += 1;
            metric::EXECUTIONS_STALLED.add(1);
            self.finalize_counted(execution.execution_id, report).await?;
        }
        Ok(())
    }

    /// The progress of an execution. One without progress is not stalled while a record of its first open group waits in the stream, nor at
    /// the first check after that: what was lost while it waited is put again then.
    async fn checked_progress(
        &self,
        execution: &ExecutionRow,
        survey: &Survey,
        tick: Tick,
    ) -> Result<Progress, EngineError> {
        let progress = self.progress(execution, survey);
        let Some(first) = &survey.first_open else { return Ok(progress) };
        let is_limited = execution.admitted_until.is_some();
        let is_unread = first.put_at > tick.read_until && !is_limited;
        if !(progress.is_stalled || progress.is_idle && is_unread) {
            return Ok(progress);
        }
        let rows = self.table.group_segments(first.group, Some(SegmentStatus::Pending)).await?;
        let waits_in_stream = rows.iter().any(|row| waits_in_stream(row, first, is_limited, tick.read_until));
        let is_stalled = progress.is_stalled && !waits_in_stream && !execution.waits_in_stream;
        Ok(Progress { is_stalled, waits_in_stream, ..progress })
    }

    pub(super) fn patience(&self, read_until: Timestamp) -> Patience {
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

    /// Heals what a check found, and notes when to look again: at once if the time was up, and soon if a segment is nearly overtaken.
    async fn heal_checked(
        &self,
        execution: &ExecutionRow,
        survey: Survey,
        tick: Tick,
        checkpoint: CheckpointProgress,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        let patience = self.patience(tick.read_until);
        let is_whole = checkpoint.healed_at != execution.healed_at;
        if execution.admitted_until.is_some() {
            if is_whole {
                self.heal_slots(execution, Lost::As(patience), report).await?;
            }
            return Ok(());
        }
        // Between two looks at everything, only from where a segment was nearly overtaken.
        let from = if is_whole { Some(0) } else { execution.heal_cursor };
        let Some(from) = from else { return Ok(()) };
        let groups = survey.to_heal.into_iter().filter(|tally| tally.group.group >= from);
        let (lost, begun): (Vec<_>, Vec<_>) = groups.partition(|tally| patience.may_be_lost(tally));
        let overtaken = Overtaken::new(self.lines(&begun).await, survey.counted, self.now());
        let mut overtaken = if self.is_lossy(execution.lost_at) { overtaken.in_lossy() } else { overtaken };
        let tallied = report.tallied;
        let is_healed = self.heal(execution, &lost, Lost::As(patience), tick.until, report).await?
            && self.heal_overtaken(execution, &begun, &mut overtaken, tick, report).await?;
        if report.tallied > tallied {
            self.fold_finished(execution, report).await?;
        }
        self.look_again(checkpoint, &overtaken, is_healed).await
    }

    /// Whether a record was found lost a short time ago.
    fn is_lossy(&self, lost_at: Option<Timestamp>) -> bool {
        lost_at.is_some_and(|at| at.plus(self.settings.patience * LOSSY_PATIENCES) > self.now())
    }

    /// Notes when to look for lost records again, unless that is the next look at everything.
    async fn look_again(
        &self,
        checkpoint: CheckpointProgress,
        overtaken: &Overtaken,
        is_healed: bool,
    ) -> Result<(), EngineError> {
        let (now, seen_due_at) = (self.now(), checkpoint.due_at);
        let soon = seen_due_at.min(now.plus(self.settings.overtaking_patience));
        let lost_at = if overtaken.found() > 0 { Some(now) } else { checkpoint.lost_at };
        let (heal_cursor, due_at) = match overtaken.nearly() {
            // What was healed is not found again, so each look comes further.
            _ if !is_healed => (0, now),
            _ if self.is_lossy(lost_at) => (0, soon),
            Some(nearly) => (nearly, soon),
            None => return Ok(()),
        };
        let (notification, heal_cursor) = (false, Some(heal_cursor));
        let again = CheckpointProgress { seen_due_at, notification, heal_cursor, lost_at, due_at, ..checkpoint };
        self.table.execute(&again).await?;
        Ok(())
    }

    /// The lines in which records wait; unknown, and so nothing overtaken, if that cannot be read.
    async fn lines(&self, groups: &[TallyRow]) -> Lines {
        if groups.is_empty() {
            return Lines::unknown();
        }
        self.position.lines().await.unwrap_or_else(|error| {
            tracing::error!(%error, "the lines of the stream are not known: lost records will be found later");
            Lines::unknown()
        })
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
        let (heal_cursor, healed_at) = self.next_heal(execution, survey, now, read_until);
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
            lost_at: execution.lost_at,
            waits_in_stream: progress.waits_in_stream,
            due_at: self.next_check(execution, progress, now),
        })
    }

    /// The marks of this look for lost records: where it begins if it is not a look at everything, and when that was last. With a limit of
    /// segments in flight, a slot's record counts as lost if the segment had its slot at the last mark, and the stream was read past that.
    fn next_heal(
        &self,
        execution: &ExecutionRow,
        survey: &Survey,
        now: Timestamp,
        read_until: Timestamp,
    ) -> (Option<u64>, Option<Timestamp>) {
        let has_waited = |at: Timestamp| at.plus(self.settings.patience) <= now;
        let Some(admitted_until) = execution.admitted_until else {
            let is_first_lost =
                || survey.first_open.as_ref().is_some_and(|first| self.patience(read_until).may_be_lost(first));
            let is_whole = execution.healed_at.is_none_or(has_waited) || is_first_lost();
            return (None, if is_whole { Some(now) } else { execution.healed_at });
        };
        let is_read = |at: Timestamp| has_waited(at) && at <= read_until;
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
