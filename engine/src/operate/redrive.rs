//! Redrive: segments that failed or were cancelled are requeued in the next generation.
//!
//! Everything is checked before anything is written. Then, group by group: unfold, rows, records; at the end the execution
//! is RUNNING. Every step may be repeated and interrupted: the sweeper continues with an execution in REDRIVING.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use control_table::id::{ExecutionId, GroupId};
use control_table::message::SegmentRecord;
use control_table::operation::{
    BeginRedrive, BeginRedriveOutcome, EndRedrive, EndRedriveOutcome, Requeue, RequeueOutcome, Unfold, UnfoldOutcome,
};
use control_table::rows::{
    ExecutionRow, ExecutionStatus, SegmentRow, SegmentStatus, Selection, TallyOutcome, TallyRow,
};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;

use super::{GROUPS_AT_ONCE, ROWS_AT_ONCE};
use crate::Engine;
use crate::error::{EngineError, Refusal};
use crate::plan_cache::Plans;
use crate::records::Planned;
use crate::sweep::SweepReport;

/// How long before its rows are deleted an execution can no longer be redriven: the redrive takes time, and its operator reads
/// the result.
const BEFORE_EXPIRY: TimeDelta = TimeDelta::days(1);

/// What a redrive did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RedriveReport {
    /// The generation that runs now.
    pub generation: u32,
    /// Segments that this call requeued.
    pub segments: u64,
    /// Whether every selected segment is requeued. If not, the deadline passed, and the sweeper continues.
    pub finished: bool,
}

