//! Redrive: segments that failed or were cancelled are requeued in the next generation.
//!
//! Everything is checked before anything is written. Then, group by group: unfold, rows, records; at the end the execution
//! is RUNNING. Every step may be repeated and interrupted: the sweeper continues with an execution in REDRIVING.

use std::ops::Range;

use chrono::{DateTime, Utc};
use control_table::id::{ExecutionId, GroupId};
use control_table::limits::TALLIES_PER_FOLD;
use control_table::message::SegmentRecord;
use control_table::operation::{
    BeginRedrive, BeginRedriveOutcome, CheckpointStepOutcome, EndRedrive, EndRedriveOutcome, Requeue, RequeueOutcome,
    Unfold, UnfoldGroup, UnfoldOutcome,
};
use control_table::rows::{
    ExecutionRow, ExecutionStatus, Offsets, SegmentRow, SegmentStatus, Selection, TallyOutcome, TallyRow,
};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;

use super::{GROUPS_AT_ONCE, ROWS_AT_ONCE};
use crate::Engine;
use crate::error::{EngineError, Refusal};
use crate::plan_cache::Plans;
use crate::records::Planned;
use crate::sweep::SweepReport;

/// What a redrive did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RedriveReport {
    /// The generation that runs now.
    pub generation: u32,
    /// Segments that this call requeued.
    pub segments: u64,
    /// Whether every selected segment is requeued. If not, the deadline passed, and the sweeper continues.
    pub finished: bool,
}

/// Groups that one transaction un-folds, with the execution's row: a transaction has at most 100 items (AWS quota).
const GROUPS_PER_UNFOLD: u64 = TALLIES_PER_FOLD as u64;

enum GroupsEnd {
    /// So many of their segments are requeued.
    Requeued(u64),
    /// Another caller ended this redrive.
    Over,
}

impl Engine {
    /// Redrives a complete execution. The same call, while the redrive is under way, continues it.
    ///
    /// # Errors
    /// A [`Refusal`], before anything is written; or a failed step, after which the sweeper continues.
    pub async fn redrive(
        &self,
        execution_id: ExecutionId,
        selection: Selection,
        deadline: DateTime<Utc>,
    ) -> Result<RedriveReport, EngineError> {
        let Some(execution) = self.table.execution(execution_id).await? else {
            return Err(EngineError::NotFound { execution_id });
        };
        if execution.status == ExecutionStatus::Redriving {
            if execution.redrive.as_ref() != Some(&selection) {
                return Err(Refusal::AnotherRedrive(execution_id).into());
            }
            return self.requeue_all(&execution, deadline).await;
        }
        self.check(&execution, &selection).await?;
        let begun = self.begin(&execution, selection).await?;
        tracing::info!(%execution_id, generation = begun.generation, "is being redriven");
        self.requeue_all(&begun, deadline).await
    }

    /// Refuses a redrive that cannot work, or that selects nothing.
    async fn check(&self, execution: &ExecutionRow, selection: &Selection) -> Result<(), EngineError> {
        let (execution_id, status) = (execution.execution_id, execution.status);
        if !status.is_terminal() {
            return Err(Refusal::NotComplete { execution_id, status }.into());
        }
        let (mut chosen, mut found) = (0_u64, 0_u64);
        let groups: Vec<u64> = (0..execution.groups).collect();
        for groups in groups.chunks(GROUPS_AT_ONCE) {
            for tally in self.table.tallies_of(execution_id, groups).await? {
                chosen += offsets(&tally, selection).len() as u64;
                found += named(&tally, selection)?;
            }
        }
        let named = selection.only.as_ref().map_or(0, control_table::rows::Indexes::count);
        if found < named {
            return Err(Refusal::UnknownSegments { execution_id, named, found }.into());
        }
        if chosen == 0 {
            return Err(Refusal::NothingToRedrive(execution_id).into());
        }
        Ok(())
    }

    async fn begin(&self, execution: &ExecutionRow, selection: Selection) -> Result<ExecutionRow, EngineError> {
        let execution_id = execution.execution_id;
        let now = self.now();
        let request = BeginRedrive {
            execution_id,
            generation: execution.generation + 1,
            selection,
            limited: execution.policy.max_concurrency.is_some(),
            now,
            due_at: now.plus(self.settings.step_lease),
        };
        let refusal = match self.table.execute(&request).await? {
            BeginRedriveOutcome::Begun(row) => return Ok(*row),
            BeginRedriveOutcome::AlreadyBegun(row) if row.redrive.as_ref() == Some(&request.selection) => {
                return Ok(*row);
            }
            BeginRedriveOutcome::AlreadyBegun(_) => Refusal::AnotherRedrive(execution_id),
            BeginRedriveOutcome::NotComplete(status) => Refusal::NotComplete { execution_id, status },
            BeginRedriveOutcome::NotPublished => Refusal::NotPublished(execution_id),
            BeginRedriveOutcome::NotSealed => Refusal::NotSealed(execution_id),
            BeginRedriveOutcome::Expiring => Refusal::Expiring(execution_id),
            BeginRedriveOutcome::Stale { .. } | BeginRedriveOutcome::PolicyChanged => Refusal::Changed(execution_id),
            BeginRedriveOutcome::Missing => return Err(EngineError::NotFound { execution_id }),
        };
        Err(refusal.into())
    }

