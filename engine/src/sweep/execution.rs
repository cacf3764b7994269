//! An execution that is due to be looked at.

use chrono::{DateTime, Utc};
use control_table::clock::Timestamp;
use control_table::id::ExecutionId;
use control_table::rows::{ExecutionRow, ExecutionStatus, TallyRow};
use control_table::metric;
use control_table::operation::CheckpointProgress;
use crate::gather::Finalized;

use crate::error::EngineError;
use crate::sweep::early_stop;
use crate::sweep::SweepReport;
use crate::Engine;
use crate::sweep::Leases;

/// What a look at an execution found of its progress.
struct Progress {
    /// A number that changes whenever the execution moves on.
    value: u64,
    /// When it last moved on, as far as is known.
    since: Timestamp,
    /// Whether it has stood still for the sweeper's patience.
    stands_still: bool,
    /// Whether there is something that it should get on with.
    has_work: bool,
    /// Whether it has stood still for as long as its policy says.
    is_stalled: bool,
}

impl Engine {
    /// Looks after one execution that is due. One that cannot be looked after is moved on, so that it does not keep the
    /// others from being looked after.
    pub(crate) async fn look_after(
        &self,
        execution_id: ExecutionId,
        deadline: DateTime<Utc>,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        let Some(execution) = self.table.execution(execution_id).await? else {
            return Ok(());
        };
        if execution.due.is_none_or(|due| due.due_at > self.now()) {
            return Ok(());
        }
        let looked_after = self.look_at(&execution, deadline, report).await;
        if looked_after.is_err() {
            self.put_off(&execution).await?;
        }
        looked_after
    }

    async fn look_at(
        &self,
        execution: &ExecutionRow,
        deadline: DateTime<Utc>,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        match execution.status {
            ExecutionStatus::Scattering | ExecutionStatus::Running => {
                self.look_at_open(execution, deadline, report).await
            }
            ExecutionStatus::Succeeded | ExecutionStatus::Failed | ExecutionStatus::Cancelled => {
                self.finalize_counted(execution.execution_id, report).await?;
                Ok(())
            }
            ExecutionStatus::Cancelling => {
                tracing::warn!(execution_id = %execution.execution_id, "its cancel was interrupted: going on");
                self.put_off(execution).await?;
                self.cancel_segments(execution, deadline).await?;
                report.resumed += 1;
                Ok(())
            }
            ExecutionStatus::Redriving => {
                tracing::warn!(execution_id = %execution.execution_id, "its redrive was interrupted: going on");
                self.put_off(execution).await?;
                self.requeue_all(execution, deadline).await?;
                report.resumed += 1;
                Ok(())
            }
        }
    }

    async fn look_at_open(
        &self,
        execution: &ExecutionRow,
        deadline: DateTime<Utc>,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        let Finalized::Open(execution) = self.finalize_counted(execution.execution_id, report).await? else { return Ok(()) };
        let tallies = self.table.tallies(execution.execution_id, 0..execution.groups).await?;
        if let Some(reason) = early_stop::reason(&execution, &tallies, self.now()) {
            self.stop(&execution, reason, deadline).await?;
            report.stopped += 1;
            return Ok(());
        }
        let is_silent = execution.status == ExecutionStatus::Scattering
            && execution.scatter_until.is_none_or(|until| until <= self.now());
        let progress = self.progress(&execution, &tallies);
        let is_news = progress.is_stalled && execution.stalled_at.is_none();
        // Moved on first: two sweepers or scatters at once are safe, but not wanted.
        self.observe(&execution, &progress, is_news).await?;
        if progress.stands_still {
            tracing::warn!(execution_id = %execution.execution_id, "stands still: walking through it");
            self.walk(&execution, &tallies, Leases::Respected, report).await?;
        }
        if is_silent {
            self.resume_scatter(&execution, deadline, report).await?;
        }
        if is_news {
            tracing::error!(execution_id = %execution.execution_id, since = %progress.since.to_datetime(), "is stalled");
            report.stalled += 1;
            metric::EXECUTIONS_STALLED.add(1);
            self.finalize_counted(execution.execution_id, report).await?;
        }
        Ok(())
    }

