//! Writes: the real operations on the table, the mistake that a mutation makes in them, and what no write may do.

use std::sync::Arc;

use control_table::operation::{
    AddRows, BeginRedrive, BeginRedriveOutcome, Cancel, CancelOutcome, CancelSegment, CancelSegmentOutcome, Claim,
    ClaimOutcome, CommitGroup, CommitGroupOutcome, Complete, CompleteOutcome, Finish, FinishOutcome, Fold, FoldOutcome,
    Requeue, RequeueOutcome, Seal, SealOutcome, Tally, TallyResult, Unfold, UnfoldOutcome,
};
use control_table::rows::{ExecutionRow, SegmentStatus, TallyOutcome};
use control_table::store::memory::MemoryTable;

use crate::config::Mutation;
use crate::state::{Breach, Event, Held, Place, State, StreamImage, execution_id};
use crate::system::System;
use control_table::clock::Timestamp;
use control_table::rows::ExecutionStatus;

/// The operations, each with the mistake that [`Config::mutation`](crate::Config::mutation) makes in it, if it makes one.
impl System {
    /// Applies a write. From what changed it works out which workers lost a claim, which images the stream sends, and whether the
    /// write broke a rule.
    pub(super) fn write<O>(
        &self,
        state: &mut State,
        worker: Option<usize>,
        write: impl FnOnce(&mut MemoryTable) -> O,
    ) -> O {
        let before = Arc::clone(&state.table);
        let outcome = write(Arc::make_mut(&mut state.table));
        if *state.table == *before {
            state.table = before;
        } else {
            self.after_write(state, worker, &before);
        }
        outcome
    }

    fn after_write(&self, state: &mut State, worker: Option<usize>, before: &MemoryTable) {
        let table = Arc::clone(&state.table);
        for (id, row) in &table.segments {
            let Some(was) = before.segments.get(id).filter(|was| *was != row) else { continue };
            let same_generation = was.generation == row.generation;
            let final_before = was.status == SegmentStatus::Succeeded || (was.status.is_terminal() && same_generation);
            if final_before {
                state.breach.get_or_insert(Breach::OutcomeSetBack);
            }
            self.fence(state, worker, Place::of(row));
        }
        for (group, tally) in &table.tallies {
            let was = before.tallies.get(group);
            let finished = tally.pending == 0 && was.is_none_or(|was| was.pending != 0);
            if finished || (self.is(Mutation::FoldUnfinished) && was.is_some_and(|was| was.pending != tally.pending)) {
                state.send(StreamImage::Tally(Held::new(tally.clone())));
            }
        }
        let (Some(was), now) = (before.executions.get(&execution_id()), &table.executions[&execution_id()]) else {
            return;
        };
        if was.status != ExecutionStatus::Running && now.status == ExecutionStatus::Running {
            state.send(StreamImage::Execution);
        }
        self.compare_executions(state, was, now);
    }

    /// A changed row is no longer the claim of any worker but the one that changed it.
    fn fence(&self, state: &mut State, actor: Option<usize>, place: Place) {
        if let Some(claimed) = actor.and_then(|worker| state.workers[worker].claimed_mut())
            && claimed.fenced
        {
            state.breach.get_or_insert(Breach::NotFenced);
        }
        let row = state.row(place).map(|row| (row.generation, row.status));
        for worker in 0..state.workers.len() {
            if Some(worker) == actor {
                continue;
            }
            let Some(claimed) = state.workers[worker].claimed_mut() else { continue };
            if claimed.record.place != place {
                continue;
            }
            let claimed_away = row == Some((claimed.record.generation, SegmentStatus::Running));
            if actor.is_some() && claimed_away && !claimed.over {
                state.breach.get_or_insert(Breach::LeaseBroken);
            }
            (claimed.over, claimed.fenced) = (true, true);
        }
    }

