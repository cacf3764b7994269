//! Operators who cancel and redrive, and the sweeper that resumes what was interrupted.

use control_table::operation::{
    BeginRedrive, BeginRedriveOutcome, Cancel, CancelOutcome, CancelSegment, CancelSegmentOutcome, EndRedrive,
    EndRedriveOutcome, QueueCancel, QueueCancelOutcome, Requeue, RequeueOutcome, Tally, TallyResult, Unfold,
    UnfoldGroup, UnfoldOutcome,
};
use control_table::rows::{SegmentStatus, Selection, Stop, TallyOutcome};

use crate::config::Mutation;
use crate::coverage::Situation;
use crate::state::{Canceller, Held, LATER, NOW, Place, Redriver, State, execution_id, group_id};
use crate::system::System;

/// An un-fold of one group. One of several is the same as one after the other: it is one transaction, and each group of it is un-folded or
/// left out by itself.
fn unfold_one(generation: u32, group: UnfoldGroup) -> Unfold {
    Unfold { execution_id: execution_id(), generation, groups: vec![group], now: NOW }
}

fn offsets(unfold: &Held<Unfold>) -> Vec<u8> {
    unfold.0.groups.iter().flat_map(|group| group.offsets.keys().copied()).collect()
}

fn group_number(unfold: &Held<Unfold>) -> u8 {
    unfold.0.groups.first().map_or(0, |group| crate::state::number(group.group()))
}

impl System {
    /// An operator begins to cancel the generation.
    pub(super) fn begin_cancel(&self, state: &mut State, who: usize, generation: u32, lost: bool) {
        state.cancellers[who] = Canceller::Beginning(generation);
        let request = Cancel { execution_id: execution_id(), generation, reason: Stop::Requested, due_at: LATER };
        let outcome = self.write(state, None, |table| self.cancel(table, &request));
        if lost {
            self.cover(Situation::CancelUnanswered);
            return;
        }
        state.cancellers[who] = match outcome {
            CancelOutcome::Cancelling(row) => {
                self.cover(if row.sealed_at.is_some() {
                    Situation::CancelledRunning
                } else {
                    Situation::CancelledScattering
                });
                self.next_row(state, generation, None, Vec::new())
            }
            CancelOutcome::AlreadyCancelling(_) => self.next_row(state, generation, None, Vec::new()),
            CancelOutcome::Redriving => {
                // The refusal above changed nothing, so the two writes are one step.
                let queue = QueueCancel { execution_id: execution_id(), generation, reason: Stop::Requested };
                if self.write(state, None, |table| table.execute(&queue)) == QueueCancelOutcome::Queued {
                    self.cover(Situation::CancelQueued);
                }
                Canceller::Off
            }
            CancelOutcome::AlreadyComplete(_) | CancelOutcome::Stale { .. } => Canceller::Off,
            CancelOutcome::Missing => {
                Self::damaged(state);
                Canceller::Off
            }
        };
    }

    /// The row after `last`, or the count of its group; a group is walked through before it is counted.
    pub(super) fn next_row(
        &self,
        state: &State,
        generation: u32,
        last: Option<Place>,
        outcomes: Vec<Held<Tally>>,
    ) -> Canceller {
        let next = self.places().find(|&place| last.is_none_or(|last| place > last));
        let next = next.filter(|place| place.group < state.groups());
        match (last, next) {
            (Some(last), next) if next.is_none_or(|next| next.group != last.group) && !outcomes.is_empty() => {
                let merged = Tally::merge(outcomes.iter().map(|held| held.0.as_ref().clone()));
                let outcomes = merged.into_iter().map(Held::new).collect();
                Canceller::Count { generation, group: last.group, outcomes }
            }
            (_, Some(place)) => Canceller::Row { generation, place, outcomes },
            (_, None) => Canceller::Off,
        }
    }

