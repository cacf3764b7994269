//! Redriving an execution: what failed, or was cancelled, is put back into a next generation.
//!
//! Everything is checked before anything is written. Then, group by group: un-fold, rows, records; at the end the execution
//! runs. Every step may be repeated and interrupted: whoever finds the execution in REDRIVING goes on with it.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use control_table::id::{ExecutionId, GroupId};
use control_table::item::{
    ExecutionRow, ExecutionStatus, SegmentRow, SegmentStatus, Selection, TallyOutcome, TallyRow,
};
use control_table::op::{
    BeginRedrive, BeginRedriveOutcome, EndRedrive, EndRedriveOutcome, PutBack, PutBackOutcome, Unfold, UnfoldOutcome,
};
use control_table::record::SegmentRecord;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;

use crate::cancel::{GROUPS_AT_ONCE, ROWS_AT_ONCE};
use crate::error::{Refusal, SweepError};
use crate::plans::{Planned, Plans};
use crate::sweep::{SweepReport, Sweeper};

/// How long before its rows are deleted an execution is redriven no more: a redrive needs time, and so does whoever looks at
/// what came of it.
const BEFORE_EXPIRY: TimeDelta = TimeDelta::days(1);

/// What a redrive did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RedriveReport {
    /// The generation that runs now.
    pub generation: u32,
    /// Segments that were put back by this call.
    pub segments: u64,
    /// Whether everything is put back. If not, the time was up, and the sweeper goes on.
    pub finished: bool,
}

/// What became of one group.
enum GroupEnd {
    Done(u64),
    /// Somebody else ended this redrive.
    Over,
}

impl Sweeper {
    /// Redrives a complete execution. Calling it again while it is under way goes on with it.
    ///
    /// # Errors
    /// A [`Refusal`], before anything is written; or a failed step: then the sweeper goes on with it.
    pub async fn redrive(
        &self,
        execution_id: ExecutionId,
        selection: Selection,
        deadline: DateTime<Utc>,
    ) -> Result<RedriveReport, SweepError> {
        let Some(execution) = self.table.execution(execution_id).await? else {
            return Err(Refusal::Missing(execution_id).into());
        };
        if execution.status == ExecutionStatus::Redriving {
            if execution.redrive.as_ref() != Some(&selection) {
                return Err(Refusal::AnotherRedrive(execution_id).into());
            }
            return self.put_back_all(&execution, deadline).await;
        }
        self.check(&execution, &selection).await?;
        let begun = self.begin(&execution, selection).await?;
        tracing::info!(%execution_id, generation = begun.generation, "is being redriven");
        self.put_back_all(&begun, deadline).await
    }

    /// Refuses what could not be meant.
    async fn check(&self, execution: &ExecutionRow, selection: &Selection) -> Result<(), SweepError> {
        let (execution_id, status) = (execution.execution_id, execution.status);
        if !status.is_terminal() {
            return Err(Refusal::NotComplete { execution_id, status }.into());
        }
        let soon = self.clock.timestamp().plus(BEFORE_EXPIRY).as_ttl_seconds();
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
        let named = selection.only.as_ref().map_or(0, control_table::item::Indexes::count);
        if found < named {
            return Err(Refusal::UnknownSegments { execution_id, named, found }.into());
        }
        if chosen == 0 {
            return Err(Refusal::NothingToRedrive(execution_id).into());
        }
        Ok(())
    }

    async fn begin(&self, execution: &ExecutionRow, selection: Selection) -> Result<ExecutionRow, SweepError> {
        let execution_id = execution.execution_id;
        let now = self.clock.timestamp();
        let request = BeginRedrive {
            execution_id,
            generation: execution.generation + 1,
            selection,
            limited: execution.policy.max_concurrency.is_some(),
            now,
            due_at: execution.policy.next_look(now, now, self.settings.patience),
        };
        let refusal = match self.table.begin_redrive(&request).await? {
            BeginRedriveOutcome::Begun(row) => return Ok(*row),
            BeginRedriveOutcome::AlreadyBegun(row) if row.redrive.as_ref() == Some(&request.selection) => {
                return Ok(*row);
            }
            BeginRedriveOutcome::AlreadyBegun(_) => Refusal::AnotherRedrive(execution_id),
            BeginRedriveOutcome::NotComplete(status) => Refusal::NotComplete { execution_id, status },
            BeginRedriveOutcome::NotPublished => Refusal::NotPublished(execution_id),
            BeginRedriveOutcome::NotSealed => Refusal::NotSealed(execution_id),
            BeginRedriveOutcome::Stale { .. } | BeginRedriveOutcome::PolicyChanged => Refusal::Changed(execution_id),
            BeginRedriveOutcome::Missing => Refusal::Missing(execution_id),
        };
        Err(refusal.into())
    }