    fn compare_executions(&self, state: &mut State, was: &ExecutionRow, now: &ExecutionRow) {
        if now.generation == was.generation && was.status.is_terminal() {
            let same = now.status == was.status && now.counts == was.counts && Event::of(now) == Event::of(was);
            if !same {
                state.breach.get_or_insert(Breach::CompletionChanged);
            }
        }
        if now.generation != was.generation && !state.published.iter().any(|event| event.generation == was.generation) {
            state.breach.get_or_insert(Breach::BegunBeforeEvent);
        }
        if now.status.is_terminal() && !was.status.is_terminal() {
            self.judge_completion(state, now);
        }
    }

    /// What must hold at the moment of a completion.
    fn judge_completion(&self, state: &mut State, row: &ExecutionRow) {
        let event = Event::of(row);
        let again = state.completions.iter().any(|earlier| earlier.generation == event.generation);
        let stopped = row.stopped.is_some();
        let mut recount = [0_u64; 5];
        let mut items = 0;
        let mut all_done = stopped || row.sealed_at.is_some();
        for place in self.places().filter(|place| !stopped || place.group < state.groups()) {
            let Some(segment) = state.row(place) else {
                all_done = false;
                continue;
            };
            recount[0] += 1;
            match TallyOutcome::of(segment.status) {
                Some(TallyOutcome::Succeeded) => recount[1] += 1,
                Some(TallyOutcome::Failed) => recount[2] += 1,
                Some(TallyOutcome::Cancelled) => recount[3] += 1,
                None => all_done = false,
            }
            recount[4] += u64::from(segment.attempt);
            items += segment.counts.item_count;
        }
        let breach = if again {
            Some(Breach::CompletedTwice)
        } else if !all_done {
            Some(Breach::CompletedEarly)
        } else if (recount, items) != (event.numbers, event.items) {
            Some(Breach::Miscounted)
        } else {
            None
        };
        state.breach = state.breach.or(breach);
        state.completions.push(event);
    }

    pub(super) fn add_rows(&self, table: &mut MemoryTable, request: &AddRows) {
        if self.is(Mutation::OverwriteRowsOnAdd) {
            for row in request.rows() {
                table.segments.remove(&row.id());
            }
        }
        table.execute(request);
    }

    pub(super) fn commit_group(&self, table: &mut MemoryTable, request: &CommitGroup) -> CommitGroupOutcome {
        let execution_row = table.executions.get_mut(&execution_id());
        let (Some(row), true) = (execution_row, self.is(Mutation::CommitWithoutOrder)) else {
            return table.execute(request);
        };
        let groups = std::mem::replace(&mut row.groups, request.group.group);
        let outcome = table.execute(request);
        change(table, |row| row.groups = groups + u64::from(outcome == CommitGroupOutcome::Committed));
        outcome
    }

    pub(super) fn seal(&self, table: &mut MemoryTable, request: &Seal) -> SealOutcome {
        let mut request = request.clone();
        if self.is(Mutation::SealTooEarly) {
            change(table, |row| request.groups = row.groups);
        }
        table.execute(&request)
    }

    pub(super) fn claim(&self, table: &mut MemoryTable, request: &Claim) -> ClaimOutcome {
        if let Some(row) = table.segments.get_mut(&request.segment) {
            if self.is(Mutation::ClaimIgnoresLease) && row.claimed_by.as_deref() != Some(&request.record) {
                row.lease_until = row.lease_until.map(|_| Timestamp::EPOCH);
            }
            if self.is(Mutation::ClaimFinished) && row.status.is_terminal() {
                row.status = SegmentStatus::Pending;
            }
        }
        table.execute(request)
    }

    pub(super) fn finish(&self, table: &mut MemoryTable, request: &Finish) -> FinishOutcome {
        let mut request = request.clone();
        if self.is(Mutation::StaleFinishAccepted)
            && let Some(row) = table.segments.get(&request.segment)
        {
            (request.generation, request.attempt) = (row.generation, row.attempt);
        }
        table.execute(&request)
    }

