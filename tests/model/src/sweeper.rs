//! The sweeper: it resumes what was interrupted and replaces what was lost. With
//! [`Faults::impatience`](crate::Faults::impatience) it also does so while the process that it stands in for is alive.

use control_table::operation::{Tally, TallyResult};
use control_table::rows::{ExecutionStatus, SegmentRow, SegmentStatus};

use crate::config::Mutation;
use crate::coverage::Situation;
use crate::state::{
    Canceller, Claimed, End, Gather, LATER, Place, Record, Redriver, Scatter, State, Worker, number, record_name,
};
use crate::system::{Action, Sweep, System};
use crate::work::finish;

impl System {
    /// What is due, and no process works on.
    pub(super) fn sweeps(&self, state: &State, actions: &mut Vec<Action>) {
        let status = state.execution().status;
        let scattering = state.scatters != [Scatter::Off; 2];
        let cancelling = state.cancellers != [Canceller::Off, Canceller::Off];
        let redriving = state.redrivers != [Redriver::Off, Redriver::Off];
        if status == ExecutionStatus::Scattering && !scattering {
            actions.push(Action::Sweep(Sweep::Scatter));
        }
        if status == ExecutionStatus::Redriving && !redriving && !self.is(Mutation::RedriveNotResumed) {
            actions.push(Action::Sweep(Sweep::Redrive { early: false }));
        }
        let gather_rests = state.images.is_empty() && state.gathers == [Gather::Idle, Gather::Idle];
        if gather_rests && self.to_finalize(state).is_some() {
            actions.push(Action::Sweep(Sweep::Finalize { early: false }));
        } else if gather_rests && status == ExecutionStatus::Cancelling && !cancelling {
            // Nothing to finalize, and not complete: rows are not cancelled, or not counted.
            if !self.is(Mutation::CancelNotResumed) && self.cancel_is_behind(state) {
                actions.push(Action::Sweep(Sweep::Cancel));
            }
        }
        if !scattering && !cancelling && !redriving {
            for row in state.table.segments.values() {
                self.sweep_row(state, row, status == ExecutionStatus::Running, actions);
            }
        }
    }

    /// What the sweeper does although it is not needed.
    pub(super) fn early_sweeps(&self, state: &State, actions: &mut Vec<Action>) {
        if state.faults.impatience == 0 {
            return;
        }
        let redriven_by_user = state.redrivers[0] != Redriver::Off && state.redrivers[1] == Redriver::Off;
        if redriven_by_user && state.execution().status == ExecutionStatus::Redriving {
            actions.push(Action::Sweep(Sweep::Redrive { early: true }));
        }
        let busy = !state.images.is_empty() || state.gathers[0] != Gather::Idle;
        if busy && state.gathers[1] == Gather::Idle && self.to_finalize(state).is_some() {
            actions.push(Action::Sweep(Sweep::Finalize { early: true }));
        }
    }

    /// Whether going through the rows once more would change anything.
    fn cancel_is_behind(&self, state: &State) -> bool {
        (0..state.groups()).flat_map(|group| state.rows(group)).any(|row| {
            let uncounted = !self.is_counted(state, row) && self.counts(row);
            !row.status.is_terminal() || uncounted
        })
    }

    fn counts(&self, row: &SegmentRow) -> bool {
        !(self.is(Mutation::CancelRowSkipsTally) && row.status == SegmentStatus::Cancelled)
    }

    fn is_counted(&self, state: &State, row: &SegmentRow) -> bool {
        let tally = state.tally(number(row.group)).filter(|tally| tally.generation == row.generation);
        tally.is_none_or(|tally| tally.has(row.offset))
    }

    fn sweep_row(&self, state: &State, row: &SegmentRow, runs: bool, actions: &mut Vec<Action>) {
        let place = Place::of(row);
        if place.group >= state.groups() {
            return;
        }
        let (seen, leased) = (state.has_record(place, row.generation), row.lease_until == Some(LATER));
        match row.status {
            SegmentStatus::Running if leased => {
                // Its worker died. If its record comes again, that is faster than the lease.
                let comes_again =
                    |record: Record| record.place == place && Some(record_name(record.id)) == row.claimed_by;
                let on_its_way = state.records.iter().copied().any(comes_again);
                let with_a_worker = state.workers.iter().filter_map(Worker::record).any(comes_again);
                if !on_its_way && !with_a_worker {
                    actions.push(Action::LeaseEnds { place, early: false });
                }
            }
            SegmentStatus::Pending | SegmentStatus::Running => {
                if !seen && runs && !self.is(Mutation::RecordsNotPutAgain) {
                    let used_up = row.status == SegmentStatus::Running && row.attempt >= self.config.max_attempts;
                    actions.push(Action::Sweep(if used_up { Sweep::Fail(place) } else { Sweep::Put(place) }));
                }
            }
            SegmentStatus::Succeeded | SegmentStatus::Failed | SegmentStatus::Cancelled => {
                if !seen && !self.is_counted(state, row) && self.counts(row) {
                    actions.push(Action::Sweep(Sweep::Count(place)));
                }
            }
        }
    }

    /// The sweeper acts.
    pub(super) fn sweep(&self, state: &mut State, sweep: Sweep) {
        match sweep {
            Sweep::Scatter => {
                self.cover(Situation::ScatterResumed);
                state.scatters[1] = self.first_step(state.groups());
                // Of the groups that are committed, only records can be missing.
                for place in self.places().filter(|place| place.group < state.groups()).collect::<Vec<_>>() {
                    let pending = state.row(place).is_some_and(|row| row.status == SegmentStatus::Pending);
                    if pending && !state.has_record(place, 1) {
                        state.put_record(place, 1);
                    }
                }
            }
            Sweep::Cancel => {
                self.cover(Situation::CancelResumed);
                let generation = state.execution().generation;
                state.cancellers[1] = self.next_row(state, generation, None, Vec::new());
            }
            Sweep::Redrive { early } => {
                self.cover(Situation::RedriveResumed);
                state.faults.impatience -= u8::from(early);
                state.redrivers[1] = self.enter_group(state, state.execution().generation, 0);
            }
            Sweep::Finalize { early } => {
                state.faults.impatience -= u8::from(early);
                if let Some(image) = self.to_finalize(state) {
                    self.cover(Situation::FinalizedBySweeper);
                    self.take_image(state, 1, &image);
                }
            }
            Sweep::Put(place) => {
                self.cover(Situation::RecordPutAgain);
                if let Some(generation) = state.row(place).map(|row| row.generation) {
                    state.put_record(place, generation);
                }
            }
            Sweep::Fail(place) => {
                self.cover(Situation::FailedBySweeper);
                let Some((generation, attempt)) = state.row(place).map(|row| (row.generation, row.attempt)) else {
                    return;
                };
                let record = Record { place, generation, id: 0, delivery: 0 };
                let request = finish(Claimed { record, attempt, over: true, fenced: false }, End::Failure);
                self.write(state, None, |table| self.finish(table, &request));
            }
            Sweep::Count(place) => {
                self.cover(Situation::CountedBySweeper);
                if let Some(tally) = state.row(place).and_then(Tally::of)
                    && self.write(state, None, |table| self.tally(table, &tally)) == TallyResult::Missing
                {
                    Self::damaged(state);
                }
            }
        }
    }
}