    /// The next write of a cancel.
    pub(super) fn step_canceller(&self, state: &mut State, who: usize, lost: bool) {
        let next = match state.cancellers[who].clone() {
            Canceller::Off => return,
            Canceller::Beginning(generation) => return self.begin_cancel(state, who, generation, lost),
            Canceller::Row { generation, place, mut outcomes } => {
                let was_running = state.row(place).is_some_and(|row| row.status == SegmentStatus::Running);
                let request = CancelSegment { segment: place.id(), generation, now: NOW };
                let row = match self.write(state, None, |table| Self::cancel_segment(table, &request)) {
                    CancelSegmentOutcome::Cancelled(row) => {
                        if was_running {
                            self.cover(Situation::WorkerCancelled);
                        }
                        Some(row).filter(|_| !self.is(Mutation::CancelRowSkipsTally))
                    }
                    CancelSegmentOutcome::AlreadyFinished(row) => {
                        let skipped = self.is(Mutation::CancelRowSkipsTally) && row.status == SegmentStatus::Cancelled;
                        Some(row).filter(|_| !skipped)
                    }
                    CancelSegmentOutcome::Stale { .. } => None,
                    CancelSegmentOutcome::Missing => {
                        Self::damaged(state);
                        None
                    }
                };
                if !lost {
                    outcomes.extend(row.and_then(|row| Tally::of(&row)).map(Held::new));
                }
                self.next_row(state, generation, Some(place), outcomes)
            }
            Canceller::Count { generation, group, mut outcomes } => {
                let Some(tally) = outcomes.pop() else { return };
                if self.write(state, None, |table| self.tally(table, &tally.0)) == TallyResult::Missing {
                    Self::damaged(state);
                }
                if outcomes.is_empty() {
                    let last = self.places().filter(|place| place.group == group).last();
                    self.next_row(state, generation, last, outcomes)
                } else {
                    Canceller::Count { generation, group, outcomes }
                }
            }
        };
        if !lost {
            state.cancellers[who] = next;
        }
    }

    /// An operator begins to redrive into that generation.
    pub(super) fn begin_to_redrive(&self, state: &mut State, who: usize, generation: u32, lost: bool) {
        state.redrivers[who] = Redriver::Beginning(generation);
        let request = BeginRedrive {
            execution_id: execution_id(),
            generation,
            selection: Selection::unsuccessful(),
            limited: false,
            now: NOW,
            due_at: LATER,
        };
        let outcome = self.write(state, None, |table| self.begin_redrive(table, &request));
        if lost {
            self.cover(Situation::RedriveUnanswered);
            return;
        }
        state.redrivers[who] = match outcome {
            BeginRedriveOutcome::Begun(_) | BeginRedriveOutcome::AlreadyBegun(_) => {
                self.enter_group(state, generation, 0)
            }
            BeginRedriveOutcome::NotPublished => {
                self.cover(Situation::RedriveRefused);
                Redriver::Off
            }
            BeginRedriveOutcome::NotComplete(_)
            | BeginRedriveOutcome::NotSealed
            | BeginRedriveOutcome::Expiring
            | BeginRedriveOutcome::Stale { .. } => Redriver::Off,
            BeginRedriveOutcome::PolicyChanged | BeginRedriveOutcome::Missing => {
                Self::damaged(state);
                Redriver::Off
            }
        };
    }

    /// Reads the groups from `group` on, and stops at the first with something to requeue.
    pub(super) fn enter_group(&self, state: &State, generation: u32, group: u8) -> Redriver {
        let takes = |outcome| Selection::unsuccessful().takes(0, outcome) || self.is(Mutation::RequeueSucceeded);
        for group in group..self.groups() {
            let chosen = state
                .rows(group)
                .filter(|row| row.generation < generation && TallyOutcome::of(row.status).is_some_and(takes));
            let unfold = state.tally(group).and_then(|tally| UnfoldGroup::of(tally, chosen));
            if let Some(unfold) = unfold.map(|group| Held::new(unfold_one(generation, group))) {
                let left = offsets(&unfold);
                return if self.is(Mutation::RowsBeforeUnfold) {
                    Redriver::Rows { unfold, left }
                } else {
                    Redriver::Unfold(unfold)
                };
            }
        }
        Redriver::End(generation)
    }

