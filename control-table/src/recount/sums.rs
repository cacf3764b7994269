//! The execution: the sums of its tallies.

use super::Correction;
use crate::operation::OverwriteIfUnchanged;
use crate::recount::difference::Differences;
use crate::rows::{Counts, ExecutionRow, TallyRow};

/// The sums of an execution's tallies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums {
    groups: u64,
    groups_done: u64,
    segments: u64,
    succeeded: u64,
    failed: u64,
    cancelled: u64,
    attempts: u64,
    counts: Counts,
}

impl Sums {
    /// Adds a tally. Only a folded one adds its outcomes.
    pub fn add(&mut self, tally: &TallyRow) {
        self.groups += 1;
        self.segments += tally.size;
        if tally.folded == tally.generation {
            self.groups_done += 1;
            self.succeeded += tally.succeeded.len() as u64;
            self.failed += tally.failed.len() as u64;
            self.cancelled += tally.cancelled.len() as u64;
            self.attempts += tally.attempts;
            self.counts.add(&tally.counts);
        }
    }
}

/// Recounts an execution that the caller read before the tallies of these sums. `None` if nothing differs.
#[must_use]
pub fn recount_execution(seen: &ExecutionRow, sums: Sums) -> Option<Correction<ExecutionRow>> {
    let mut differences = Differences::of(format!("execution {}", seen.execution_id));
    let mut row = seen.clone();
    for (name, value, expected) in [
        ("groups", &mut row.groups, sums.groups),
        ("groups_done", &mut row.groups_done, sums.groups_done),
        ("segments", &mut row.segments, sums.segments),
        ("succeeded", &mut row.succeeded, sums.succeeded),
        ("failed", &mut row.failed, sums.failed),
        ("cancelled", &mut row.cancelled, sums.cancelled),
        ("attempts", &mut row.attempts, sums.attempts),
    ] {
        differences.compare(name, *value, expected);
        *value = expected;
    }
    differences.compare_counts(&row.counts, &sums.counts);
    if differences.found.is_empty() {
        return None;
    }
    row.counts = sums.counts;
    let write = OverwriteIfUnchanged::new(Some(seen.clone()), row)?;
    Some(Correction { differences: differences.found, write })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{execution_id, opened};

    /// Two groups: a folded one of two segments, and one that is not.
    fn sums() -> Sums {
        let mut folded = TallyRow::fresh(execution_id().group(0), 2, 1);
        folded.succeeded = [0].into();
        folded.failed = [1].into();
        (folded.pending, folded.attempts, folded.folded, folded.counts.item_count) = (0, 5, 1, 7);
        let mut open = TallyRow::fresh(execution_id().group(1), 3, 1);
        open.succeeded = [0].into();
        let mut sums = Sums::default();
        sums.add(&folded);
        sums.add(&open);
        sums
    }

    fn right() -> ExecutionRow {
        let mut row =
            ExecutionRow { groups: 2, groups_done: 1, segments: 5, succeeded: 1, failed: 1, ..opened().unwrap() };
        (row.attempts, row.counts.item_count) = (5, 7);
        row
    }

    #[test]
    fn sums_that_agree_with_the_tallies_are_no_difference() {
        assert_eq!(recount_execution(&right(), sums()), None);
        // A counter at zero is the same as none.
        let mut zero = right();
        zero.counts.counters.0.insert("rows".to_owned(), 0);
        assert_eq!(recount_execution(&zero, sums()), None);
    }

    #[test]
    fn wrong_sums_are_rebuilt_and_nothing_else_changes() {
        let mut wrong = right();
        (wrong.groups_done, wrong.succeeded, wrong.counts.item_count) = (2, 9, 1);
        wrong.counts.counters.0.insert("rows".to_owned(), 4);
        let correction = recount_execution(&wrong, sums()).unwrap();
        let fields: Vec<_> = correction.differences.iter().map(|difference| &*difference.field).collect();
        assert_eq!(fields, ["groups_done", "succeeded", "item_count", "counter:rows"]);
        assert_eq!(correction.write, OverwriteIfUnchanged::new(Some(wrong), right()).unwrap());
    }
}