enum GroupEnd {
    /// So many of its segments are requeued.
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
        let soon = self.now().plus(BEFORE_EXPIRY).as_ttl_seconds();
        if execution.expires_at.is_some_and(|expires_at| expires_at <= soon) {
            return Err(Refusal::Expiring(execution_id).into());
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
            due_at: execution.policy.next_look(now, now, self.settings.patience),
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
            BeginRedriveOutcome::Stale { .. } | BeginRedriveOutcome::PolicyChanged => Refusal::Changed(execution_id),
            BeginRedriveOutcome::Missing => return Err(EngineError::NotFound { execution_id }),
        };
        Err(refusal.into())
    }

    /// Requeues every segment that an execution in REDRIVING selects, and sets it RUNNING.
    pub(crate) async fn requeue_all(
        &self,
        execution: &ExecutionRow,
        deadline: DateTime<Utc>,
    ) -> Result<RedriveReport, EngineError> {
        let (execution_id, generation) = (execution.execution_id, execution.generation);
        let mut report = RedriveReport { generation, segments: 0, finished: false };
        let selection = execution.redrive.clone().unwrap_or_else(Selection::unsuccessful);
        let planned = Plans::default().get(&self.table, execution_id).await?;
        let groups: Vec<u64> = (0..execution.groups).collect();
        for groups in groups.chunks(GROUPS_AT_ONCE) {
            for tally in self.table.tallies_of(execution_id, groups).await? {
                if self.clock.now() >= deadline {
                    return Ok(report);
                }
                match self.requeue_group(execution, &selection, planned.as_deref(), &tally).await? {
                    GroupEnd::Requeued(segments) => report.segments += segments,
                    GroupEnd::Over => return Ok(RedriveReport { finished: true, ..report }),
                }
            }
        }
        let end = EndRedrive { execution_id, generation };
        if let EndRedriveOutcome::Running(row) = self.table.execute(&end).await? {
            self.advance_stall_check(&row).await?;
        }
        self.after_redrive(execution).await?;
        Ok(RedriveReport { finished: true, ..report })
    }

    async fn after_redrive(&self, execution: &ExecutionRow) -> Result<(), EngineError> {
        self.admit_if_limited(execution).await?;
        self.finalize_counted(execution.execution_id, &mut SweepReport::default()).await?;
        Ok(())
    }

    async fn requeue_group(
        &self,
        execution: &ExecutionRow,
        selection: &Selection,
        planned: Option<&Planned>,
        tally: &TallyRow,
    ) -> Result<GroupEnd, EngineError> {
        let generation = execution.generation;
        let is_unfolded = tally.generation == generation;
        let chosen = offsets(tally, selection);
        if !is_unfolded && chosen.is_empty() {
            return Ok(GroupEnd::Requeued(0));
        }
        // A tally that is still folded lists the rows to requeue. If an earlier attempt unfolded it, only the rows can tell.
        let rows = if is_unfolded {
            self.table.group_segments(tally.group, None).await?
        } else {
            self.table.segments_at(tally.group, &chosen).await?
        };
        if !is_unfolded {
            let taken = rows.iter().filter(|row| row.generation < generation);
            match self.unfold(generation, tally, taken).await? {
                UnfoldOutcome::Unfolded | UnfoldOutcome::AlreadyUnfolded => {}
                UnfoldOutcome::Stale => return Ok(GroupEnd::Over),
                UnfoldOutcome::NotFolded | UnfoldOutcome::Missing => {
                    return Err(EngineError::Damaged { group: tally.group });
                }
            }
        }
        let rows = rows.into_iter().filter(|row| is_requeued(row, selection, generation));
        let requeue = self.requeue_rows(rows, generation).await?;
        let waiting = requeue.iter().filter(|row| row.status == SegmentStatus::Pending && row.due.is_none());
        // With a limit of segments in flight they are admitted once the execution is RUNNING.
        if let Some(planned) = planned.filter(|_| execution.admitted_until.is_none()) {
            let records: Vec<SegmentRecord> = waiting.map(|row| planned.record(row)).collect();
            self.dispatcher.put(&records).await?;
        }
        Ok(GroupEnd::Requeued(requeue.len() as u64))
    }

    async fn unfold(
        &self,
        generation: u32,
        tally: &TallyRow,
        rows: impl Iterator<Item = &SegmentRow>,
    ) -> Result<UnfoldOutcome, EngineError> {
        match Unfold::of(generation, tally, rows) {
            Some(request) => Ok(self.table.execute(&request).await?),
            // Its rows are in this generation already, so an earlier attempt unfolded it.
            None => Ok(UnfoldOutcome::AlreadyUnfolded),
        }
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
fn offsets(tally: &TallyRow, selection: &Selection) -> BTreeSet<u8> {
    let of = |outcome, set: &BTreeSet<u8>| -> Vec<u8> {
        set.iter().copied().filter(|&offset| selection.takes(index(tally.group, offset), outcome)).collect()
    };
    let mut offsets: BTreeSet<u8> = of(TallyOutcome::Failed, &tally.failed).into_iter().collect();
    offsets.extend(of(TallyOutcome::Cancelled, &tally.cancelled));
    offsets
}

/// How many of the segments that the selection names are in this group.
fn named(tally: &TallyRow, selection: &Selection) -> Result<u64, Refusal> {
    let Some(only) = &selection.only else { return Ok(0) };
    let is_named = |offset: &&u8| only.contains(index(tally.group, **offset));
    if let Some(&offset) = tally.succeeded.iter().find(is_named) {
        return Err(Refusal::Succeeded(tally.group.segment(offset)));
    }
    Ok(tally.failed.iter().chain(&tally.cancelled).filter(is_named).count() as u64)
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
        tally.succeeded = BTreeSet::from([0]);
        tally.failed = BTreeSet::from([1, 2]);
        tally.cancelled = BTreeSet::from([3]);
        tally
    }

    #[test]
    fn the_selected_segments_are_requeued_and_no_others() {
        let all = Selection::unsuccessful();
        assert_eq!(offsets(&tally(), &all), BTreeSet::from([1, 2, 3]));
        assert_eq!(offsets(&tally(), &Selection { cancelled: false, ..all.clone() }), BTreeSet::from([1, 2]));
        let some = Selection { only: Some("130,131".parse().unwrap()), ..all };
        assert_eq!(offsets(&tally(), &some), BTreeSet::from([2, 3]));
        assert_eq!(named(&tally(), &some), Ok(2));
    }

    #[test]
    fn naming_a_segment_that_succeeded_is_refused() {
        let some = Selection { only: Some("127-129".parse().unwrap()), ..Selection::unsuccessful() };
        assert_eq!(named(&tally(), &some), Err(Refusal::Succeeded(tally().group.segment(0))));
    }
}