    /// Requeues every segment that an execution in REDRIVING selects, from its cursor on, and sets it RUNNING.
    pub(crate) async fn requeue_all(
        &self,
        execution: &ExecutionRow,
        deadline: DateTime<Utc>,
    ) -> Result<RedriveReport, EngineError> {
        let mut report = RedriveReport { generation: execution.generation, segments: 0, finished: false };
        let planned = Plans::default().get(&self.table, execution.execution_id).await?;
        let mut cursor = execution.step_cursor.unwrap_or(0);
        while cursor < execution.groups {
            let is_over = self.clock.now() >= deadline;
            match self.checkpoint_step(execution, cursor, is_over).await? {
                CheckpointStepOutcome::Checkpointed(_) if !is_over => {}
                CheckpointStepOutcome::Checkpointed(_) | CheckpointStepOutcome::Behind => return Ok(report),
                CheckpointStepOutcome::Over => return Ok(RedriveReport { finished: true, ..report }),
            }
            let end = execution.groups.min(cursor + GROUPS_PER_UNFOLD);
            match self.requeue_groups(execution, planned.as_deref(), cursor..end).await? {
                GroupsEnd::Requeued(segments) => report.segments += segments,
                GroupsEnd::Over => return Ok(RedriveReport { finished: true, ..report }),
            }
            cursor = end;
        }
        self.end_redrive(execution).await?;
        Ok(RedriveReport { finished: true, ..report })
    }

    async fn end_redrive(&self, execution: &ExecutionRow) -> Result<(), EngineError> {
        let ExecutionRow { execution_id, generation, stop_requested, .. } = *execution;
        let end = EndRedrive { execution_id, generation, stop_requested, now: self.now() };
        match self.table.execute(&end).await? {
            EndRedriveOutcome::Running(row) => self.advance_stall_check(&row).await?,
            // Due now: the sweeper cancels its segments.
            EndRedriveOutcome::Cancelling(_) => tracing::info!(%execution_id, "its redrive ends in the queued cancel"),
            EndRedriveOutcome::NotRedriving => {}
        }
        self.admit_if_limited(execution).await?;
        self.finalize_counted(execution_id, &mut SweepReport::default()).await?;
        Ok(())
    }

    /// Requeues what is selected of some groups: all of them are un-folded first, in one transaction.
    async fn requeue_groups(
        &self,
        execution: &ExecutionRow,
        planned: Option<&Planned>,
        groups: Range<u64>,
    ) -> Result<GroupsEnd, EngineError> {
        let (execution_id, generation) = (execution.execution_id, execution.generation);
        let selection = execution.redrive.clone().unwrap_or_else(Selection::unsuccessful);
        let tallies = self.table.tallies(execution_id, groups).await?;
        let reads: Vec<_> = tallies.iter().map(|tally| self.selected_rows(tally, &selection, generation)).collect();
        let rows: Vec<Vec<SegmentRow>> = stream::iter(reads).buffered(ROWS_AT_ONCE).try_collect().await?;
        let folded = tallies.iter().zip(&rows).filter(|(tally, _)| tally.generation != generation);
        // A group whose rows are in this generation already was un-folded by an earlier attempt.
        let unfold = folded
            .filter_map(|(tally, rows)| UnfoldGroup::of(tally, rows.iter().filter(|row| row.generation < generation)));
        for unfold in Unfold::all(execution_id, generation, &unfold.collect::<Vec<_>>(), self.now()) {
            match self.table.execute(&unfold).await? {
                UnfoldOutcome::Unfolded(_) | UnfoldOutcome::AlreadyUnfolded => {}
                UnfoldOutcome::Stale => return Ok(GroupsEnd::Over),
                UnfoldOutcome::NotFolded(group) => return Err(EngineError::Damaged { group }),
                UnfoldOutcome::Missing => {
                    let what = "its row or a tally disappeared in a redrive".to_owned();
                    return Err(EngineError::Defect { execution_id, what });
                }
            }
        }
        let rows = rows.into_iter().flatten().filter(|row| is_requeued(row, &selection, generation));
        let requeued = self.requeue_rows(rows, generation).await?;
        let waiting = requeued.iter().filter(|row| row.status == SegmentStatus::Pending && row.due.is_none());
        // With a limit of segments in flight they are admitted once the execution is RUNNING.
        if let Some(planned) = planned.filter(|_| execution.admitted_until.is_none()) {
            let records: Vec<SegmentRecord> = waiting.map(|row| planned.record(row)).collect();
            self.outgoing.put(&records).await?;
        }
        Ok(GroupsEnd::Requeued(requeued.len() as u64))
    }

