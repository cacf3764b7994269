//! Un-fold: a redrive subtracts the sums of a group from its execution, and removes the segments to requeue from the tally.
//!
//! One transaction, before any segment of the group is requeued. In the other order a worker could finish a segment whose
//! offset is still in the tally, and its new outcome would not be counted.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::id::{ExecutionId, GroupId};
use crate::operation::{Change, Operation, Part, Update, Write};
use crate::rows::{CorruptItem, Counts, ExecutionRow, ExecutionStatus, RowKey, SegmentRow, TallyOutcome, TallyRow};

use super::tally::add_counters;

/// Reopens a folded group for a redrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfold {
    /// The generation of the redrive.
    pub generation: u32,
    /// The tally as it was read, folded and of an older generation: such a tally does not change.
    pub tally: TallyRow,
    /// Offsets of the segments to requeue, each with the outcome that it is counted with.
    pub offsets: BTreeMap<u8, TallyOutcome>,
    /// Attempts of those segments, as they are counted.
    pub attempts: u64,
    /// Items, time and counters of those segments, as they are counted.
    pub counts: Counts,
}

/// Outcomes of [`Unfold`]; only `Unfolded` changes rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnfoldOutcome {
    /// Un-folded now.
    Unfolded,
    /// Un-folded before, in this generation.
    AlreadyUnfolded,
    /// The execution is not being redriven in this generation.
    Stale,
    /// The tally is not as it was read, finished and folded. Only a damaged table has such a tally.
    NotFolded,
    /// The tally or the execution does not exist.
    Missing,
}

impl Operation for Unfold {
    type Rows = (Part<ExecutionRow>, Part<TallyRow>);
    type Outcome = UnfoldOutcome;

    const NAME: &'static str = "un-fold";

    fn subject(&self) -> String {
        self.group().to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Execution(self.execution_id()), RowKey::Tally(self.group())]
    }

    fn apply(&self, (execution, tally): &mut Self::Rows) -> Self::Outcome {
        if let Some(outcome) = execution.refuses(|row| self.refused_by_execution(row)) {
            return outcome;
        }
        if let Some(outcome) = tally.refuses(|row| self.refused_by_tally(row)) {
            return outcome;
        }
        execution.change(|execution| self.take_from_execution(execution));
        tally.change(|tally| self.take_from_tally(tally));
        UnfoldOutcome::Unfolded
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::All(vec![Change::Update(self.execution_update()), Change::Update(self.tally_update())]))
    }
}

