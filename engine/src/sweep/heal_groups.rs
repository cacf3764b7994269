//! Heals groups of an execution: lost records, lost workers, outcomes that were not counted.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use control_table::clock::Timestamp;
use control_table::id::SegmentId;
use control_table::limits::GROUP_SIZE;
use control_table::message::SegmentRecord;
use control_table::operation::{Ending, Finish, FinishOutcome, Fold, MarkPut, ReleaseLease, ReleaseSlots, Tally};
use control_table::rows::{DueKind, ErrorKind, ExecutionRow, SegmentFailure, SegmentRow, SegmentStatus, TallyRow};

use super::patience::Patience;
use crate::Engine;
use crate::error::EngineError;
use crate::plan_cache::Plans;
use crate::records::Planned;
use crate::sweep::SweepReport;

/// Which records and workers count as lost.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lost {
    /// Records that cannot be waiting any more, and workers whose lease is over.
    As(Patience),
    /// All of an earlier process: the lock of the data directory on one machine proves that none of its workers lives, and its queue was
    /// in its memory.
    All,
}

impl Engine {
    /// Heals groups in order, from `cursor` on, until the deadline. Returns the group to continue with; `None` if all are healed.
    pub(crate) async fn heal(
        &self,
        execution: &ExecutionRow,
        groups: &[TallyRow],
        lost: Lost,
        until: DateTime<Utc>,
        report: &mut SweepReport,
    ) -> Result<Option<u64>, EngineError> {
        if groups.is_empty() {
            return Ok(None);
        }
        let Some(planned) = Plans::default().get(&self.table, execution.execution_id).await? else {
            tracing::error!(execution_id = %execution.execution_id, "its plan is missing: its records cannot be put again");
            return Ok(None);
        };
        for tally in groups {
            if self.clock.now() >= until {
                return Ok(Some(tally.group.group));
            }
            self.heal_group(&planned, tally, lost, report).await?;
        }
        Ok(None)
    }

    /// Puts lost records of a group again, fails segments whose attempts were all lost, and counts finished rows. The records are put
    /// before that is marked: a sweeper that dies in between puts them once more, and loses none.
    pub(crate) async fn heal_group(
        &self,
        planned: &Planned,
        tally: &TallyRow,
        lost: Lost,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        let (put_at, mut records) = (self.now(), Vec::new());
        for row in self.table.group_segments(tally.group, None).await? {
            if row.status.is_terminal() {
                if !tally.has(row.offset) {
                    self.count(&row, report).await?;
                }
            } else if let Some(record) = self.mend(planned, tally, &row, lost, report).await? {
                records.push(record);
            }
        }
        if !records.is_empty() {
            self.outgoing.put(&records).await?;
            report.records_put += records.len() as u64;
            let (group, generation, seen) = (tally.group, tally.generation, tally.put_at);
            self.table.execute(&MarkPut { group, generation, seen, put_at }).await?;
        }
        Ok(())
    }

    /// The record to put again for a row without an outcome, if it needs one.
    async fn mend(
        &self,
        planned: &Planned,
        tally: &TallyRow,
        row: &SegmentRow,
        lost: Lost,
        report: &mut SweepReport,
    ) -> Result<Option<SegmentRecord>, EngineError> {
        let now = self.now();
        match row.status {
            // The sweeper finds a row of the due index there; a row that is not admitted yet has no record to lose.
            SegmentStatus::Pending => {
                let is_admitted = planned.execution.admitted_until.is_none_or(|next| row.index < next);
                let is_lost = match (lost, row.due) {
                    (Lost::As(patience), None) => {
                        planned.execution.admitted_until.is_some() || patience.may_be_lost(tally)
                    }
                    (Lost::As(_), Some(_)) => false,
                    // The record of a retry that was put already.
                    (Lost::All, due) => due.is_none_or(|due| due.due_shard.kind() == DueKind::Record),
                };
                Ok((is_lost && is_admitted).then(|| planned.record(row)))
            }
            SegmentStatus::Running => {
                if matches!(lost, Lost::All) {
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

    /// Heals the segments that have a slot and had it at the last check, and releases the slots of those that have their outcome: a
    /// worker that died after its tally did not release them. Then admits the next.
    pub(crate) async fn heal_slots(
        &self,
        execution: &ExecutionRow,
        lost: Lost,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        let seen = match lost {
            Lost::As(_) => execution.heal_cursor.unwrap_or(0),
            Lost::All => u64::MAX,
        };
        let mut groups = BTreeMap::<u64, Vec<u64>>::new();
        for &index in execution.in_flight.iter().filter(|&&index| index < seen) {
            groups.entry(index / GROUP_SIZE).or_default().push(index);
        }
        if let Some(planned) = Plans::default().get(&self.table, execution.execution_id).await? {
            let numbers: Vec<u64> = groups.keys().copied().collect();
            for tally in self.table.tallies_of(execution.execution_id, &numbers).await? {
                self.heal_group(&planned, &tally, lost, report).await?;
            }
        }
        let slots: Vec<SegmentId> =
            groups.into_values().flatten().map(|index| execution.execution_id.segment(index)).collect();
        let rows = self.table.segments_of(&slots).await?;
        let at_work: HashSet<SegmentId> =
            rows.iter().filter(|row| !row.status.is_terminal()).map(SegmentRow::id).collect();
        let ended: Vec<u64> = slots.iter().filter(|slot| !at_work.contains(slot)).map(|slot| slot.index).collect();
        if !ended.is_empty() {
            let (execution_id, generation) = (execution.execution_id, execution.generation);
            self.table.execute(&ReleaseSlots { execution_id, generation, segments: ended }).await?;
        }
        report.records_put += self.admit_if_limited(execution).await?;
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

    /// Folds finished tallies of the execution's generation whose stream image was lost or is a dead letter, and finalizes.
    pub(crate) async fn fold_and_finalize(
        &self,
        execution: &ExecutionRow,
        finished: &[TallyRow],
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        let (execution_id, generation) = (execution.execution_id, execution.generation);
        report.folded += finished.len() as u64;
        for fold in Fold::of(execution_id, generation, finished) {
            self.table.execute(&fold).await?;
        }
        self.finalize_counted(execution_id, report).await?;
        Ok(())
    }

    /// As [`Self::fold_and_finalize`], of all groups.
    pub(crate) async fn fold_finished(
        &self,
        execution: &ExecutionRow,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        let survey = self.survey(execution, Timestamp::EPOCH).await?;
        self.fold_and_finalize(execution, &survey.to_fold, report).await
    }
}

/// Whether the record of the row's retry was put, and the stream was not read past that.
pub(super) fn waits_in_stream(row: &SegmentRow, read_until: Timestamp) -> bool {
    row.due.is_some_and(|due| due.due_shard.kind() == DueKind::Record && due.due_at > read_until)
}
