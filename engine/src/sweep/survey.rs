//! What the tallies of an open execution say, read from its first group that is not folded to the last that a worker has begun.

use std::ops::Range;

use control_table::clock::Timestamp;
use control_table::limits::GROUP_SIZE;
use control_table::rows::{ExecutionRow, TallyRow};

use super::patience::Patience;
use crate::Engine;
use crate::error::EngineError;

/// Groups whose tallies are read at once: one `BatchGetItem`.
const PAGE: u64 = 100;

/// Tallies of each kind that one survey keeps; the next one finds the rest. A bound of memory: some 1 KB each.
const KEPT_MAX: usize = 5_000;

/// What a survey found. Groups before the execution's `open_from` are folded; groups after the last that it reads are untouched, and
/// their records cannot be lost yet.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// Every group before this one is folded.
    pub open_from: u64,
    /// Segments with an outcome, in groups that are not folded.
    pub outcomes: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// The first group with segments that have no outcome.
    pub first_open: Option<TallyRow>,
    /// Groups in which a record or a worker may be lost, in order.
    pub to_heal: Vec<TallyRow>,
    /// Groups without a pending segment that are not folded.
    pub to_fold: Vec<TallyRow>,
    /// The other groups after the first to heal, in order, with their outcomes; of a first generation only, because of a later one a tally
    /// does not say which outcomes are its own. Two numbers each, and at most as many as an execution has groups.
    pub counted: Vec<(u64, u64)>,
}

impl Survey {
    /// Whether a segment has no outcome.
    pub const fn has_pending(&self) -> bool {
        self.first_open.is_some()
    }

    fn read(&mut self, execution: &ExecutionRow, tally: TallyRow, patience: Patience) {
        if tally.generation != execution.generation {
            return;
        }
        let outcomes = tally.size.saturating_sub(tally.pending);
        let is_to_heal = tally.pending > 0 && patience.may_have_lost_a_worker(&tally);
        if !is_to_heal && !self.to_heal.is_empty() && execution.generation == 1 && outcomes > 0 {
            self.counted.push((tally.group.group, outcomes));
        }
        if tally.folded == tally.generation {
            return;
        }
        self.outcomes += outcomes;
        self.failed += tally.failed.len() as u64;
        if tally.pending == 0 {
            if self.to_fold.len() < KEPT_MAX {
                self.to_fold.push(tally);
            }
            return;
        }
        if self.first_open.is_none() {
            self.first_open = Some(tally.clone());
        }
        if is_to_heal && self.to_heal.len() < KEPT_MAX {
            self.to_heal.push(tally);
        }
    }
}

/// Whether no worker has begun the group.
const fn is_untouched(tally: &TallyRow) -> bool {
    tally.pending == tally.size
}

impl Engine {
    /// Reads the tallies of an open execution, a page at a time.
    pub(crate) async fn survey(&self, execution: &ExecutionRow, read_until: Timestamp) -> Result<Survey, EngineError> {
        let patience = Patience::new(&self.settings, self.now(), read_until);
        let is_folded = |tally: &TallyRow| tally.generation != execution.generation || tally.folded == tally.generation;
        let groups = begun(execution);
        let (mut survey, mut page) = (Survey { open_from: groups.start, ..Survey::default() }, groups.start);
        while page < groups.end {
            let end = groups.end.min(page + PAGE);
            let tallies = self.table.tallies(execution.execution_id, page..end).await?;
            if survey.open_from == page && tallies.len() as u64 == end - page {
                survey.open_from += tallies.iter().take_while(|tally| is_folded(tally)).count() as u64;
            }
            // Workers take groups in order, so none has begun a later one.
            let is_last = !tallies.is_empty()
                && tallies.iter().all(|tally| is_untouched(tally) && !is_folded(tally) && !patience.may_be_lost(tally));
            for tally in tallies {
                survey.read(execution, tally, patience);
            }
            if is_last {
                break;
            }
            page = end;
        }
        Ok(survey)
    }
}

/// The groups that may have records: with a limit of segments in flight, those up to the last that was admitted.
fn begun(execution: &ExecutionRow) -> Range<u64> {
    let end = execution.admitted_until.map_or(execution.groups, |next| execution.groups.min(next / GROUP_SIZE + 1));
    execution.open_from.min(end)..end
}
