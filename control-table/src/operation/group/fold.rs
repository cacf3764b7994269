//! Fold: finished tallies are added to their execution.
//!
//! One transaction marks up to 99 tallies as folded and adds their sums to the execution. The condition on each tally is
//! that it is finished and not folded in this generation. Tallies that refuse are left out and the rest is sent again, so a
//! stream that repeats or reorders its images adds no tally twice.

use crate::id::ExecutionId;
use crate::limits::TALLIES_PER_FOLD;
use crate::operation::{Change, Operation, Part, Update, Write};
use crate::rows::{CorruptItem, Counts, ExecutionRow, RowKey, TallyRow};

use super::tally::add_counters;

/// Folds finished tallies of one execution; at most [`TALLIES_PER_FOLD`], as [`Fold::of`] gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Fold {
    pub execution_id: ExecutionId,
    /// The generation of the tallies.
    pub generation: u32,
    /// The tallies as they were read, each with nothing pending: such a tally does not change in its generation.
    pub tallies: Vec<TallyRow>,
}

/// Outcomes of [`Fold`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoldOutcome {
    /// The number of tallies that were added now. The others were added before, or are unfinished or of another generation.
    Folded(usize),
    /// The execution is in another generation, or does not exist.
    Stale,
}

/// The sums that a fold adds to the execution.
#[derive(Debug, Default)]
struct Addition {
    groups: u64,
    succeeded: u64,
    failed: u64,
    cancelled: u64,
    attempts: u64,
    counts: Counts,
}

impl Addition {
    fn of<'a>(tallies: impl IntoIterator<Item = &'a TallyRow>) -> Self {
        tallies.into_iter().fold(Self::default(), |mut sum, tally| {
            sum.groups += 1;
            sum.succeeded += tally.succeeded.len() as u64;
            sum.failed += tally.failed.len() as u64;
            sum.cancelled += tally.cancelled.len() as u64;
            sum.attempts += tally.attempts;
            sum.counts.add(&tally.counts);
            sum
        })
    }

    fn add_to(&self, execution: &mut ExecutionRow) {
        execution.groups_done += self.groups;
        execution.succeeded += self.succeeded;
        execution.failed += self.failed;
        execution.cancelled += self.cancelled;
        execution.attempts += self.attempts;
        execution.counts.add(&self.counts);
    }
}

impl Operation for Fold {
    type Rows = (Part<ExecutionRow>, Vec<Part<TallyRow>>);
    type Outcome = FoldOutcome;

    const NAME: &'static str = "fold";

    fn subject(&self) -> String {
        self.execution_id.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        let tallies = self.tallies.iter().map(|tally| RowKey::Tally(tally.group));
        std::iter::once(RowKey::Execution(self.execution_id)).chain(tallies).collect()
    }

    fn apply(&self, (execution, stored): &mut Self::Rows) -> Self::Outcome {
        let is_stale = |row: Option<&ExecutionRow>| row.is_none_or(|row| row.generation != self.generation);
        if execution.refuses(|row| is_stale(row).then_some(())).is_some() {
            return FoldOutcome::Stale;
        }
        let mut folded = Vec::new();
        for (seen, stored) in self.tallies.iter().zip(stored) {
            if self.is_foldable(stored) {
                stored.change(|stored| stored.folded = self.generation);
                folded.push(seen);
            }
        }
        let add = Addition::of(folded.iter().copied());
        execution.change(|execution| add.add_to(execution));
        FoldOutcome::Folded(folded.len())
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        let marks = self.tallies.iter().map(|_| Change::Update(self.mark()));
        Ok(Write::All(std::iter::once(Change::Update(self.addition())).chain(marks).collect()))
    }

    /// Leaves out the tallies that refused, if others are left.
    fn revise(&self, (execution, stored): &Self::Rows) -> Option<Self> {
        if *execution != Part::Held {
            return None;
        }
        let held = self.tallies.iter().zip(stored).filter(|(_, stored)| **stored == Part::Held);
        let left: Vec<_> = held.map(|(seen, _)| seen.clone()).collect();
        let is_smaller = !left.is_empty() && left.len() < self.tallies.len();
        is_smaller.then(|| Self { tallies: left, ..self.clone() })
    }
}

impl Fold {
    /// Folds of those tallies, each small enough for a transaction.
    pub fn of(execution_id: ExecutionId, generation: u32, tallies: &[TallyRow]) -> impl Iterator<Item = Self> {
        tallies.chunks(TALLIES_PER_FOLD).map(move |tallies| Self {
            execution_id,
            generation,
            tallies: tallies.to_vec(),
        })
    }

    fn is_foldable(&self, stored: &Part<TallyRow>) -> bool {
        let is_folded_or_open =
            |row: &TallyRow| row.pending != 0 || row.generation != self.generation || row.folded == self.generation;
        stored.refuses(|row| row.is_none_or(is_folded_or_open).then_some(())).is_none()
    }