    async fn resume_scatter(
        &self,
        execution: &ExecutionRow,
        deadline: DateTime<Utc>,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        tracing::warn!(execution_id = %execution.execution_id, groups = execution.groups, "its scatter is silent: going on");
        self.resume(execution.execution_id, deadline).await?;
        report.scatters_resumed += 1;
        Ok(())
    }

    /// Finalizes an execution, and counts its event if it went out.
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

    fn progress(&self, execution: &ExecutionRow, tallies: &[TallyRow]) -> Progress {
        let outcomes: u64 = tallies.iter().map(|tally| tally.size - tally.pending.min(tally.size)).sum();
        let value = outcomes + execution.segments + execution.groups_done + 1;
        let now = self.now();
        let seen_at = execution.progress_at.filter(|&at| at >= execution.started_at);
        let stood_since = seen_at.filter(|_| execution.progress_seen == Some(value));
        // Without any outcome it has stood still since its seal, whether or not it was looked at meanwhile.
        let idle_since = execution.sealed_at.filter(|_| outcomes == 0).map(|at| at.max(execution.started_at));
        let since = idle_since.or(stood_since).unwrap_or(now);
        let still_for = now.millis_since(since);
        let patience = u64::try_from(self.settings.patience.num_milliseconds()).unwrap_or(0);
        // An execution that is filled from outside, and has done all it was given, waits for its next segments.
        let has_work = tallies.iter().any(|tally| tally.pending > 0)
            || execution.status != ExecutionStatus::Scattering
            || execution.expected.is_some();
        Progress {
            value,
            since,
            // One look must have found it so before: the first segments may take their time.
            stands_still: stood_since.is_some() && still_for >= patience,
            has_work,
            is_stalled: has_work && still_for >= execution.policy.stall_after_ms,
        }
    }

    async fn observe(&self, execution: &ExecutionRow, progress: &Progress, notification: bool) -> Result<(), EngineError> {
        let Some(due) = execution.due else { return Ok(()) };
        let now = self.now();
        let request = CheckpointProgress {
            execution_id: execution.execution_id,
            seen_due_at: due.due_at,
            progress: progress.value,
            progress_at: progress.since,
            stalled_at: progress.is_stalled.then(|| execution.stalled_at.unwrap_or(now)),
            notification,
            due_at: self.next_look(execution, progress, now),
        };
        self.table.execute(&request).await?;
        Ok(())
    }

    /// After the patience; sooner with a failure, at the execution's deadline, and when a standstill is to be told.
    fn next_look(&self, execution: &ExecutionRow, progress: &Progress, now: Timestamp) -> Timestamp {
        let patience = self.settings.patience;
        let wait =
            if execution.first_failure.is_some() { patience.min(self.settings.failing_patience) } else { patience };
        let next = execution.policy.next_look(execution.started_at, now, wait);
        let may_stall = progress.has_work && !progress.is_stalled;
        if may_stall { next.min(execution.policy.stall_look(progress.since)) } else { next }
    }

    /// The end of a redrive leaves its execution due after the patience, in which the redrive itself was presumed alive. Where a
    /// standstill is to be told sooner than that, it is looked at sooner.
    pub(crate) async fn look_in_time(&self, execution: &ExecutionRow) -> Result<(), EngineError> {
        let (now, Some(due)) = (self.now(), execution.due) else { return Ok(()) };
        let due_at = execution.policy.stall_look(now);
        if due_at < due.due_at {
            self.look_again(execution, due_at, now).await?;
        }
        Ok(())
    }

    /// Due again after the patience, with its progress as it was noted.
    async fn put_off(&self, execution: &ExecutionRow) -> Result<(), EngineError> {
        let now = self.now();
        self.look_again(execution, now.plus(self.settings.patience), now).await
    }

    async fn look_again(&self, execution: &ExecutionRow, due_at: Timestamp, now: Timestamp) -> Result<(), EngineError> {
        let Some(due) = execution.due else { return Ok(()) };
        let request = CheckpointProgress {
            execution_id: execution.execution_id,
            seen_due_at: due.due_at,
            progress: execution.progress_seen.unwrap_or(0),
            progress_at: execution.progress_at.unwrap_or(now),
            stalled_at: execution.stalled_at,
            notification: false,
            due_at,
        };
        self.table.execute(&request).await?;
        Ok(())
    }
}
