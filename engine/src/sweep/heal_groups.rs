//! Heals an execution that makes no progress, group by group: lost records, lost workers, outcomes that were not counted.

use control_table::id::SegmentId;
use control_table::message::SegmentRecord;
use control_table::operation::{Ending, Finish, FinishOutcome, Fold, ReleaseLease, ReleaseSlots, Tally};
use control_table::rows::{ErrorKind, ExecutionRow, SegmentFailure, SegmentRow, SegmentStatus, TallyRow};

use crate::Engine;
use crate::error::EngineError;
use crate::plan_cache::Plans;
use crate::records::Planned;
use crate::sweep::SweepReport;

/// Whether leases protect their workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leases {
    /// A worker lives until its lease runs out.
    Respected,
    /// No worker of an earlier time lives: the lock of the local runner's data directory proves it.
    Ended,
}

impl Engine {
    /// Reads every unfinished group: sends lost records again, fails segments whose attempts were all lost, counts finished rows,
    /// folds finished tallies, and finalizes the execution.
    pub(crate) async fn heal(
        &self,
        execution: &ExecutionRow,
        tallies: &[TallyRow],
        leases: Leases,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        let mut plans = Plans::default();
        if let Some(planned) = plans.get(&self.table, execution.execution_id).await? {
            for tally in tallies.iter().filter(|tally| tally.pending > 0) {
                self.heal_group(&planned, tally, leases, report).await?;
            }
            self.release_slots(execution).await?;
            report.records_put += self.admit_if_limited(execution).await?;
        } else {
            tracing::error!(execution_id = %execution.execution_id, "its plan is missing: its records cannot be sent again");
        }
        self.fold_finished(execution, report).await
    }

    async fn heal_group(
        &self,
        planned: &Planned,
        tally: &TallyRow,
        leases: Leases,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        let mut records = Vec::new();
        for row in self.table.group_segments(tally.group, None).await? {
            if row.status.is_terminal() {
                if !tally.has(row.offset) {
                    self.count(&row, report).await?;
                }
            } else if let Some(record) = self.mend(planned, &row, leases, report).await? {
                records.push(record);
            }
        }
        self.dispatcher.put(&records).await?;
        report.records_put += records.len() as u64;
        Ok(())
    }

    /// The record to put again for a row without an outcome, if it needs one.
    async fn mend(
        &self,
        planned: &Planned,
        row: &SegmentRow,
        leases: Leases,
        report: &mut SweepReport,
    ) -> Result<Option<SegmentRecord>, EngineError> {
        let now = self.now();
        match row.status {
            // The sweeper retries a row of the due index when it is due; a row that is not admitted yet has no record to lose.
            SegmentStatus::Pending => {
                let is_admitted = planned.execution.admitted_until.is_none_or(|next| row.index < next);
                Ok((row.due.is_none() && is_admitted).then(|| planned.record(row)))
            }
            SegmentStatus::Running => {
                if leases == Leases::Ended {
                    let (segment, generation, attempt) = (row.id(), row.generation, row.attempt);
                    self.table.execute(&ReleaseLease { segment, generation, attempt }).await?;
                } else if row.lease_until.is_some_and(|until| until > now) {
                    return Ok(None);
                } else if row.attempt >= planned.execution.policy.max_attempts {
                    self.give_up(row, report).await?;
                    return Ok(None);
                }
                Ok(Some(planned.record(row)))
            }
            SegmentStatus::Succeeded | SegmentStatus::Failed | SegmentStatus::Cancelled => Ok(None),
        }
    }

    /// Releases the slots of segments that have their outcome: a worker that died after its tally did not release them.
    async fn release_slots(&self, execution: &ExecutionRow) -> Result<(), EngineError> {
        let (execution_id, generation) = (execution.execution_id, execution.generation);
        let mut segments = Vec::new();
        for &index in &execution.in_flight {
            let row = self.table.segment(execution_id.segment(index)).await?;
            if row.is_none_or(|row| row.status.is_terminal()) {
                segments.push(index);
            }
        }
        if !segments.is_empty() {
            self.table.execute(&ReleaseSlots { execution_id, generation, segments }).await?;
        }
        Ok(())
    }

    /// Fails a segment whose last allowed attempt was lost.
    async fn give_up(&self, row: &SegmentRow, report: &mut SweepReport) -> Result<(), EngineError> {
        let segment: SegmentId = row.id();
        let message =
            format!("attempt {} of {} ended without an outcome: its worker was lost", row.attempt, row.attempt);
        let failure = SegmentFailure::new(ErrorKind::WorkerLost, &message);
        let now = self.now();
        let duration_ms = row.started_at.map_or(0, |started| now.millis_since(started));
        let (generation, attempt) = (row.generation, row.attempt);
        let failures = row.failures_with(&failure, now);
        let ending = Ending::Failed { failure, duration_ms };
        let finish = Finish { segment, generation, attempt, now, ending, failures };
        let outcome = self.table.execute(&finish).await?;
        if let FinishOutcome::Finished(row) | FinishOutcome::AlreadyFinished(row) = outcome {
            report.given_up += 1;
            self.count(&row, report).await?;
        }
        Ok(())
    }

    async fn count(&self, row: &SegmentRow, report: &mut SweepReport) -> Result<(), EngineError> {
        if let Some(tally) = Tally::of(row) {
            self.table.execute(&tally).await?;
            report.tallied += 1;
        }
        Ok(())
    }

    /// Folds finished tallies whose stream image was lost or is a dead letter, and finalizes.
    pub(crate) async fn fold_finished(
        &self,
        execution: &ExecutionRow,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        let execution_id = execution.execution_id;
        let generation = execution.generation;
        let mut tallies = self.table.tallies(execution_id, 0..execution.groups).await?;
        tallies.retain(|tally| tally.pending == 0 && tally.generation == generation && tally.folded != generation);
        if !tallies.is_empty() {
            report.folded += tallies.len() as u64;
            for fold in Fold::of(execution_id, generation, &tallies) {
                self.table.execute(&fold).await?;
            }
        }
        self.finalize_counted(execution_id, report).await?;
        Ok(())
    }
}
