//! Repair: recounts an execution's tallies and sums from its segments' rows, corrects what differs, and lets completion follow.
//!
//! One group at a time, so memory does not grow with the execution. Every correction is a compare-and-swap on one row; if the row
//! has changed since it was read, the repair recounts it. So a repair may run beside workers, gather and a redrive, may be
//! interrupted, and may be repeated. An execution that only this program wrote has nothing to repair: the dry run is the check
//! that tests use.

use std::collections::BTreeMap;

use control_table::Error;
use control_table::clock::Timestamp;
use control_table::id::{ExecutionId, GroupId};
use control_table::limits::MAX_SEGMENTS;
use control_table::operation::{OverwriteIfUnchanged, OverwriteOutcome};
use control_table::recount::{Correction, Difference, Sums, recount_execution, recount_group};
use control_table::rows::{Due, ExecutionRow, ExecutionStatus, PlanKind, Row, TallyRow};
use serde::Serialize;
use serde_json::Value;

use super::GROUPS_AT_ONCE;
use crate::Engine;
use crate::error::EngineError;
use crate::sweep::{Lost, Patience, SweepReport};

/// Recounts of one row before the repair leaves it as unsettled. Each further one means that a worker or gather changed the row
/// between two reads that are milliseconds apart.
const MAX_RECOUNTS: usize = 8;

/// What a repair may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepairMode {
    /// Report the differences, and change nothing.
    DryRun,
    /// Correct them.
    Correct,
}

/// What a repair found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RepairReport {
    /// The differences: corrected, unless a dry run or beyond repair.
    pub differences: Vec<Difference>,
    /// Rows that changed in every recount: repair again when fewer workers are active.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsettled: Vec<String>,
}

/// One repair.
struct Repair<'a> {
    engine: &'a Engine,
    mode: RepairMode,
    execution: ExecutionRow,
    kind: PlanKind,
    /// Corrected tallies of a dry run, by group: only those that differ.
    corrected: BTreeMap<u64, TallyRow>,
    /// Whether a tally is lost for good, so that the sums cannot be recounted.
    is_tally_lost: bool,
    report: RepairReport,
}

impl Engine {
    /// Recounts an execution from the rows of its segments, and corrects what differs if the mode says so.
    ///
    /// # Errors
    /// When the table, the stream or the bus does not answer, or the execution's row cannot be read. Corrections stay; repairing
    /// again continues.
    pub async fn repair(&self, execution_id: ExecutionId, mode: RepairMode) -> Result<RepairReport, EngineError> {
        let Some(execution) = self.table.execution(execution_id).await? else {
            let correction =
                "check the ID, and whether its retention has passed. If not, run the job again with another key";
            let row = format!("execution {execution_id}");
            let differences = vec![Difference::beyond_repair(row, Value::Null, correction.to_owned())];
            return Ok(RepairReport { differences, unsettled: Vec::new() });
        };
        let mut report = RepairReport::default();
        let kind = self.kind_of(&execution, &mut report).await?;
        let corrected = BTreeMap::new();
        let mut repair = Repair { engine: self, mode, execution, kind, corrected, is_tally_lost: false, report };
        // Boxed, so that the futures of callers stay small.
        Box::pin(repair.run()).await?;
        let differences = repair.report.differences.len();
        tracing::info!(%execution_id, ?mode, differences, "recounted");
        Ok(repair.report)
    }

    /// The kind of the execution's plan. Without a plan the rows of a group are taken as they are.
    async fn kind_of(&self, execution: &ExecutionRow, report: &mut RepairReport) -> Result<PlanKind, EngineError> {
        let found = match self.table.plan(execution.execution_id).await {
            Ok(Some(plan)) => return Ok(plan.kind),
            Ok(None) => Value::Null,
            Err(error @ Error::Corrupt { .. }) => error.to_string().into(),
            Err(error) => return Err(error.into()),
        };
        let correction = if execution.status.is_terminal() {
            "no segment waits for it, but a redrive cannot send records"
        } else {
            "segments without an outcome get no record again. Cancel the execution, and run the job again with another key"
        };
        let row = format!("plan {}", execution.execution_id);
        report.differences.push(Difference::beyond_repair(row, found, correction.to_owned()));
        Ok(PlanKind::External)
    }
}

