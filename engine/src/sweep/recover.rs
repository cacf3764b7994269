//! Recovery after a restart on one machine: every open execution is healed, due or not.
//!
//! The embedded Kinesis keeps its records in memory, so they are lost; and no worker of the earlier process lives.

use chrono::{DateTime, Utc};
use control_table::id::ExecutionId;
use control_table::rows::{ExecutionRow, ExecutionStatus};

use crate::Engine;
use crate::error::EngineError;
use crate::sweep::Lost;
use crate::sweep::SweepReport;

impl Engine {
    /// The executions that are open or unpublished, oldest first: all of them are in the due index.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn open_executions(&self) -> Result<Vec<ExecutionId>, EngineError> {
        let mut open = self.table.open_executions().await?;
        open.sort();
        Ok(open)
    }

    /// Sends the records of an execution again, releases the leases of the earlier process's workers, continues its scatter, cancel
    /// or redrive, and finalizes it.
    ///
    /// # Errors
    /// When a step fails; recovering again continues.
    pub async fn recover(
        &self,
        execution_id: ExecutionId,
        deadline: DateTime<Utc>,
    ) -> Result<SweepReport, EngineError> {
        let mut report = SweepReport::default();
        let Some(execution) = self.table.execution(execution_id).await? else {
            return Ok(report);
        };
        match execution.status {
            ExecutionStatus::Scattering => {
                self.heal_abandoned(execution_id, &mut report).await?;
                self.resume(execution_id, deadline).await?;
                report.scatters_resumed += 1;
            }
            ExecutionStatus::Running => self.heal_abandoned(execution_id, &mut report).await?,
            ExecutionStatus::Cancelling => {
                self.cancel_segments(&execution, deadline).await?;
                report.resumed += 1;
                // Outcomes that the earlier process recorded and did not count.
                self.heal_abandoned(execution_id, &mut report).await?;
            }
            ExecutionStatus::Redriving => {
                self.requeue_all(&execution, deadline).await?;
                report.resumed += 1;
                // Of the groups before the one at which it stopped, workers had begun some segments.
                self.heal_abandoned(execution_id, &mut report).await?;
            }
            ExecutionStatus::Succeeded | ExecutionStatus::Failed | ExecutionStatus::Cancelled => {}
        }
        self.finalize_counted(execution_id, &mut report).await?;
        tracing::info!(%execution_id, ?report, "recovered");
        Ok(report)
    }

    /// Heals every group of an execution whose workers are gone.
    async fn heal_abandoned(&self, execution_id: ExecutionId, report: &mut SweepReport) -> Result<(), EngineError> {
        let execution = self.load(execution_id).await?;
        self.heal_all(&execution, Lost::All, report).await
    }

    /// Heals every group with a pending segment, and folds those without.
    pub(crate) async fn heal_all(
        &self,
        execution: &ExecutionRow,
        lost: Lost,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        let execution_id = execution.execution_id;
        let mut tallies = self.table.tallies(execution_id, execution.open_from..execution.groups).await?;
        tallies.retain(|tally| tally.pending > 0);
        self.heal(execution, &tallies, lost, DateTime::<Utc>::MAX_UTC, report).await?;
        if execution.admitted_until.is_some() {
            self.heal_slots(execution, lost, report).await?;
        }
        self.fold_finished(execution, report).await
    }
}