impl Unfold {
    /// The un-fold of a group of which these finished segments are requeued; `None` if there are none.
    #[must_use]
    pub fn of<'a>(generation: u32, tally: &TallyRow, rows: impl IntoIterator<Item = &'a SegmentRow>) -> Option<Self> {
        let mut request =
            Self { generation, tally: tally.clone(), offsets: BTreeMap::new(), attempts: 0, counts: Counts::default() };
        for row in rows {
            let Some(outcome) = TallyOutcome::of(row.status) else { continue };
            request.offsets.insert(row.offset, outcome);
            request.attempts += u64::from(row.attempt);
            request.counts.add(&row.counts);
        }
        (!request.offsets.is_empty()).then_some(request)
    }

    /// The group that is un-folded.
    #[must_use]
    pub const fn group(&self) -> GroupId {
        self.tally.group
    }

    const fn execution_id(&self) -> ExecutionId {
        self.tally.group.execution_id
    }

    fn refused_by_execution(&self, execution: Option<&ExecutionRow>) -> Option<UnfoldOutcome> {
        let Some(execution) = execution else { return Some(UnfoldOutcome::Missing) };
        let is_redriving = execution.status == ExecutionStatus::Redriving && execution.generation == self.generation;
        (!is_redriving).then_some(UnfoldOutcome::Stale)
    }

    fn refused_by_tally(&self, tally: Option<&TallyRow>) -> Option<UnfoldOutcome> {
        let Some(tally) = tally else { return Some(UnfoldOutcome::Missing) };
        if tally.generation == self.generation {
            return Some(UnfoldOutcome::AlreadyUnfolded);
        }
        let is_as_seen =
            tally.generation == self.tally.generation && tally.folded == tally.generation && tally.pending == 0;
        (!is_as_seen).then_some(UnfoldOutcome::NotFolded)
    }

    fn take_from_execution(&self, execution: &mut ExecutionRow) {
        let seen = &self.tally;
        execution.groups_done = execution.groups_done.saturating_sub(1);
        execution.succeeded = execution.succeeded.saturating_sub(seen.succeeded.len() as u64);
        execution.failed = execution.failed.saturating_sub(seen.failed.len() as u64);
        execution.cancelled = execution.cancelled.saturating_sub(seen.cancelled.len() as u64);
        execution.attempts = execution.attempts.saturating_sub(seen.attempts);
        execution.counts.subtract(&seen.counts);
    }

    fn take_from_tally(&self, tally: &mut TallyRow) {
        tally.generation = self.generation;
        tally.pending = self.offsets.len() as u64;
        for (offset, outcome) in &self.offsets {
            tally.set_mut(*outcome).remove(offset);
        }
        tally.attempts = tally.attempts.saturating_sub(self.attempts);
        tally.counts.subtract(&self.counts);
    }

    fn execution_update(&self) -> Update {
        let seen = &self.tally;
        let write = Update::new(
            "ADD #groups_done :minus_one, #succeeded :succeeded, #failed :failed, #cancelled :cancelled, \
             #attempts :attempts, #item_count :items, #duration_ms :duration",
            "#status = :redriving AND #generation = :generation",
        )
        .text("redriving", ExecutionStatus::Redriving.as_str())
        .number("generation", self.generation)
        .number("minus_one", -1)
        .number("succeeded", -len(&seen.succeeded))
        .number("failed", -len(&seen.failed))
        .number("cancelled", -len(&seen.cancelled));
        subtract(write, seen.attempts, &seen.counts)
    }

    fn tally_update(&self) -> Update {
        let of = |outcome| -> Vec<String> {
            let chosen = self.offsets.iter().filter(move |&(_, counted)| *counted == outcome);
            chosen.map(|(offset, _)| offset.to_string()).collect()
        };
        let (failed, cancelled) = (of(TallyOutcome::Failed), of(TallyOutcome::Cancelled));
        let mut sets = Vec::new();
        if !failed.is_empty() {
            sets.push("#failed :failed");
        }
        if !cancelled.is_empty() {
            sets.push("#cancelled :cancelled");
        }
        let mut write = Update::new(
            format!(
                "SET #generation = :generation, #pending = :count DELETE {} \
                 ADD #attempts :attempts, #item_count :items, #duration_ms :duration",
                sets.join(", ")
            ),
            "#generation = :seen AND #folded = :seen AND #pending = :zero",
        )
        .number("generation", self.generation)
        .number("seen", self.tally.generation)
        .number("zero", 0)
        .number("count", self.offsets.len());
        if !failed.is_empty() {
            write = write.value("failed", AttributeValue::Ns(failed));
        }
        if !cancelled.is_empty() {
            write = write.value("cancelled", AttributeValue::Ns(cancelled));
        }
        subtract(write, self.attempts, &self.counts)
    }
}

fn len(set: &std::collections::BTreeSet<u8>) -> i64 {
    // A set of offsets has at most 128 of them.
    i64::try_from(set.len()).unwrap_or(0)
}