impl Repair<'_> {
    async fn run(&mut self) -> Result<(), EngineError> {
        let groups = self.groups(&self.execution).await?;
        for groups in groups.chunks(GROUPS_AT_ONCE) {
            let mut tallies = self.tallies(groups).await?;
            for &group in groups {
                let tally = tallies.remove(&group).transpose();
                self.repair_group(self.execution.execution_id.group(group), tally).await?;
            }
        }
        self.repair_execution().await?;
        if self.mode == RepairMode::Correct {
            self.let_completion_follow().await?;
        }
        Ok(())
    }

    /// The execution's groups: those that its row counts, and groups after them that have a tally.
    async fn groups(&self, execution: &ExecutionRow) -> Result<Vec<u64>, EngineError> {
        let mut groups: Vec<u64> = (0..execution.groups.min(MAX_SEGMENTS)).collect();
        loop {
            let first = groups.len() as u64;
            let next: Vec<u64> = (first..first + GROUPS_AT_ONCE as u64).collect();
            let tallies = self.tallies(&next).await?;
            groups.extend(next.iter().take_while(|group| tallies.contains_key(group)));
            if groups.len() as u64 != first + GROUPS_AT_ONCE as u64 {
                return Ok(groups);
            }
        }
    }

    /// The tallies of these groups that exist, by group; an error for one that cannot be read.
    async fn tallies(&self, groups: &[u64]) -> Result<BTreeMap<u64, Result<TallyRow, Error>>, EngineError> {
        match self.engine.table.tallies_of(self.execution.execution_id, groups).await {
            Ok(tallies) => Ok(tallies.into_iter().map(|tally| (tally.group.group, Ok(tally))).collect()),
            // The error names one of them; reading each alone finds all.
            Err(Error::Corrupt { .. }) if groups.len() > 1 => {
                let mut found = BTreeMap::new();
                for &group in groups {
                    found.extend(Box::pin(self.tallies(&[group])).await?);
                }
                Ok(found)
            }
            Err(error @ Error::Corrupt { .. }) => {
                Ok(groups.first().map(|&group| (group, Err(error))).into_iter().collect())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Recounts one group. Most groups agree at once. A difference counts only if neither the tally nor the execution has changed
    /// since: a redrive may have begun in between.
    async fn repair_group(
        &mut self,
        group: GroupId,
        mut tally: Result<Option<TallyRow>, Error>,
    ) -> Result<(), EngineError> {
        for _ in 0..MAX_RECOUNTS {
            let stored = match tally {
                Ok(stored) => stored,
                Err(error) => {
                    self.is_tally_lost = true;
                    self.beyond_repair(format!("tally {group}"), &error);
                    return Ok(());
                }
            };
            let rows = match self.engine.table.group_segments(group, None).await {
                Ok(rows) => rows,
                Err(error @ Error::Corrupt { .. }) => {
                    self.is_tally_lost |= stored.is_none();
                    self.beyond_repair(format!("a segment of group {group}"), &error);
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            };
            let now = self.engine.now();
            let recount = recount_group(&self.execution, self.kind, group, stored.clone(), &rows, now);
            let agrees = recount.missing.is_empty() && recount.correction.is_none();
            if agrees {
                return Ok(());
            }
            tally = self.tallies(&[group.group]).await?.remove(&group.group).transpose();
            let is_unchanged = !self.execution_changed().await? && tally.as_ref().ok() == Some(&stored);
            if is_unchanged && self.correct(recount.correction).await? {
                self.is_tally_lost |= recount.tally.is_none();
                self.report.differences.extend(recount.missing);
                self.corrected.extend(recount.tally.map(|tally| (group.group, tally)));
                return Ok(());
            }
        }
        self.report.unsettled.push(format!("group {group}"));
        Ok(())
    }

    fn beyond_repair(&mut self, row: String, error: &Error) {
        let correction = "correct or delete the item that cannot be read, and repair again".to_owned();
        self.report.differences.push(Difference::beyond_repair(row, error.to_string().into(), correction));
    }

    /// Reads the execution again. Whether it has changed in a way that changes what its groups have to be.
    async fn execution_changed(&mut self) -> Result<bool, EngineError> {
        let state = |row: &ExecutionRow| {
            (row.status, row.generation, row.published_generation, row.redrive.clone(), row.groups, row.sealed_at)
        };
        let before = state(&self.execution);
        self.execution = self.engine.load(self.execution.execution_id).await?;
        Ok(state(&self.execution) != before)
    }

    /// Writes a correction, and reports it; `false` if the row has changed since it was read. A dry run only reports.
    async fn correct<R: Row>(&mut self, correction: Option<Correction<R>>) -> Result<bool, EngineError> {
        let Some(Correction { differences, write }) = correction else { return Ok(true) };
        if self.mode == RepairMode::Correct && self.engine.table.execute(&write).await? != OverwriteOutcome::Overwritten
        {
            return Ok(false);
        }
        self.report.differences.extend(differences);
        Ok(true)
    }

    /// Recounts the execution's sums from its tallies. It is read before them: a fold in between changes it.
    async fn repair_execution(&mut self) -> Result<(), EngineError> {
        let execution_id = self.execution.execution_id;
        for _ in 0..MAX_RECOUNTS {
            let seen = self.engine.load(execution_id).await?;
            let Some(sums) = self.sums(&seen).await? else { return Ok(()) };
            let Some(correction) = recount_execution(&seen, sums) else { return Ok(()) };
            let is_unchanged = self.engine.load(execution_id).await? == seen;
            if is_unchanged && self.correct(Some(correction)).await? {
                return Ok(());
            }
        }
        self.report.unsettled.push(format!("execution {execution_id}"));
        Ok(())
    }

    /// The sums of all tallies; `None` if one of them is lost for good.
    async fn sums(&self, execution: &ExecutionRow) -> Result<Option<Sums>, EngineError> {
        if self.is_tally_lost {
            return Ok(None);
        }
        let mut sums = Sums::default();
        let groups = self.groups(execution).await?;
        for groups in groups.chunks(GROUPS_AT_ONCE) {
            let mut tallies = self.tallies(groups).await?;
            for group in groups {
                let stored = tallies.remove(group).and_then(Result::ok);
                let corrected = (self.mode == RepairMode::DryRun).then(|| self.corrected.get(group)).flatten();
                let Some(tally) = corrected.or(stored.as_ref()) else { return Ok(None) };
                sums.add(tally);
            }
        }
        Ok(Some(sums))
    }

    /// Folds and finalizes. If something differed, the execution may have stood still because of it: the repair heals it now and
    /// makes it due.
    async fn let_completion_follow(&self) -> Result<(), EngineError> {
        let (engine, execution_id) = (self.engine, self.execution.execution_id);
        if self.is_tally_lost {
            return Ok(());
        }
        let execution = engine.load(execution_id).await?;
        let mut report = SweepReport::default();
        let was_damaged = !self.report.differences.is_empty();
        if was_damaged && !execution.status.is_terminal() {
            let due = Some(Due::execution(execution_id, engine.now()));
            // If the write loses a race, the winner has scheduled the next check.
            if let Some(write) =
                OverwriteIfUnchanged::new(Some(execution.clone()), ExecutionRow { due, ..execution.clone() })
            {
                engine.table.execute(&write).await?;
            }
        }
        if was_damaged && matches!(execution.status, ExecutionStatus::Running | ExecutionStatus::Scattering) {
            let unchanged = ExecutionRow { open_from: 0, ..execution };
            let now = engine.now();
            let read_until = engine.position.read_until(now).await.unwrap_or(Timestamp::EPOCH);
            let lost = Lost::As(Patience::new(&engine.settings, now, read_until));
            return engine.heal_all(&unchanged, lost, &mut report).await;
        }
        engine.fold_finished(&execution, &mut report).await
    }
}
