//! What always holds: the invariants of the protocol, in every state that can be reached.

use std::collections::BTreeSet;

use control_table::rows::{Counts, TallyOutcome, TallyRow};
use stateright::Property;

use crate::state::{Breach, Event, Place, State, number};
use crate::system::System;

/// `pending + succeeded + failed + cancelled = size`.
pub const SIZES_ADD_UP: &str = "pending and outcomes add up to the size of their group";
/// Each offset is in at most one set, with a row that has that outcome; sums are those of the counted rows.
pub const COUNTED_ONCE: &str = "an outcome is counted once, as what it is";
/// A committed group has its tally and its rows.
pub const GROUPS_ARE_WHOLE: &str = "a committed group has its tally and all its rows";
/// The execution has the sums of the folded tallies.
pub const SUMS_ARE_FOLDED: &str = "the execution has what its folded tallies add up to";
/// What is published of a generation is what `complete` returned.
pub const ONE_EVENT: &str = "all events of a generation carry what its completion returned";
/// An execution in which nothing is left to do is complete and published.
pub const NEVER_STUCK: &str = "an execution in which nothing is left to do is complete and published";
/// See `Breach::OutcomeSetBack`.
pub const OUTCOMES_STAY: &str = "an outcome stays in its generation, and a success for ever";
/// See `Breach::CompletionChanged`.
pub const COMPLETIONS_STAY: &str = "a completion does not change in its generation";
/// See `Breach::CompletedTwice`.
pub const ONE_COMPLETION: &str = "a generation completes once";
/// See `Breach::CompletedEarly`.
pub const COMPLETES_LAST: &str = "a generation completes after the seal and its last segment";
/// See `Breach::Miscounted`.
pub const COUNTS_ARE_ROWS: &str = "the counts of a completion are a recount of its rows";
/// See `Breach::BegunBeforeEvent`.
pub const EVENT_COMES_FIRST: &str = "a generation begins after the event of the last one";
/// See `Breach::NotFenced`.
pub const FENCED: &str = "a worker whose claim has ended changes nothing";
/// See `Breach::LeaseBroken`.
pub const LEASES_HOLD: &str = "a segment is not taken from a worker whose lease holds";
/// See `Breach::Damaged`.
pub const UNDAMAGED: &str = "no operation meets what only a damaged table has";

pub(super) fn properties() -> Vec<Property<System>> {
    let always = Property::<System>::always;
    vec![
        always(SIZES_ADD_UP, |_, state| state.table.tallies.values().all(adds_up)),
        always(COUNTED_ONCE, |_, state| state.table.tallies.values().all(|tally| counted_once(state, tally))),
        always(GROUPS_ARE_WHOLE, groups_are_whole),
        always(SUMS_ARE_FOLDED, |_, state| sums_are_folded(state)),
        always(ONE_EVENT, |_, state| one_event(state)),
        always(NEVER_STUCK, never_stuck),
        always(OUTCOMES_STAY, |_, state| state.breach != Some(Breach::OutcomeSetBack)),
        always(COMPLETIONS_STAY, |_, state| state.breach != Some(Breach::CompletionChanged)),
        always(ONE_COMPLETION, |_, state| state.breach != Some(Breach::CompletedTwice)),
        always(COMPLETES_LAST, |_, state| state.breach != Some(Breach::CompletedEarly)),
        always(COUNTS_ARE_ROWS, |_, state| state.breach != Some(Breach::Miscounted)),
        always(EVENT_COMES_FIRST, |_, state| state.breach != Some(Breach::BegunBeforeEvent)),
        always(FENCED, |_, state| state.breach != Some(Breach::NotFenced)),
        always(LEASES_HOLD, |_, state| state.breach != Some(Breach::LeaseBroken)),
        always(UNDAMAGED, |_, state| state.breach != Some(Breach::Damaged)),
    ]
}

fn outcomes(tally: &TallyRow) -> usize {
    tally.succeeded.len() + tally.failed.len() + tally.cancelled.len()
}

fn adds_up(tally: &TallyRow) -> bool {
    tally.pending + outcomes(tally) as u64 == tally.size
}

fn counted_once(state: &State, tally: &TallyRow) -> bool {
    let group = number(tally.group);
    let (mut attempts, mut counts, mut seen) = (0_u64, Counts::default(), BTreeSet::new());
    let sets = [
        (&tally.succeeded, TallyOutcome::Succeeded),
        (&tally.failed, TallyOutcome::Failed),
        (&tally.cancelled, TallyOutcome::Cancelled),
    ];
    for (set, outcome) in sets {
        for offset in set.iter() {
            let Some(row) = state.row(Place { group, offset }) else { return false };
            if TallyOutcome::of(row.status) != Some(outcome) || row.generation > tally.generation {
                return false;
            }
            attempts += u64::from(row.attempt);
            counts.add(&row.counts);
            if !seen.insert(offset) {
                return false;
            }
        }
    }
    (attempts, counts) == (tally.attempts, tally.counts.clone())
}

fn groups_are_whole(system: &System, state: &State) -> bool {
    let row = state.execution();
    let groups = state.groups();
    let places: Vec<_> = system.places().filter(|place| place.group < groups).collect();
    row.groups == state.table.tallies.len() as u64
        && row.segments == places.len() as u64
        && places.into_iter().all(|place| state.row(place).is_some())
}

fn sums_are_folded(state: &State) -> bool {
    let row = state.execution();
    let (mut sums, mut counts) = ([0_u64; 5], Counts::default());
    for tally in state.table.tallies.values().filter(|tally| tally.folded == tally.generation) {
        let sizes = [1, tally.succeeded.len() as u64, tally.failed.len() as u64, tally.cancelled.len() as u64];
        for (sum, size) in sums.iter_mut().zip(sizes.into_iter().chain([tally.attempts])) {
            *sum += size;
        }
        counts.add(&tally.counts);
    }
    sums == [row.groups_done, row.succeeded, row.failed, row.cancelled, row.attempts] && counts == row.counts
}

fn one_event(state: &State) -> bool {
    state.published.iter().all(|event| {
        let completion: Option<&Event> = state.completions.iter().find(|of| of.generation == event.generation);
        completion == Some(event)
    })
}

/// Without faults and users, some action is left until the execution is complete and its event is published.
fn never_stuck(system: &System, state: &State) -> bool {
    let row = state.execution();
    if state.breach.is_some() || (row.status.is_terminal() && !row.is_unpublished()) {
        return true;
    }
    let mut actions = Vec::new();
    system.progress(state, &mut actions);
    !actions.is_empty()
}
