//! An execution that is due to be looked at.

use chrono::{DateTime, Utc};
use control_table::id::ExecutionId;
use control_table::item::{ExecutionRow, ExecutionStatus, TallyRow};
use control_table::op::Observe;
use gather::{SettleError, Settled};

use crate::error::SweepError;
use crate::sweep::{SweepReport, Sweeper};
use crate::walk::Leases;

impl Sweeper {
    /// Looks after one execution that is due.
    pub(crate) async fn look_after(
        &self,
        execution_id: ExecutionId,
        deadline: DateTime<Utc>,
        report: &mut SweepReport,
    ) -> Result<(), SweepError> {
        let Some(execution) = self.table.execution(execution_id).await? else {
            return Ok(());
        };
        let now = self.clock.timestamp();
        let is_due = execution.due.is_some_and(|due| due.due_at <= now);
        match execution.status {
            _ if !is_due => Ok(()),
            ExecutionStatus::Scattering => self.resume_scatter(&execution, deadline, report).await,
            ExecutionStatus::Running
            | ExecutionStatus::Succeeded
            | ExecutionStatus::Failed
            | ExecutionStatus::Cancelled
            | ExecutionStatus::Cancelling
            | ExecutionStatus::Redriving => self.settle_or_walk(&execution, report).await,
        }
    }

    /// Each commit of a group moves the execution's moment on, so a scatter that is due has been silent for the patience. It
    /// is moved on first: two scatters at once are safe, but not wanted.
    async fn resume_scatter(
        &self,
        execution: &ExecutionRow,
        deadline: DateTime<Utc>,
        report: &mut SweepReport,
    ) -> Result<(), SweepError> {
        tracing::warn!(execution_id = %execution.execution_id, groups = execution.groups, "its scatter is silent: going on");
        self.observe(execution, 0).await?;
        self.scatter.resume(execution.execution_id, deadline).await?;
        report.scatters_resumed += 1;
        Ok(())
    }

    /// An execution that cannot be settled and has not moved on since the last look is walked through.
    async fn settle_or_walk(&self, execution: &ExecutionRow, report: &mut SweepReport) -> Result<(), SweepError> {
        match self.settle(execution.execution_id, report).await {
            Ok(Settled::Open(_)) => self.watch(execution, report).await?,
            Ok(Settled::Published(_) | Settled::AlreadyPublished | Settled::Missing) => {}
            Err(error) => {
                // Later, so that one bus that does not answer does not keep the others from being looked after.
                self.observe(execution, 0).await?;
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Settles an execution, and counts its event if it went out.
    pub(crate) async fn settle(
        &self,
        execution_id: ExecutionId,
        report: &mut SweepReport,
    ) -> Result<Settled, SettleError> {
        let settled = self.settler.settle(execution_id).await?;
        if matches!(settled, Settled::Published(_)) {
            report.published += 1;
        }
        Ok(settled)
    }

    async fn watch(&self, execution: &ExecutionRow, report: &mut SweepReport) -> Result<(), SweepError> {
        let tallies = self.table.tallies(execution.execution_id, 0..execution.groups).await?;
        let progress = progress(execution, &tallies);
        if execution.progress_seen == Some(progress) {
            tracing::warn!(execution_id = %execution.execution_id, "stands still: walking through it");
            self.walk(execution, &tallies, Leases::Respected, report).await?;
        }
        self.observe(execution, progress).await
    }

    async fn observe(&self, execution: &ExecutionRow, progress: u64) -> Result<(), SweepError> {
        let Some(due) = execution.due else { return Ok(()) };
        let due_at = self.clock.timestamp().plus(self.settings.patience);
        let execution_id = execution.execution_id;
        let moved = execution.progress_seen != Some(progress);
        let now = self.clock.timestamp();
        let progress_at = execution.progress_at.filter(|_| !moved).unwrap_or(now);
        let request = Observe {
            execution_id,
            seen_due_at: due.due_at,
            progress,
            progress_at,
            stalled_at: None,
            notice: false,
            due_at,
        };
        self.table.observe(&request).await?;
        Ok(())
    }
}

/// A number that changes whenever a segment of this generation gets its outcome, or a group is added or folded.
fn progress(execution: &ExecutionRow, tallies: &[TallyRow]) -> u64 {
    let outcomes: u64 = tallies.iter().map(|tally| tally.size - tally.pending.min(tally.size)).sum();
    outcomes + execution.segments + execution.groups_done + 1
}
