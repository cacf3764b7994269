//! Repairing an execution: its tallies and its sums are recounted from its rows, what differs is shown and put right, and
//! completion follows.
//!
//! One group at a time, so memory does not grow with the execution. Every correction is a write on the condition that the row
//! is still the one that was seen; if it is not, that group, or the execution, is counted again. So a repair may run beside
//! workers, folds and redrives, may be interrupted, and may be repeated.

mod group;
mod specs;
mod sums;

use std::collections::BTreeMap;

use control_table::id::ExecutionId;
use control_table::item::{Due, ExecutionRow, ExecutionStatus, PlanRow, TallyRow};
use control_table::op::{Fold, Restore};
use control_table::repair::{self, Against, Difference, Seen};
use serde::Serialize;

use crate::cancel::GROUPS_AT_ONCE;
use crate::error::SweepError;
use crate::sweep::{SweepReport, Sweeper};
use crate::walk::Leases;

/// Times that a group, or the execution, is read before it is left alone as too busy. Each time something else wrote to it
/// between two reads that are milliseconds apart.
const LOOKS: usize = 8;

/// What a repair may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepairMode {
    /// Say what is wrong, and change nothing.
    DryRun,
    /// Put it right.
    Correct,
}

/// What a repair found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RepairReport {
    /// What is wrong, or was until now.
    pub differences: Vec<Difference>,
    /// Items that seemed wrong and changed each time they were looked at: repair again when the execution is quieter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsettled: Vec<String>,
}

/// One repair under way.
struct Repair<'a> {
    sweeper: &'a Sweeper,
    mode: RepairMode,
    execution: ExecutionRow,
    plan: Option<PlanRow>,
    /// What a dry run would have made of tallies, by group: only the damaged ones.
    would_be: BTreeMap<u64, TallyRow>,
    report: RepairReport,
}

impl Sweeper {
    /// Recounts an execution from its segment rows, and puts right what differs if the mode says so.
    ///
    /// An execution whose item is gone is a difference that cannot be repaired, and so is a lost plan.
    ///
    /// # Errors
    /// When the table, the stream or the bus does not answer, or a row cannot be read at all. What was put right stays so;
    /// repairing again goes on.
    pub async fn repair(&self, execution_id: ExecutionId, mode: RepairMode) -> Result<RepairReport, SweepError> {
        let plan = self.table.plan(execution_id).await?;
        let Some(seen) = self.table.seen_execution(execution_id).await? else {
            let tallies =
                self.table.seen_tallies(execution_id, &(0..GROUPS_AT_ONCE as u64).collect::<Vec<_>>()).await?;
            let missing = repair::execution_missing(execution_id, plan.is_some(), tallies.len());
            return Ok(RepairReport { differences: vec![missing], unsettled: vec![] });
        };
        let (execution, report) = (seen.row, RepairReport::default());
        let mut repair = Repair { sweeper: self, mode, execution, plan, would_be: BTreeMap::new(), report };
        // Boxed, so that the futures of callers stay small.
        Box::pin(repair.carry_out()).await?;
        let differences = repair.report.differences.len();
        tracing::info!(%execution_id, ?mode, differences, "recounted");
        Ok(repair.report)
    }
}

impl Repair<'_> {
    async fn carry_out(&mut self) -> Result<(), SweepError> {
        if self.plan.is_none() {
            self.report.differences.push(repair::plan_missing(&self.execution));
        }
        let groups: Vec<u64> = (0..self.groups(&self.execution).await?).collect();
        for groups in groups.chunks(GROUPS_AT_ONCE) {
            let mut tallies = self.tallies(groups).await?;
            for &group in groups {
                let tally = tallies.remove(&group);
                self.check_group(self.execution.execution_id.group(group), tally).await?;
            }
        }
        self.check_execution().await?;
        self.check_key().await?;
        if self.mode == RepairMode::Correct {
            self.let_completion_follow().await?;
        }
        Ok(())
    }

    fn against(&self) -> Against<'_> {
        // The one source that cuts nothing itself.
        let is_planned = self.plan.as_ref().is_some_and(|plan| plan.source["type"] != "external");
        Against { execution: &self.execution, is_planned, now: self.sweeper.clock.timestamp() }
    }

    async fn tallies(&self, groups: &[u64]) -> Result<BTreeMap<u64, Seen<TallyRow>>, SweepError> {
        let tallies = self.sweeper.table.seen_tallies(self.execution.execution_id, groups).await?;
        Ok(tallies.into_iter().map(|seen| (seen.row.group.group, seen)).collect())
    }

    /// Folds what is finished, and settles. If something was wrong, somebody may have stood still because of it: then the
    /// execution is due at once, and what runs is walked through now.
    async fn let_completion_follow(&self) -> Result<(), SweepError> {
        let (table, execution_id) = (&self.sweeper.table, self.execution.execution_id);
        let Some(execution) = table.execution(execution_id).await? else { return Ok(()) };
        self.fold(&execution).await?;
        let was_damaged = !self.report.differences.is_empty();
        if was_damaged && !execution.status.is_terminal() {
            self.make_due(execution.clone()).await?;
        }
        let is_walked = matches!(execution.status, ExecutionStatus::Running | ExecutionStatus::Scattering);
        if was_damaged && is_walked {
            let tallies = table.tallies(execution_id, 0..execution.groups).await?;
            self.sweeper.walk(&execution, &tallies, Leases::Respected, &mut SweepReport::default()).await?;
        }
        self.sweeper.settle(execution_id, &mut SweepReport::default()).await?;
        Ok(())
    }

    /// Whoever moves it on meanwhile sees to it just as well, so that is no reason to try again.
    async fn make_due(&self, execution: ExecutionRow) -> Result<(), SweepError> {
        let due = Some(Due::execution(execution.execution_id, self.sweeper.clock.timestamp()));
        let row = ExecutionRow { due, ..execution.clone() };
        self.sweeper.table.restore(&Restore::of(Some(&Seen::from(execution)), row)).await?;
        Ok(())
    }

    async fn fold(&self, execution: &ExecutionRow) -> Result<(), SweepError> {
        let (execution_id, generation) = (execution.execution_id, execution.generation);
        let groups: Vec<u64> = (0..execution.groups).collect();
        for groups in groups.chunks(GROUPS_AT_ONCE) {
            let mut tallies = self.sweeper.table.tallies_of(execution_id, groups).await?;
            tallies.retain(|tally| tally.pending == 0 && tally.generation == generation && tally.folded != generation);
            if !tallies.is_empty() {
                self.sweeper.table.fold(&Fold { execution_id, generation, tallies }).await?;
            }
        }
        Ok(())
    }
}