    /// The rows of a group that may have to be requeued. A tally that is still folded lists them. If an earlier attempt un-folded it, only
    /// the rows can tell.
    async fn selected_rows(
        &self,
        tally: &TallyRow,
        selection: &Selection,
        generation: u32,
    ) -> Result<Vec<SegmentRow>, EngineError> {
        if tally.generation == generation {
            return Ok(self.table.group_segments(tally.group, None).await?);
        }
        let chosen = offsets(tally, selection);
        if chosen.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.table.segments_at(tally.group, &chosen).await?)
    }

    async fn requeue_rows(
        &self,
        rows: impl Iterator<Item = SegmentRow>,
        generation: u32,
    ) -> Result<Vec<SegmentRow>, EngineError> {
        // Collected, because the compiler cannot see that a stream of a borrowing closure may cross threads.
        let requests: Vec<_> = rows.map(|row| self.requeue_row(row, generation)).collect();
        let rows: Vec<Option<SegmentRow>> = stream::iter(requests).buffer_unordered(ROWS_AT_ONCE).try_collect().await?;
        Ok(rows.into_iter().flatten().collect())
    }

    async fn requeue_row(&self, row: SegmentRow, generation: u32) -> Result<Option<SegmentRow>, EngineError> {
        if row.generation == generation {
            return Ok(Some(row));
        }
        Ok(match self.table.execute(&Requeue { segment: row.id(), generation }).await? {
            RequeueOutcome::Requeued(row) | RequeueOutcome::AlreadyRequeued(row) => Some(*row),
            RequeueOutcome::NotUnsuccessful(_) | RequeueOutcome::Missing => None,
        })
    }
}

/// The offsets of a finished tally's segments to requeue.
fn offsets(tally: &TallyRow, selection: &Selection) -> Offsets {
    let of =
        |outcome, set: &Offsets| set.iter().filter(move |&offset| selection.takes(index(tally.group, offset), outcome));
    of(TallyOutcome::Failed, &tally.failed).chain(of(TallyOutcome::Cancelled, &tally.cancelled)).collect()
}

/// How many of the segments that the selection names are in this group.
fn named(tally: &TallyRow, selection: &Selection) -> Result<u64, Refusal> {
    let Some(only) = &selection.only else { return Ok(0) };
    let is_named = |offset: &u8| only.contains(index(tally.group, *offset));
    if let Some(offset) = tally.succeeded.iter().find(is_named) {
        return Err(Refusal::Succeeded(tally.group.segment(offset)));
    }
    Ok(tally.failed.iter().chain(tally.cancelled.iter()).filter(is_named).count() as u64)
}

const fn index(group: GroupId, offset: u8) -> u64 {
    group.segment(offset).index
}

/// Whether the redrive of that generation requeues the row, or has requeued it and no worker has claimed it yet.
fn is_requeued(row: &SegmentRow, selection: &Selection, generation: u32) -> bool {
    if row.generation == generation {
        return row.status == SegmentStatus::Pending;
    }
    TallyOutcome::of(row.status).is_some_and(|outcome| selection.takes(row.index, outcome))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally() -> TallyRow {
        let execution_id = ExecutionId::new(uuid::Uuid::from_u128(1));
        let mut tally = TallyRow::fresh(execution_id.group(1), 4, 1);
        tally.succeeded = Offsets::from([0]);
        tally.failed = Offsets::from([1, 2]);
        tally.cancelled = Offsets::from([3]);
        tally
    }

    #[test]
    fn the_selected_segments_are_requeued_and_no_others() {
        let all = Selection::unsuccessful();
        assert_eq!(offsets(&tally(), &all), Offsets::from([1, 2, 3]));
        assert_eq!(offsets(&tally(), &Selection { cancelled: false, ..all.clone() }), Offsets::from([1, 2]));
        let some = Selection { only: Some("130,131".parse().unwrap()), ..all };
        assert_eq!(offsets(&tally(), &some), Offsets::from([2, 3]));
        assert_eq!(named(&tally(), &some), Ok(2));
    }

    #[test]
    fn naming_a_segment_that_succeeded_is_refused() {
        let some = Selection { only: Some("127-129".parse().unwrap()), ..Selection::unsuccessful() };
        assert_eq!(named(&tally(), &some), Err(Refusal::Succeeded(tally().group.segment(0))));
    }
}
