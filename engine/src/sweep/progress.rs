//! Whether an open execution makes progress.

use control_table::clock::Timestamp;
use control_table::operation::CheckpointProgress;
use control_table::rows::{ExecutionRow, ExecutionStatus};

use super::survey::Survey;
use crate::Engine;
use crate::error::EngineError;

/// The progress of an execution, compared with the sweeper's last check.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a finding of its own")]
pub(crate) struct Progress {
    /// A number that changes whenever the execution makes progress.
    pub value: u64,
    /// The last known moment of progress.
    pub since: Timestamp,
    /// Whether it has made no progress for the sweeper's patience.
    pub is_idle: bool,
    /// Whether it has work to make progress with.
    pub has_work: bool,
    /// Whether it has made no progress for as long as its policy allows, though its records do not wait behind those of others.
    pub is_stalled: bool,
    /// Whether the records that it needs next wait in the stream, behind others.
    pub waits_in_stream: bool,
}

impl Engine {
    /// The progress of an execution, if none of its records waits in the stream.
    pub(crate) fn progress(&self, execution: &ExecutionRow, survey: &Survey) -> Progress {
        let outcomes = execution.succeeded + execution.failed + execution.cancelled + survey.outcomes;
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
        let has_work =
            survey.has_pending() || execution.status != ExecutionStatus::Scattering || execution.expected.is_some();
        let is_idle = unchanged_since.is_some() && idle_for >= patience;
        let is_stalled = has_work && idle_for >= execution.policy.stall_after_ms;
        Progress { value, since, is_idle, has_work, is_stalled, waits_in_stream: false }
    }

    /// The checkpoint of an execution with its progress as it was.
    pub(crate) fn unchanged(
        &self,
        execution: &ExecutionRow,
        seen_due_at: Timestamp,
        due_at: Timestamp,
    ) -> CheckpointProgress {
        CheckpointProgress {
            execution_id: execution.execution_id,
            seen_due_at,
            progress: execution.progress_seen.unwrap_or(0),
            progress_at: execution.progress_at.unwrap_or_else(|| self.now()),
            stalled_at: execution.stalled_at,
            notification: false,
            open_from: execution.open_from,
            heal_cursor: execution.heal_cursor,
            healed_at: execution.healed_at,
            lost_at: execution.lost_at,
            waits_in_stream: execution.waits_in_stream,
            due_at,
        }
    }

    /// Makes an execution due at another moment, with its progress as it was.
    pub(crate) async fn reschedule(&self, execution: &ExecutionRow, due_at: Timestamp) -> Result<(), EngineError> {
        if let Some(due) = execution.due {
            self.table.execute(&self.unchanged(execution, due.due_at, due_at)).await?;
        }
        Ok(())
    }
}
