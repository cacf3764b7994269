//! After a restart of the local runner: everything that is open is looked at, due or not.
//!
//! The embedded Kinesis keeps its records in memory, so they are gone; and no worker of the process before lives.

use chrono::{DateTime, Utc};
use control_table::id::ExecutionId;
use control_table::rows::{DueShard, ExecutionStatus};

use crate::error::EngineError;
use crate::sweep::SweepReport;
use crate::Engine;
use crate::sweep::Leases;

impl Engine {
    /// The executions that are open or unpublished: every one of them is in the due index.
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

    /// Puts again what an execution had in the stream, takes segments back from workers that are gone, goes on with its scatter,
    /// and settles it if nothing else was missing.
    ///
    /// # Errors
    /// When a step fails; recovering again goes on where this stopped.
    pub async fn recover(&self, execution_id: ExecutionId, deadline: DateTime<Utc>) -> Result<SweepReport, EngineError> {
        let mut report = SweepReport::default();
        let Some(execution) = self.table.execution(execution_id).await? else {
            return Ok(report);
        };
        if matches!(execution.status, ExecutionStatus::Scattering | ExecutionStatus::Running) {
            let tallies = self.table.tallies(execution_id, 0..execution.groups).await?;
            self.walk(&execution, &tallies, Leases::Ended, &mut report).await?;
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
