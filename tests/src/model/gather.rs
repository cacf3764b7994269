//! The gather: folds, completes, publishes, marks. The sweeper does the same where nobody else does.

use control_table::op::{Complete, CompleteOutcome, Fold, FoldOutcome, MarkPublished};

use super::config::Mutation;
use super::state::{Breach, Event, Gather, Image, LATER, NOW, State, execution_id};
use super::system::System;
use super::ways::Way;

impl System {
    /// The gather is given an image. Before its next write it reads the execution.
    pub(super) fn take_image(&self, state: &mut State, who: usize, image: &Image) {
        if let Image::Tally(seen) = image {
            let request = Fold {
                execution_id: execution_id(),
                generation: seen.0.generation,
                tallies: vec![seen.0.as_ref().clone()],
            };
            match self.write(state, None, |table| self.fold(table, &request)) {
                FoldOutcome::Folded(0) => self.reach(Way::FoldRefused),
                FoldOutcome::Folded(_) => {}
                FoldOutcome::Stale => self.reach(Way::FoldStale),
            }
        }
        state.gathers[who] = Gather::Settling(state.execution().generation);
    }

    /// One more write of the gather's. One whose answer is lost is sent again.
    pub(super) fn step_gather(&self, state: &mut State, who: usize, lost: bool) {
        let next = match state.gathers[who].clone() {
            Gather::Idle => return,
            Gather::Settling(generation) => self.settle(state, generation),
            Gather::Publishing(event) => {
                let generation = event.generation;
                let event =
                    if self.is(Mutation::PublishWithLaterRead) { self.later_read(state, &event) } else { event };
                if state.published.contains(&event) {
                    self.reach(Way::PublishedAgain);
                } else {
                    state.published.push(event);
                }
                Gather::Marking(generation)
            }
            Gather::Marking(generation) => {
                let request = MarkPublished { execution_id: execution_id(), generation };
                self.write(state, None, |table| table.mark_published(&request));
                Gather::Idle
            }
        };
        if !lost {
            state.gathers[who] = next;
        }
    }

    fn settle(&self, state: &mut State, generation: u32) -> Gather {
        let request = Complete { generation, now: NOW, due_at: LATER };
        match self.write(state, None, |table| self.complete(table, &request)) {
            CompleteOutcome::Completed(row) => Gather::Publishing(Event::of(&row)),
            CompleteOutcome::AlreadyComplete(row) if row.is_unpublished() => {
                self.reach(Way::CompletedBefore);
                Gather::Publishing(Event::of(&row))
            }
            CompleteOutcome::AlreadyComplete(_) | CompleteOutcome::NotYet => Gather::Idle,
            CompleteOutcome::Stale => {
                self.reach(Way::SettleStale);
                Gather::Idle
            }
        }
    }

    fn later_read(&self, state: &State, event: &Event) -> Event {
        Event { generation: event.generation, status: event.status, ..Event::of(state.execution()) }
    }

    /// What the sweeper finds to settle: a finished tally that is not folded, or an execution to complete or to publish.
    pub(super) fn to_settle(&self, state: &State) -> Option<Image> {
        let row = state.execution();
        let foldable =
            state.table.tallies.values().find(|tally| {
                tally.pending == 0 && tally.generation == row.generation && tally.folded != tally.generation
            });
        if let Some(tally) = foldable {
            return Some(Image::Tally(super::state::Held::new(tally.clone())));
        }
        let mut copy = Some(row.clone());
        let complete = Complete { generation: row.generation, now: NOW, due_at: LATER };
        let completes = matches!(complete.apply(&mut copy), CompleteOutcome::Completed(_));
        (completes || row.is_unpublished()).then_some(Image::Execution)
    }

    /// Something is met that only a damaged table has.
    pub(super) fn damaged(state: &mut State) {
        state.breach.get_or_insert(Breach::Damaged);
    }
}
