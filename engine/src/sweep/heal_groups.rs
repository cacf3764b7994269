//! Heals groups of an execution: lost records, lost workers, outcomes that were not counted.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use control_table::clock::Timestamp;
use control_table::id::SegmentId;
use control_table::limits::GROUP_SIZE;
use control_table::message::SegmentRecord;
use control_table::operation::{Ending, Finish, FinishOutcome, Fold, MarkPut, ReleaseLease, ReleaseSlots, Tally};
use control_table::rows::{
    DueKind, ErrorKind, ExecutionRow, PlanKind, SegmentFailure, SegmentRow, SegmentStatus, TallyRow,
};
use futures::stream::{self, StreamExt};

use super::overtaken::Overtaken;
use super::patience::Patience;
use super::tick::Tick;
use crate::Engine;
use crate::error::EngineError;
use crate::plan_cache::Plans;
use crate::records::Planned;
use crate::sweep::SweepReport;

/// Groups whose rows are read at the same time: a query each.
const GROUPS_READ_AT_ONCE: usize = 8;

/// Which records and workers count as lost.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lost {
    /// Records that cannot be waiting any more, and workers whose lease is over.
    As(Patience),
    /// All of an earlier process: the lock of the data directory on one machine proves that none of its workers lives, and its queue was
    /// in its memory.
    All,
}

/// The records of a group that are put again.
#[derive(Debug, Default)]
struct Again {
    /// Together, which the group's tally notes.
    records: Vec<SegmentRecord>,
    /// Rows that were overtaken. Each notes by itself that its record was put again, because those of its neighbours were not.
    overtaken: Vec<SegmentRow>,
}

impl Engine {
    /// Heals groups in order, so that what is put again is read in order, until the deadline. Whether all are healed.
    pub(crate) async fn heal(
        &self,
        execution: &ExecutionRow,
        groups: &[TallyRow],
        lost: Lost,
        until: DateTime<Utc>,
        report: &mut SweepReport,
    ) -> Result<bool, EngineError> {
        let Some(planned) = self.planned(execution, groups).await? else { return Ok(true) };
        for tally in groups {
            if self.clock.now() >= until {
                return Ok(false);
            }
            self.heal_group(&planned, tally, lost, report).await?;
        }
        Ok(true)
    }

    /// Heals groups from the last to the first, until the deadline: the segments of later ones show which of the earlier ones they have
    /// overtaken. Whether all are healed.
    pub(crate) async fn heal_overtaken(
        &self,
        execution: &ExecutionRow,
        groups: &[TallyRow],
        overtaken: &mut Overtaken,
        tick: Tick,
        report: &mut SweepReport,
    ) -> Result<bool, EngineError> {
        let Some(planned) = self.planned(execution, groups).await? else { return Ok(true) };
        if planned.plan.kind == PlanKind::External {
            // Several callers may put its records, each its own: their order is not that of the segments.
            *overtaken = Overtaken::none();
        }
        let lost = Lost::As(self.patience(tick.read_until));
        // Collected, because the compiler cannot see that a stream of a borrowing closure may cross threads.
        let reads: Vec<_> = groups.iter().rev().map(|tally| self.table.group_segments(tally.group, None)).collect();
        let mut reads = stream::iter(reads).buffered(GROUPS_READ_AT_ONCE);
        for tally in groups.iter().rev() {
            if self.clock.now() >= tick.until {
                return Ok(false);
            }
            let Some(rows) = reads.next().await else { break };
            overtaken.pass_until(tally.group.group);
            self.heal_rows(&planned, tally, rows?, overtaken, lost, report).await?;
        }
        Ok(true)
    }

    /// What the records of an execution are made of; `None` if no group needs it, or it is lost.
    async fn planned(
        &self,
        execution: &ExecutionRow,
        groups: &[TallyRow],
    ) -> Result<Option<Arc<Planned>>, EngineError> {
        if groups.is_empty() {
            return Ok(None);
        }
        let planned = Plans::default().get(&self.table, execution.execution_id).await?;
        if planned.is_none() {
            tracing::error!(execution_id = %execution.execution_id, "its plan is missing: its records cannot be put again");
        }
        Ok(planned)
    }

    /// Heals a group by what its own rows say.
    pub(crate) async fn heal_group(
        &self,
        planned: &Planned,
        tally: &TallyRow,
        lost: Lost,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        let rows = self.table.group_segments(tally.group, None).await?;
        self.heal_rows(planned, tally, rows, &mut Overtaken::none(), lost, report).await
    }

    /// Puts lost records of a group again, fails segments whose attempts were all lost, and counts finished rows. The records are put
    /// before that is marked: a sweeper that dies in between puts them once more, and loses none.
    async fn heal_rows(
        &self,
        planned: &Planned,
        tally: &TallyRow,
        rows: Vec<SegmentRow>,
        overtaken: &mut Overtaken,
        lost: Lost,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        let (put_at, mut again) = (self.now(), Again::default());
        for row in rows.into_iter().rev() {
            // The order of their records is that of the segments only before any was put again.
            let is_first_put = tally.puts_again == 0 && row.generation == tally.generation;
            let is_overtaken = is_first_put && overtaken.pass(&row, tally.put_at);
            if row.status.is_terminal() {
                if !tally.has(row.offset) {
                    self.count(&row, report).await?;
                }
            } else if let Some(record) = self.mend(planned, tally, &row, lost, report).await? {
                again.records.push(record);
            } else if is_overtaken {
                again.overtaken.push(row);
            }
        }
        self.put_again(planned, tally, again, put_at, report).await
    }

    async fn put_again(
        &self,
        planned: &Planned,
        tally: &TallyRow,
        again: Again,
        put_at: Timestamp,
        report: &mut SweepReport,
    ) -> Result<(), EngineError> {
        let Again { records: mut all, overtaken } = again;
        let are_marked_together = !all.is_empty();
        all.extend(overtaken.iter().map(|row| planned.record(row)));
        if all.is_empty() {
            return Ok(());
        }
        self.outgoing.put(&all).await?;
        report.records_put += all.len() as u64;
        if are_marked_together {
            let (group, generation, seen) = (tally.group, tally.generation, tally.put_at);
            self.table.execute(&MarkPut { group, generation, seen, put_at }).await?;
        }
        for row in overtaken {
            self.defer_retry(row, self.now()).await?;
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

/// Whether the record of a pending row waits in the stream, behind others: its first one, as the tally says when it was put, or that of
/// a retry. With a limit of segments in flight the tally does not say it.
pub(super) fn waits_in_stream(row: &SegmentRow, tally: &TallyRow, is_limited: bool, read_until: Timestamp) -> bool {
    match row.due {
        None => row.attempt == 0 && !is_limited && tally.put_at > read_until,
        Some(due) => due.due_shard.kind() == DueKind::Record && due.due_at > read_until,
    }
}
