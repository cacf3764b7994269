//! One tick of the sweeper.

use chrono::{DateTime, Utc};
use control_table::metric;
use control_table::read::DueItem;
use control_table::rows::DueShard;
use serde::Serialize;

use crate::Engine;
use crate::error::EngineError;
use crate::plan_cache::Plans;

/// What one sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    /// Rows that were due.
    pub due: u64,
    /// Records sent again: retries, lost records, lost workers.
    pub records_put: u64,
    /// Segments that failed because their last allowed attempt was lost.
    pub given_up: u64,
    /// Finished segments that their worker had not counted.
    pub tallied: u64,
    /// Finished tallies that gather had not folded.
    pub folded: u64,
    /// Executions whose completion event was published.
    pub published: u64,
    /// Scatters that were continued.
    pub scatters_resumed: u64,
    /// Cancels and redrives that were continued.
    pub resumed: u64,
    /// Executions that were stopped: they timed out, or too many segments failed.
    pub stopped: u64,
    /// Executions that made no progress for longer than their policy allows, seen for the first time.
    pub stalled: u64,
    /// Rows that failed, and stay due.
    pub failed: u64,
}

impl Engine {
    /// Handles everything that is due, up to the settings' bound and until `deadline`. A row that fails is logged and counted, and
    /// does not hold up the others.
    ///
    /// # Errors
    /// When the due index cannot be read.
    pub async fn sweep(&self, deadline: DateTime<Utc>) -> Result<SweepReport, EngineError> {
        let (mut report, mut plans) = (SweepReport::default(), Plans::default());
        for shard in DueShard::all() {
            self.sweep_shard(shard, deadline, &mut plans, &mut report).await?;
        }
        metric::SWEEP_RECORDS_PUT.add(report.records_put);
        metric::SEGMENTS_FAILED.add(report.given_up);
        if report.due > 0 {
            tracing::info!(?report, "swept");
        }
        Ok(report)
    }

    async fn sweep_shard(
        &self,
        shard: DueShard,
        deadline: DateTime<Utc>,
        plans: &mut Plans,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        for _ in 0..self.settings.pages {
            let now = self.now();
            let due = self.table.due(shard, now, self.settings.page).await?;
            let (mut segments, mut executions) = (Vec::new(), Vec::new());
            for item in &due {
                match item {
                    DueItem::Segment(id) => segments.push(*id),
                    DueItem::Execution(id) => executions.push(*id),
                }
            }
            let failed_before = report.failed;
            report.due += due.len() as u64;
            self.retry(&segments, now, plans, report).await;
            for execution_id in executions {
                if let Err(error) = self.sweep_execution(execution_id, deadline, report).await {
                    tracing::error!(%execution_id, %error, "stays due");
                    report.failed += 1;
                }
            }
            // A failed row stays at the head of the index, so the next page would be the same one.
            let is_last = due.len() < usize::from(self.settings.page);
            if is_last || report.failed > failed_before || self.clock.now() >= deadline {
                break;
            }
        }
        Ok(())
    }
}
