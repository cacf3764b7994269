//! An execution that is due.

use crate::gather::Finalized;
use chrono::{DateTime, Utc};
use control_table::clock::Timestamp;
use control_table::id::ExecutionId;
use control_table::metric;
use control_table::operation::CheckpointProgress;
use control_table::rows::{ExecutionRow, ExecutionStatus, TallyRow};

use crate::Engine;
use crate::error::EngineError;
use crate::sweep::Leases;
use crate::sweep::SweepReport;
use crate::sweep::early_stop;

/// The progress of an execution, compared with the sweeper's last check.
struct Progress {
    /// A number that changes whenever the execution makes progress.
    value: u64,
    /// The last known moment of progress.
    since: Timestamp,
    /// Whether it has made no progress for the sweeper's patience.
    is_idle: bool,
    /// Whether it has work to make progress with.
    has_work: bool,
    /// Whether it has made no progress for as long as its policy allows.
    is_stalled: bool,
}

impl Engine {
    /// Handles one due execution. One that fails becomes due later, so that it does not hold up the others.
    pub(crate) async fn sweep_execution(
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
        let swept = self.sweep_by_status(&execution, deadline, report).await;
        if swept.is_err() {
            self.defer(&execution).await?;
        }
        swept
    }

    async fn sweep_by_status(
        &self,
        execution: &ExecutionRow,
        deadline: DateTime<Utc>,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        match execution.status {
            ExecutionStatus::Scattering | ExecutionStatus::Running => {
                self.sweep_open(execution, deadline, report).await
            }
            ExecutionStatus::Succeeded | ExecutionStatus::Failed | ExecutionStatus::Cancelled => {
                self.finalize_counted(execution.execution_id, report).await?;
                Ok(())
            }
            ExecutionStatus::Cancelling => {
                tracing::info!(execution_id = %execution.execution_id, "the sweeper continues its cancel");
                self.defer(execution).await?;
                self.cancel_segments(execution, deadline).await?;
                report.resumed += 1;
                Ok(())
            }
            ExecutionStatus::Redriving => {
                tracing::info!(execution_id = %execution.execution_id, "the sweeper continues its redrive");
                self.defer(execution).await?;
                self.requeue_all(execution, deadline).await?;
                report.resumed += 1;
                Ok(())
            }
        }
    }

    async fn sweep_open(
        &self,
        execution: &ExecutionRow,
        deadline: DateTime<Utc>,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        let Finalized::Open(execution) = self.finalize_counted(execution.execution_id, report).await? else {
            return Ok(());
        };
        let tallies = self.table.tallies(execution.execution_id, 0..execution.groups).await?;
        if let Some(reason) = early_stop::reason(&execution, &tallies, self.now()) {
            self.stop(&execution, reason, deadline).await?;
            report.stopped += 1;
            return Ok(());
        }
        let is_silent = execution.status == ExecutionStatus::Scattering
            && execution.scatter_until.is_none_or(|until| until <= self.now());
        let progress = self.progress(&execution, &tallies);
        let newly_stalled = progress.is_stalled && execution.stalled_at.is_none();
        // Deferred first: concurrent sweepers or scatters are safe, but wasteful.
        self.checkpoint(&execution, &progress, newly_stalled).await?;
        if progress.is_idle {
            tracing::warn!(execution_id = %execution.execution_id, "makes no progress: healing it");
            self.heal(&execution, &tallies, Leases::Respected, report).await?;
        }
        if is_silent {
            self.resume_scatter(&execution, deadline, report).await?;
        }
        if newly_stalled {
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
        tracing::warn!(execution_id = %execution.execution_id, groups = execution.groups, "its scatter is silent: continuing it");
        self.resume(execution.execution_id, deadline).await?;
        report.scatters_resumed += 1;
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

    fn progress(&self, execution: &ExecutionRow, tallies: &[TallyRow]) -> Progress {
        let outcomes: u64 = tallies.iter().map(|tally| tally.size - tally.pending.min(tally.size)).sum();
        let value = outcomes + execution.segments + execution.groups_done + 1;
        let now = self.now();
        let seen_at = execution.progress_at.filter(|&at| at >= execution.started_at);
        let unchanged_since = seen_at.filter(|_| execution.progress_seen == Some(value));
        // Without any outcome it has made no progress since its seal, whether or not a sweeper saw it meanwhile.
        let idle_since = execution.sealed_at.filter(|_| outcomes == 0).map(|at| at.max(execution.started_at));
        let since = idle_since.or(unchanged_since).unwrap_or(now);
        let idle_for = now.millis_since(since);
        let patience = u64::try_from(self.settings.patience.num_milliseconds()).unwrap_or(0);
        // An external execution whose segments all have an outcome waits for its caller.
        let has_work = tallies.iter().any(|tally| tally.pending > 0)
            || execution.status != ExecutionStatus::Scattering
            || execution.expected.is_some();
        Progress {
            value,
            since,
            // An earlier check must have seen the same progress: the first segments may be slow.
            is_idle: unchanged_since.is_some() && idle_for >= patience,
            has_work,
            is_stalled: has_work && idle_for >= execution.policy.stall_after_ms,
        }
    }

    async fn checkpoint(
        &self,
        execution: &ExecutionRow,
        progress: &Progress,
        notification: bool,
    ) -> Result<(), EngineError> {
        let Some(due) = execution.due else { return Ok(()) };
        let now = self.now();
        let request = CheckpointProgress {
            execution_id: execution.execution_id,
            seen_due_at: due.due_at,
            progress: progress.value,
            progress_at: progress.since,
            stalled_at: progress.is_stalled.then(|| execution.stalled_at.unwrap_or(now)),
            notification,
            due_at: self.next_check(execution, progress, now),
        };
        self.table.execute(&request).await?;
        Ok(())
    }

    /// After the patience; sooner with a failure, at the execution's deadline, and when a stall must be reported.
    fn next_check(&self, execution: &ExecutionRow, progress: &Progress, now: Timestamp) -> Timestamp {
        let patience = self.settings.patience;
        let wait =
            if execution.first_failure.is_some() { patience.min(self.settings.failing_patience) } else { patience };
        let next = execution.policy.next_look(execution.started_at, now, wait);
        let may_stall = progress.has_work && !progress.is_stalled;
        if may_stall { next.min(execution.policy.stall_look(progress.since)) } else { next }
    }

    /// A redrive leaves its execution due after the patience. If its policy reports a stall sooner than that, it becomes due sooner.
    pub(crate) async fn advance_stall_check(&self, execution: &ExecutionRow) -> Result<(), EngineError> {
        let (now, Some(due)) = (self.now(), execution.due) else { return Ok(()) };
        let due_at = execution.policy.stall_look(now);
        if due_at < due.due_at {
            self.reschedule(execution, due_at, now).await?;
        }
        Ok(())
    }

    /// Makes the execution due again after the patience, with its progress unchanged.
    async fn defer(&self, execution: &ExecutionRow) -> Result<(), EngineError> {
        let now = self.now();
        self.reschedule(execution, now.plus(self.settings.patience), now).await
    }

    async fn reschedule(&self, execution: &ExecutionRow, due_at: Timestamp, now: Timestamp) -> Result<(), EngineError> {
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