    /// Puts back everything that an execution in REDRIVING says, and lets it run.
    pub(crate) async fn put_back_all(
        &self,
        execution: &ExecutionRow,
        deadline: DateTime<Utc>,
    ) -> Result<RedriveReport, SweepError> {
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
                match self.put_back_group(execution, &selection, planned.as_deref(), &tally).await? {
                    GroupEnd::Done(segments) => report.segments += segments,
                    GroupEnd::Over => return Ok(RedriveReport { finished: true, ..report }),
                }
            }
        }
        let end = EndRedrive { execution_id, generation };
        if let EndRedriveOutcome::Running(row) = self.table.end_redrive(&end).await? {
            self.look_in_time(&row).await?;
        }
        self.after_redrive(execution).await?;
        Ok(RedriveReport { finished: true, ..report })
    }

    async fn after_redrive(&self, execution: &ExecutionRow) -> Result<(), SweepError> {
        self.hand_out(execution, &mut SweepReport::default()).await?;
        self.settle(execution.execution_id, &mut SweepReport::default()).await?;
        Ok(())
    }

    async fn put_back_group(
        &self,
        execution: &ExecutionRow,
        selection: &Selection,
        planned: Option<&Planned>,
        tally: &TallyRow,
    ) -> Result<GroupEnd, SweepError> {
        let generation = execution.generation;
        let is_unfolded = tally.generation == generation;
        let chosen = offsets(tally, selection);
        if !is_unfolded && chosen.is_empty() {
            return Ok(GroupEnd::Done(0));
        }
        // Of a tally as it was, its sets say which rows are put back. Of one that was un-folded before, only the rows can tell.
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
                    return Err(SweepError::Damaged { group: tally.group });
                }
            }
        }
        let rows = rows.into_iter().filter(|row| is_put_back(row, selection, generation));
        let put_back = self.put_back_rows(rows, generation).await?;
        let waiting = put_back.iter().filter(|row| row.status == SegmentStatus::Pending && row.due.is_none());
        // With a limit of segments in flight they are handed out once the execution runs.
        if let Some(planned) = planned.filter(|_| execution.handed_out.is_none()) {
            let records: Vec<SegmentRecord> = waiting.map(|row| planned.record(row)).collect();
            self.dispatcher.put(&records).await?;
        }
        Ok(GroupEnd::Done(put_back.len() as u64))
    }

    async fn unfold(
        &self,
        generation: u32,
        tally: &TallyRow,
        rows: impl Iterator<Item = &SegmentRow>,
    ) -> Result<UnfoldOutcome, SweepError> {
        match Unfold::of(generation, tally, rows) {
            Some(request) => Ok(self.table.unfold(&request).await?),
            // Its rows are in this generation already: they only are after an un-fold.
            None => Ok(UnfoldOutcome::AlreadyUnfolded),
        }
    }

    async fn put_back_rows(
        &self,
        rows: impl Iterator<Item = SegmentRow>,
        generation: u32,
    ) -> Result<Vec<SegmentRow>, SweepError> {
        // Collected, because the compiler cannot see that a stream of a borrowing closure may cross threads.
        let requests: Vec<_> = rows.map(|row| self.put_back_row(row, generation)).collect();
        let rows: Vec<Option<SegmentRow>> = stream::iter(requests).buffer_unordered(ROWS_AT_ONCE).try_collect().await?;
        Ok(rows.into_iter().flatten().collect())
    }

    async fn put_back_row(&self, row: SegmentRow, generation: u32) -> Result<Option<SegmentRow>, SweepError> {
        if row.generation == generation {
            return Ok(Some(row));
        }
        Ok(match self.table.put_back(&PutBack { segment: row.id(), generation }).await? {
            PutBackOutcome::PutBack(row) | PutBackOutcome::AlreadyPutBack(row) => Some(*row),
            PutBackOutcome::NotUnsuccessful(_) | PutBackOutcome::Missing => None,
        })
    }
}

/// The offsets of a finished tally that are put back.
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

/// A row that the redrive of that generation puts back, or has put back and that nobody has taken yet.
fn is_put_back(row: &SegmentRow, selection: &Selection, generation: u32) -> bool {
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
    fn what_is_asked_for_is_put_back_and_nothing_else() {
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
