//! Recovery on one machine: a process continues an execution of another one that has ended, or hangs. It is healed, due or not: the
//! records in the other process's memory are lost.

use chrono::{DateTime, Utc};
use control_table::id::ExecutionId;
use control_table::rows::{DueShard, ExecutionStatus};

use crate::Engine;
use crate::error::EngineError;
use crate::sweep::Leases;
use crate::sweep::SweepReport;

impl Engine {
    /// The executions that are open or unpublished, oldest first: all of them are in the due index.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn open_executions(&self) -> Result<Vec<ExecutionId>, EngineError> {
        let mut open = Vec::new();
        for shard in DueShard::all() {
            open.extend(self.table.open_executions(shard).await?);
        }
        open.sort();
        Ok(open)
    }

    /// Sends the records of an execution again, releases the leases of the earlier process's workers if they have ended, continues its
    /// scatter, cancel or redrive, and finalizes it.
    ///
    /// # Errors
    /// When a step fails; recovering again continues.
    pub async fn recover(
        &self,
        execution_id: ExecutionId,
        leases: Leases,
        deadline: DateTime<Utc>,
    ) -> Result<SweepReport, EngineError> {
        let mut report = SweepReport::default();
        let Some(execution) = self.table.execution(execution_id).await? else {
            return Ok(report);
        };
        if matches!(execution.status, ExecutionStatus::Scattering | ExecutionStatus::Running) {
            let tallies = self.table.tallies(execution_id, 0..execution.groups).await?;
            self.heal(&execution, &tallies, leases, &mut report).await?;
        }
        match execution.status {
            ExecutionStatus::Scattering => {
                self.resume(execution_id, deadline).await?;
                report.scatters_resumed += 1;
            }
            ExecutionStatus::Cancelling => {
                self.cancel_segments(&execution, deadline).await?;
                report.resumed += 1;
            }
            ExecutionStatus::Redriving => {
                self.requeue_all(&execution, deadline).await?;
                report.resumed += 1;
            }
            ExecutionStatus::Running
            | ExecutionStatus::Succeeded
            | ExecutionStatus::Failed
            | ExecutionStatus::Cancelled => {}
        }
        self.finalize_counted(execution_id, &mut report).await?;
        tracing::info!(%execution_id, ?report, "recovered");
        Ok(report)
    }
}