    /// The next write of a redrive.
    pub(super) fn step_redriver(&self, state: &mut State, who: usize, lost: bool) {
        let next = match state.redrivers[who].clone() {
            Redriver::Off => return,
            Redriver::Beginning(generation) => return self.begin_to_redrive(state, who, generation, lost),
            Redriver::Unfold(unfold) => self.unfold_group(state, unfold),
            Redriver::Rows { unfold, left } => self.requeue_row(state, unfold, left),
            Redriver::Records(unfold) => {
                let (generation, group) = (unfold.0.generation, group_number(&unfold));
                for offset in offsets(&unfold) {
                    let place = Place { group, offset };
                    if !state.has_record(place, generation) {
                        state.put_record(place, generation);
                    }
                }
                if self.is(Mutation::RowsBeforeUnfold) {
                    Redriver::Unfold(unfold)
                } else if self.is(Mutation::EndRedriveBeforeRows) {
                    Redriver::Off
                } else {
                    self.enter_group(state, generation, group + 1)
                }
            }
            Redriver::End(generation) => {
                self.end(state, generation);
                Redriver::Off
            }
        };
        if !lost {
            state.redrivers[who] = next;
        }
    }

    fn end(&self, state: &mut State, generation: u32) {
        let request = EndRedrive { execution_id: execution_id(), generation, stop_requested: None, now: NOW };
        if self.write(state, None, |table| table.execute(&request)) == EndRedriveOutcome::NotRedriving {
            self.cover(Situation::RedriveEndedByAnother);
        }
    }

    fn unfold_group(&self, state: &mut State, unfold: Held<Unfold>) -> Redriver {
        let (generation, group) = (unfold.0.generation, group_number(&unfold));
        match self.write(state, None, |table| self.unfold(table, &unfold.0)) {
            UnfoldOutcome::Unfolded(_) | UnfoldOutcome::AlreadyUnfolded if self.is(Mutation::RowsBeforeUnfold) => {
                self.enter_group(state, generation, group + 1)
            }
            outcome @ (UnfoldOutcome::Unfolded(_) | UnfoldOutcome::AlreadyUnfolded) => {
                if outcome == UnfoldOutcome::AlreadyUnfolded {
                    self.cover(Situation::UnfoldedBefore);
                }
                if self.is(Mutation::EndRedriveBeforeRows) {
                    // The wrong moment, one write early: the rest of the group, and of the groups, comes after it.
                    self.end(state, generation);
                }
                let left = offsets(&unfold);
                Redriver::Rows { unfold, left }
            }
            UnfoldOutcome::Stale => {
                self.cover(Situation::UnfoldStale);
                Redriver::Off
            }
            UnfoldOutcome::NotFolded(_) | UnfoldOutcome::Missing => {
                Self::damaged(state);
                Redriver::Off
            }
        }
    }

    fn requeue_row(&self, state: &mut State, unfold: Held<Unfold>, mut left: Vec<u8>) -> Redriver {
        if !left.is_empty() {
            let segment = group_id(group_number(&unfold)).segment(left.remove(0));
            let request = Requeue { segment, generation: unfold.0.generation };
            match self.write(state, None, |table| self.requeue(table, &request)) {
                RequeueOutcome::Requeued(_) => {}
                RequeueOutcome::AlreadyRequeued(_) => self.cover(Situation::RequeuedBefore),
                RequeueOutcome::NotUnsuccessful(_) | RequeueOutcome::Missing => Self::damaged(state),
            }
        }
        if left.is_empty() { Redriver::Records(unfold) } else { Redriver::Rows { unfold, left } }
    }
}