/// The values of the `ADD` clause that the update ends with, negated.
fn subtract(write: Update, attempts: u64, counts: &Counts) -> Update {
    let negative = counts.negated();
    let write = write
        .number("attempts", -i128::from(attempts))
        .number("items", negative.item_count)
        .number("duration", -i128::from(counts.duration_ms));
    add_counters(write, &negative)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{at, execution_id, failed_and_published, running};
    use crate::operation::{BeginRedrive, Fold, FoldOutcome};
    use crate::rows::{SegmentStatus, Selection};

    /// A folded group of two: segment 0 succeeded, segment 1 failed.
    fn folded() -> (Option<ExecutionRow>, TallyRow, SegmentRow) {
        let mut tally = TallyRow::fresh(execution_id().group(0), 2, 1);
        tally.succeeded.insert(0);
        tally.failed.insert(1);
        (tally.pending, tally.attempts) = (0, 5);
        (tally.counts.item_count, tally.counts.duration_ms) = (7, 90);
        let mut execution = failed_and_published(1);
        if let Some(row) = &mut execution {
            row.groups_done = 0;
        }
        let fold = Fold { execution_id: execution_id(), generation: 1, tallies: vec![tally.clone()] };
        let mut rows = (Part::Is(execution), vec![Part::Is(Some(tally))]);
        assert_eq!(fold.apply(&mut rows), FoldOutcome::Folded(1));
        let (Part::Is(execution), [Part::Is(Some(tally))]) = (rows.0, &rows.1[..]) else { panic!() };
        let mut failed = running(1).unwrap();
        (failed.status, failed.attempt, failed.counts.duration_ms) = (SegmentStatus::Failed, 3, 40);
        (execution, tally.clone(), failed)
    }

    fn begin(execution: &mut Option<ExecutionRow>) {
        let selection = Selection::unsuccessful();
        let (execution_id, now, due_at) = (execution_id(), at(90), at(150));
        BeginRedrive { execution_id, generation: 2, selection, limited: false, now, due_at }.apply(execution);
    }

    #[test]
    fn exactly_what_was_folded_is_subtracted_and_once() {
        let (mut execution, tally, failed) = folded();
        let unfold = Unfold::of(2, &tally, [&failed]).unwrap();
        let mut early = (Part::Is(execution.clone()), Part::Is(Some(tally.clone())));
        assert_eq!(unfold.apply(&mut early), UnfoldOutcome::Stale, "before the redrive");
        begin(&mut execution);
        let mut rows = (Part::Is(execution), Part::Is(Some(tally)));
        assert_eq!(unfold.apply(&mut rows), UnfoldOutcome::Unfolded);
        assert_eq!(unfold.apply(&mut rows), UnfoldOutcome::AlreadyUnfolded);
        let (Part::Is(Some(execution)), Part::Is(Some(tally))) = rows else { panic!("{rows:?}") };
        assert_eq!((execution.groups_done, execution.succeeded, execution.failed, execution.attempts), (0, 0, 0, 0));
        assert_eq!((execution.counts.item_count, execution.counts.duration_ms), (0, 0));
        assert_eq!((tally.generation, tally.pending, tally.attempts), (2, 1, 2));
        assert_eq!((tally.counts.item_count, tally.counts.duration_ms), (7, 50));
        assert!(tally.failed.is_empty() && tally.succeeded.contains(&0));
    }

    #[test]
    fn a_group_without_segments_to_requeue_is_not_unfolded() {
        let (_, tally, _) = folded();
        assert_eq!(Unfold::of(2, &tally, []), None);
    }

    #[test]
    fn a_tally_that_was_not_folded_is_not_unfolded() {
        let (mut execution, tally, failed) = folded();
        begin(&mut execution);
        let unfold = Unfold::of(2, &tally, [&failed]).unwrap();
        let damaged = TallyRow { folded: 0, ..tally };
        let mut rows = (Part::Is(execution.clone()), Part::Is(Some(damaged)));
        assert_eq!(unfold.apply(&mut rows), UnfoldOutcome::NotFolded);
        assert_eq!(unfold.apply(&mut (Part::Is(execution), Part::Is(None))), UnfoldOutcome::Missing);
    }
}