    fn mark(&self) -> Update {
        Update::new(
            "SET #folded = :generation",
            "#pending = :zero AND #generation = :generation AND #folded <> :generation",
        )
        .number("generation", self.generation)
        .number("zero", 0)
    }

    fn addition(&self) -> Update {
        let add = Addition::of(&self.tallies);
        let write = Update::new(
            "ADD #groups_done :groups, #succeeded :succeeded, #failed :failed, #cancelled :cancelled, \
             #attempts :attempts, #item_count :items, #duration_ms :duration",
            "#generation = :generation",
        )
        .number("groups", add.groups)
        .number("succeeded", add.succeeded)
        .number("failed", add.failed)
        .number("cancelled", add.cancelled)
        .number("attempts", add.attempts)
        .number("items", add.counts.item_count)
        .number("duration", add.counts.duration_ms)
        .number("generation", self.generation);
        add_counters(write, &add.counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{execution_id, sealed};
    use crate::rows::{ExecutionStatus, TallyOutcome};

    fn finished(group: u64) -> TallyRow {
        let mut tally = TallyRow::fresh(execution_id().group(group), 2, 1);
        tally.set_mut(TallyOutcome::Succeeded).insert(0);
        tally.set_mut(TallyOutcome::Failed).insert(1);
        (tally.pending, tally.attempts, tally.counts.item_count) = (0, 3, 7);
        tally
    }

    fn rows<const N: usize>(execution: Option<ExecutionRow>, tallies: [TallyRow; N]) -> <Fold as Operation>::Rows {
        (Part::Is(execution), tallies.map(|tally| Part::Is(Some(tally))).into())
    }

    fn fold(tallies: Vec<TallyRow>) -> Fold {
        Fold { execution_id: execution_id(), generation: 1, tallies }
    }

    #[test]
    fn a_tally_is_added_once() {
        let request = fold(vec![finished(0), finished(1)]);
        let mut rows = rows(sealed(2), [finished(0), finished(1)]);
        assert_eq!(request.apply(&mut rows), FoldOutcome::Folded(2));
        assert_eq!(request.apply(&mut rows), FoldOutcome::Folded(0));
        let Part::Is(Some(execution)) = rows.0 else { panic!("{rows:?}") };
        assert_eq!((execution.groups_done, execution.succeeded, execution.failed), (2, 2, 2));
        assert_eq!((execution.attempts, execution.counts.item_count), (6, 14));
        assert_eq!(execution.status, ExecutionStatus::Running);
    }

    #[test]
    fn a_tally_that_is_not_finished_or_of_another_generation_is_left_out() {
        let mut unfinished = finished(0);
        unfinished.pending = 1;
        let mut other = finished(1);
        other.generation = 2;
        let request = fold(vec![finished(0), finished(1)]);
        assert_eq!(request.apply(&mut rows(sealed(2), [unfinished, other])), FoldOutcome::Folded(0));
    }

    #[test]
    fn an_execution_of_another_generation_takes_nothing() {
        let mut execution = sealed(1);
        if let Some(execution) = &mut execution {
            execution.generation = 2;
        }
        let mut rows = rows(execution, [finished(0)]);
        let before = rows.clone();
        assert_eq!(fold(vec![finished(0)]).apply(&mut rows), FoldOutcome::Stale);
        assert_eq!(rows, before);
    }

    #[test]
    fn a_refused_fold_is_sent_again_without_the_tallies_that_refused() {
        let request = fold(vec![finished(0), finished(1), finished(2)]);
        let folded = Part::Is(Some(TallyRow { folded: 1, ..finished(1) }));
        let met = (Part::Held, vec![Part::Held, folded.clone(), Part::Held]);
        assert_eq!(request.revise(&met), Some(fold(vec![finished(0), finished(2)])));
        let met = (Part::Held, vec![folded; 3]);
        assert_eq!(request.revise(&met), None, "none is left");
        assert_eq!(request.apply(&mut met.clone()), FoldOutcome::Folded(0));
        let met = (Part::Is(None), vec![Part::Held; 3]);
        assert_eq!(request.revise(&met), None, "the execution refused");
        assert_eq!(request.apply(&mut met.clone()), FoldOutcome::Stale);
    }

    #[test]
    fn folds_have_as_many_tallies_as_a_transaction_takes() {
        let tallies: Vec<_> = (0..=TALLIES_PER_FOLD as u64).map(finished).collect();
        let sizes: Vec<_> = Fold::of(execution_id(), 1, &tallies).map(|fold| fold.tallies.len()).collect();
        assert_eq!(sizes, [TALLIES_PER_FOLD, 1]);
    }
}
