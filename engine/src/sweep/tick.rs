//! One tick.

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
    /// Items that were due.
    pub due: u64,
    /// Records put again: retries, lost records, lost workers.
    pub records_put: u64,
    /// Segments whose last allowed attempt was lost: failed.
    pub given_up: u64,
    /// Finished segments that were not counted: counted.
    pub tallied: u64,
    /// Finished tallies that were not folded: folded.
    pub folded: u64,
    /// Executions whose completion event went out.
    pub published: u64,
    /// Scatters that were gone on with.
    pub scatters_resumed: u64,
    /// Cancels and redrives that were gone on with.
    pub resumed: u64,
    /// Executions that were stopped: their time was up, or too much had failed.
    pub stopped: u64,
    /// Executions that stand still for longer than their policy says, and were not known to.
    pub stalled: u64,
    /// Items that could not be looked after, and stay due.
    pub failed: u64,
}

impl Engine {
    /// Looks after everything that is due, up to the settings' bound and until `deadline`.
    ///
    /// An item that cannot be looked after is logged and counted; the others are looked after all the same.
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
                if let Err(error) = self.look_after(execution_id, deadline, report).await {
                    tracing::error!(%execution_id, %error, "stays due");
                    report.failed += 1;
                }
            }
            // What failed is still at the head of the index: the next page would be the same one.
            let is_last = due.len() < usize::from(self.settings.page);
            if is_last || report.failed > failed_before || self.clock.now() >= deadline {
                break;
            }
        }
        Ok(())
    }
}