    pub(super) fn tally(&self, table: &mut MemoryTable, request: &Tally) -> TallyResult {
        let mut request = request.clone();
        let Some(tally) = table.tallies.get_mut(&request.group) else { return table.execute(&request) };
        if self.is(Mutation::DropGenerationCheckOnTally) {
            request.generation = tally.generation;
        }
        if self.is(Mutation::DropNotContains) && tally.generation == request.generation {
            for counted in &request.outcomes {
                tally.set_mut(counted.outcome).remove(counted.offset);
            }
        }
        table.execute(&request)
    }

    pub(super) fn fold(&self, table: &mut MemoryTable, request: &Fold) -> FoldOutcome {
        let mut request = request.clone();
        let mut pending = Vec::new();
        if self.is(Mutation::DropGenerationCheckOnFold) {
            change(table, |row| request.generation = row.generation);
        }
        for seen in &request.tallies {
            let Some(tally) = table.tallies.get_mut(&seen.group) else { continue };
            if self.is(Mutation::FoldTwice) && tally.folded == tally.generation {
                tally.folded = 0;
            }
            pending.push((seen.group, tally.pending));
            if self.is(Mutation::FoldUnfinished) {
                tally.pending = 0;
            }
        }
        let outcome = table.execute(&request);
        for (group, pending) in pending {
            table.tallies.entry(group).and_modify(|tally| tally.pending = pending);
        }
        outcome
    }

    pub(super) fn complete(&self, table: &mut MemoryTable, request: &Complete) -> CompleteOutcome {
        let mut scattering = false;
        if self.is(Mutation::CompleteBeforeSeal) {
            change(table, |row| {
                scattering = row.status == ExecutionStatus::Scattering;
                if scattering {
                    row.status = ExecutionStatus::Running;
                }
            });
        }
        let outcome = table.execute(request);
        if scattering && outcome == CompleteOutcome::NotYet {
            change(table, |row| row.status = ExecutionStatus::Scattering);
        }
        outcome
    }

    pub(super) fn cancel(&self, table: &mut MemoryTable, request: &Cancel) -> CancelOutcome {
        if self.is(Mutation::CancelDuringRedrive) {
            change(table, |row| {
                if row.status == ExecutionStatus::Redriving {
                    row.status = ExecutionStatus::Running;
                }
            });
        }
        table.execute(request)
    }

    pub(super) fn cancel_segment(table: &mut MemoryTable, request: &CancelSegment) -> CancelSegmentOutcome {
        table.execute(request)
    }

    pub(super) fn begin_redrive(&self, table: &mut MemoryTable, request: &BeginRedrive) -> BeginRedriveOutcome {
        if !self.is(Mutation::RedriveBeforePublish) {
            return table.execute(request);
        }
        let mut published = 0;
        change(table, |row| published = std::mem::replace(&mut row.published_generation, row.generation));
        let outcome = table.execute(request);
        change(table, |row| row.published_generation = published);
        outcome
    }

    pub(super) fn unfold(&self, table: &mut MemoryTable, request: &Unfold) -> UnfoldOutcome {
        if self.is(Mutation::UnfoldTwice)
            && let Some(group) = request.groups.first()
            && let Some(tally) = table.tallies.get_mut(&group.group())
            && tally.generation == request.generation
        {
            let seen = group.tally.generation;
            (tally.generation, tally.folded, tally.pending) = (seen, seen, 0);
        }
        let execution = table.executions.get(&execution_id()).cloned();
        let outcome = table.execute(request);
        if let (Some(execution), true) = (execution, self.is(Mutation::UnfoldWithoutExecution)) {
            table.executions.insert(execution_id(), execution);
        }
        outcome
    }

    pub(super) fn requeue(&self, table: &mut MemoryTable, request: &Requeue) -> RequeueOutcome {
        if self.is(Mutation::RequeueSucceeded)
            && let Some(row) = table.segments.get_mut(&request.segment)
            && row.status == SegmentStatus::Succeeded
        {
            row.status = SegmentStatus::Failed;
        }
        table.execute(request)
    }
}

fn change(table: &mut MemoryTable, change: impl FnOnce(&mut ExecutionRow)) {
    table.executions.entry(execution_id()).and_modify(change);
}
