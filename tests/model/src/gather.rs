//! The gather: folds, completes, publishes, marks. The sweeper does the same for what no image on the stream leads to.

use control_table::operation::{Complete, CompleteOutcome, Fold, FoldOutcome, MarkPublished, Operation};

use crate::config::Mutation;
use crate::coverage::Situation;
use crate::state::{Breach, Event, Gather, Held, LATER, NOW, State, StreamImage, execution_id};
use crate::system::System;

impl System {
    /// The gather is given an image. Before its next write it reads the execution.
    pub(super) fn take_image(&self, state: &mut State, who: usize, image: &StreamImage) {
        if let StreamImage::Tally(seen) = image {
            let request = Fold {
                execution_id: execution_id(),
                generation: seen.0.generation,
                tallies: vec![seen.0.as_ref().clone()],
            };
            match self.write(state, None, |table| self.fold(table, &request)) {
                FoldOutcome::Folded(0) => self.cover(Situation::FoldRefused),
                FoldOutcome::Folded(_) => {}
                FoldOutcome::Stale => self.cover(Situation::FoldStale),
            }
        }
        state.gathers[who] = Gather::Finalizing(state.execution().generation);
    }

    /// The next write of the gather. One whose answer is lost is sent again.
    pub(super) fn step_gather(&self, state: &mut State, who: usize, lost: bool) {
        let next = match state.gathers[who].clone() {
            Gather::Idle => return,
            Gather::Finalizing(generation) => self.finalize(state, generation),
            Gather::Publishing(event) => {
                let generation = event.generation;
                let event =
                    if self.is(Mutation::PublishWithLaterRead) { self.later_read(state, &event) } else { event };
                if state.published.contains(&event) {
                    self.cover(Situation::PublishedAgain);
                } else {
                    state.published.push(event);
                }
                Gather::Marking(generation)
            }
            Gather::Marking(generation) => {
                let request = MarkPublished { execution_id: execution_id(), generation, expires_at: None };
                self.write(state, None, |table| table.execute(&request));
                Gather::Idle
            }
        };
        if !lost {
            state.gathers[who] = next;
        }
    }

    fn finalize(&self, state: &mut State, generation: u32) -> Gather {
        let request = Self::completion(state, generation);
        match self.write(state, None, |table| self.complete(table, &request)) {
            CompleteOutcome::Completed(row) => Gather::Publishing(Event::of(&row)),
            CompleteOutcome::AlreadyComplete(row) if row.is_unpublished() => {
                self.cover(Situation::CompletedBefore);
                Gather::Publishing(Event::of(&row))
            }
            CompleteOutcome::AlreadyComplete(_) | CompleteOutcome::NotYet => Gather::Idle,
            CompleteOutcome::Stale => {
                self.cover(Situation::FinalizeStale);
                Gather::Idle
            }
        }
    }

    fn completion(state: &State, generation: u32) -> Complete {
        Complete { seen: Box::new(state.execution().clone()), generation, now: NOW, due_at: LATER }
    }

    fn later_read(&self, state: &State, event: &Event) -> Event {
        Event { generation: event.generation, status: event.status, ..Event::of(state.execution()) }
    }

    /// What the sweeper finds to finalize: a finished tally that is not folded, or an execution to complete or to publish.
    pub(super) fn to_finalize(&self, state: &State) -> Option<StreamImage> {
        let row = state.execution();
        let foldable =
            state.table.tallies.values().find(|tally| {
                tally.pending == 0 && tally.generation == row.generation && tally.folded != tally.generation
            });
        if let Some(tally) = foldable {
            return Some(StreamImage::Tally(Held::new(tally.clone())));
        }
        let complete = Self::completion(state, row.generation);
        let completes = matches!(complete.apply(&mut Some(row.clone())), CompleteOutcome::Completed(_));
        (completes || row.is_unpublished()).then_some(StreamImage::Execution)
    }

    /// Notes that an operation met what only a damaged table has.
    pub(super) fn damaged(state: &mut State) {
        state.breach.get_or_insert(Breach::Damaged);
    }
}
