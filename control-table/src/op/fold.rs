//! **fold**: finished tallies are added to the execution.
//!
//! Up to 99 tallies marked folded and one addition to the execution, in one transaction, each tally on the condition that
//! it is finished and not folded in this generation. Tallies for which that does not hold are left out and the rest is tried
//! again, so a stream that repeats or mixes its records adds nothing twice.

use aws_sdk_dynamodb::types::TransactWriteItem;

use crate::error::Error;
use crate::id::ExecutionId;
use crate::item::{Counts, ExecutionRow, TallyRow};
use crate::limits::TALLIES_PER_FOLD;
use crate::table::{About, ControlTable, Part, Transacted, Write};

use super::tally::add_counters;

/// Folds finished tallies of one execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The generation.
    pub generation: u32,
    /// Its tallies as they were seen, each with nothing pending: such a tally does not change in its generation.
    pub tallies: Vec<TallyRow>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoldOutcome {
    /// This many tallies were added, now; the others were before, or are not of this generation.
    Folded(usize),
    /// The execution is of another generation, or gone.
    Stale,
}

/// What one fold adds to the execution.
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
}

impl Fold {
    /// What it means: `stored` are the tallies of the table in the order of [`Self::tallies`].
    pub fn apply(&self, execution: &mut Option<ExecutionRow>, stored: &mut [Option<TallyRow>]) -> FoldOutcome {
        let Some(execution) = execution.as_mut().filter(|execution| execution.generation == self.generation) else {
            return FoldOutcome::Stale;
        };
        let mut folded = Vec::new();
        for (seen, stored) in self.tallies.iter().zip(stored) {
            if let Some(stored) = stored.as_mut().filter(|stored| self.foldable(stored)) {
                stored.folded = self.generation;
                folded.push(seen);
            }
        }
        let add = Addition::of(folded.iter().copied());
        execution.groups_done += add.groups;
        execution.succeeded += add.succeeded;
        execution.failed += add.failed;
        execution.cancelled += add.cancelled;
        execution.attempts += add.attempts;
        execution.counts.add(&add.counts);
        FoldOutcome::Folded(folded.len())
    }

    fn foldable(&self, stored: &TallyRow) -> bool {
        stored.pending == 0 && stored.generation == self.generation && stored.folded != self.generation
    }

    fn mark(&self) -> Write {
        Write::new(
            "SET #folded = :generation",
            "#pending = :zero AND #generation = :generation AND #folded <> :generation",
        )
        .number("generation", self.generation)
        .number("zero", 0)
    }

    fn addition(&self, tallies: &[&TallyRow]) -> Write {
        let add = Addition::of(tallies.iter().copied());
        let write = Write::new(
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

impl ControlTable {
    /// Folds tallies, 99 to a transaction.
    ///
    /// # Errors
    /// When the table cannot be written or read. What was folded stays folded; folding it again changes nothing.
    pub async fn fold(&self, request: &Fold) -> Result<FoldOutcome, Error> {
        let mut folded = 0;
        for tallies in request.tallies.chunks(TALLIES_PER_FOLD) {
            match self.fold_once(request, tallies.iter().collect()).await? {
                FoldOutcome::Folded(count) => folded += count,
                FoldOutcome::Stale => return Ok(FoldOutcome::Stale),
            }
        }
        Ok(FoldOutcome::Folded(folded))
    }

    /// One transaction's worth. Each round leaves at least one tally out, so the rounds are bounded by their number.
    async fn fold_once(&self, request: &Fold, mut tallies: Vec<&TallyRow>) -> Result<FoldOutcome, Error> {
        let about = About { operation: "fold", subject: &request.execution_id };
        while !tallies.is_empty() {
            let parts = self.fold_parts(about, request, &tallies)?;
            let met = match self.transact(about, parts).await? {
                Transacted::Applied => return Ok(FoldOutcome::Folded(tallies.len())),
                Transacted::Refused(met) => met,
            };
            if !met.first().is_some_and(Part::held) {
                return Ok(FoldOutcome::Stale);
            }
            let before = tallies.len();
            let mut refusals = met.into_iter().skip(1);
            tallies.retain(|_| refusals.next().is_none_or(|part| part.held()));
            if tallies.len() == before {
                return Err(about.disagreement());
            }
        }
        Ok(FoldOutcome::Folded(0))
    }

    fn fold_parts(
        &self,
        about: About<'_>,
        request: &Fold,
        tallies: &[&TallyRow],
    ) -> Result<Vec<TransactWriteItem>, Error> {
        let execution = ExecutionRow::key_of(request.execution_id);
        let mut parts = vec![self.update_part(about, &execution, request.addition(tallies))?];
        for tally in tallies {
            parts.push(self.update_part(about, &TallyRow::key_of(tally.group), request.mark())?);
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::{ExecutionStatus, TallyOutcome};
    use crate::op::testing::{execution_id, sealed};

    fn finished(group: u64) -> TallyRow {
        let mut tally = TallyRow::fresh(execution_id().group(group), 2, 1);
        tally.set_mut(TallyOutcome::Succeeded).insert(0);
        tally.set_mut(TallyOutcome::Failed).insert(1);
        (tally.pending, tally.attempts, tally.counts.item_count) = (0, 3, 7);
        tally
    }

    fn fold(tallies: Vec<TallyRow>) -> Fold {
        Fold { execution_id: execution_id(), generation: 1, tallies }
    }

    #[test]
    fn a_tally_is_added_once() {
        let (mut execution, request) = (sealed(2), fold(vec![finished(0), finished(1)]));
        let mut stored = [Some(finished(0)), Some(finished(1))];
        assert_eq!(request.apply(&mut execution, &mut stored), FoldOutcome::Folded(2));
        assert_eq!(request.apply(&mut execution, &mut stored), FoldOutcome::Folded(0));
        let execution = execution.unwrap();
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
        let mut stored = [Some(unfinished), Some(other)];
        assert_eq!(request.apply(&mut sealed(2), &mut stored), FoldOutcome::Folded(0));
    }

    #[test]
    fn an_execution_of_another_generation_takes_nothing() {
        let mut execution = sealed(1);
        if let Some(execution) = &mut execution {
            execution.generation = 2;
        }
        let mut stored = [Some(finished(0))];
        assert_eq!(fold(vec![finished(0)]).apply(&mut execution, &mut stored), FoldOutcome::Stale);
        assert_eq!(stored[0].as_ref().unwrap().folded, 0);
    }
}
