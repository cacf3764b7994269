//! Un-fold: a redrive subtracts the sums of groups from their execution, and removes the segments to requeue from the tallies.
//!
//! One transaction for up to 99 groups, before any segment of theirs is requeued. In the other order a worker could finish a segment whose
//! offset is still in the tally, and its new outcome would not be counted. Groups that were un-folded before are left out, and the rest
//! is sent again.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::clock::Timestamp;
use crate::id::{ExecutionId, GroupId};
use crate::limits::TALLIES_PER_FOLD;
use crate::operation::{Change, Operation, Part, Update, Write};
use crate::rows::{CorruptItem, Counts, ExecutionRow, ExecutionStatus, RowKey, SegmentRow, TallyOutcome, TallyRow};

use super::tally::add_counters;

/// Reopens folded groups for a redrive; at most [`TALLIES_PER_FOLD`], as [`Unfold::all`] gives them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Unfold {
    pub execution_id: ExecutionId,
    /// The generation of the redrive.
    pub generation: u32,
    pub groups: Vec<UnfoldGroup>,
    /// The moment before the records of the groups are put.
    pub now: Timestamp,
}

/// One group of an un-fold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfoldGroup {
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
    /// So many groups are un-folded now, the others were before.
    Unfolded(usize),
    /// All of the groups were un-folded before, in this generation.
    AlreadyUnfolded,
    /// The execution is not being redriven in this generation.
    Stale,
    /// The tally of this group is not as it was read, finished and folded. Only a damaged table has such a tally.
    NotFolded(GroupId),
    /// The tally of a group, or the execution, does not exist.
    Missing,
}

impl Operation for Unfold {
    type Rows = (Part<ExecutionRow>, Vec<Part<TallyRow>>);
    type Outcome = UnfoldOutcome;

    const NAME: &'static str = "un-fold";

    fn subject(&self) -> String {
        self.groups.first().map_or_else(|| self.execution_id.to_string(), |first| first.group().to_string())
    }

    fn keys(&self) -> Vec<RowKey> {
        let tallies = self.groups.iter().map(|group| RowKey::Tally(group.group()));
        std::iter::once(RowKey::Execution(self.execution_id)).chain(tallies).collect()
    }

    fn apply(&self, (execution, tallies): &mut Self::Rows) -> Self::Outcome {
        if let Some(outcome) = execution.refuses(|row| self.refused_by_execution(row)) {
            return outcome;
        }
        let refusals = self.groups.iter().zip(&*tallies).map(|(group, tally)| self.refused_by(group, tally));
        let refusals: Vec<_> = refusals.collect();
        let damage = refusals.iter().flatten().find(|refusal| **refusal != UnfoldOutcome::AlreadyUnfolded);
        if let Some(damage) = damage {
            return *damage;
        }
        let mut unfolded = 0;
        for ((group, tally), _) in
            self.groups.iter().zip(tallies).zip(refusals).filter(|(_, refusal)| refusal.is_none())
        {
            execution.change(|execution| group.take_from_execution(execution));
            tally.change(|tally| group.take_from_tally(tally, self.generation, self.now));
            unfolded += 1;
        }
        if unfolded > 0 { UnfoldOutcome::Unfolded(unfolded) } else { UnfoldOutcome::AlreadyUnfolded }
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        let tallies = self.groups.iter().map(|group| Change::Update(group.tally_update(self.generation, self.now)));
        Ok(Write::All(std::iter::once(Change::Update(self.execution_update())).chain(tallies).collect()))
    }

    /// Leaves out the groups that were un-folded before, if others are left and none is damaged.
    fn revise(&self, (execution, tallies): &Self::Rows) -> Option<Self> {
        if *execution != Part::Held {
            return None;
        }
        let mut left = Vec::new();
        for (group, tally) in self.groups.iter().zip(tallies) {
            match self.refused_by(group, tally) {
                None => left.push(group.clone()),
                Some(UnfoldOutcome::AlreadyUnfolded) => {}
                Some(_) => return None,
            }
        }
        let is_smaller = !left.is_empty() && left.len() < self.groups.len();
        is_smaller.then(|| Self { groups: left, ..self.clone() })
    }
}

impl Unfold {
    /// Un-folds of those groups, each small enough for a transaction.
    pub fn all(execution_id: ExecutionId, generation: u32, groups: &[UnfoldGroup], now: Timestamp) -> Vec<Self> {
        let of = |groups: &[_]| Self { execution_id, generation, groups: groups.to_vec(), now };
        groups.chunks(TALLIES_PER_FOLD).map(of).collect()
    }

    fn refused_by_execution(&self, execution: Option<&ExecutionRow>) -> Option<UnfoldOutcome> {
        let Some(execution) = execution else { return Some(UnfoldOutcome::Missing) };
        let is_redriving = execution.status == ExecutionStatus::Redriving && execution.generation == self.generation;
        (!is_redriving).then_some(UnfoldOutcome::Stale)
    }

    fn refused_by(&self, group: &UnfoldGroup, tally: &Part<TallyRow>) -> Option<UnfoldOutcome> {
        tally.refuses(|tally| {
            let Some(tally) = tally else { return Some(UnfoldOutcome::Missing) };
            if tally.generation == self.generation {
                return Some(UnfoldOutcome::AlreadyUnfolded);
            }
            let is_as_seen =
                tally.generation == group.tally.generation && tally.folded == tally.generation && tally.pending == 0;
            (!is_as_seen).then_some(UnfoldOutcome::NotFolded(group.group()))
        })
    }

    fn execution_update(&self) -> Update {
        let (mut succeeded, mut failed, mut cancelled, mut attempts) = (0, 0, 0, 0_u64);
        let mut counts = Counts::default();
        for UnfoldGroup { tally, .. } in &self.groups {
            succeeded -= len(&tally.succeeded);
            failed -= len(&tally.failed);
            cancelled -= len(&tally.cancelled);
            attempts += tally.attempts;
            counts.add(&tally.counts);
        }
        let write = Update::new(
            "ADD #groups_done :groups, #succeeded :succeeded, #failed :failed, #cancelled :cancelled, \
             #attempts :attempts, #item_count :items, #duration_ms :duration",
            "#status = :redriving AND #generation = :generation",
        )
        .text("redriving", ExecutionStatus::Redriving.as_str())
        .number("generation", self.generation)
        .number("groups", -i64::try_from(self.groups.len()).unwrap_or(0))
        .number("succeeded", succeeded)
        .number("failed", failed)
        .number("cancelled", cancelled);
        subtract(write, attempts, &counts)
    }
}

impl UnfoldGroup {
    /// A group of which these finished segments are requeued; `None` if there are none.
    #[must_use]
    pub fn of<'a>(tally: &TallyRow, rows: impl IntoIterator<Item = &'a SegmentRow>) -> Option<Self> {
        let mut group = Self { tally: tally.clone(), offsets: BTreeMap::new(), attempts: 0, counts: Counts::default() };
        for row in rows {
            let Some(outcome) = TallyOutcome::of(row.status) else { continue };
            group.offsets.insert(row.offset, outcome);
            group.attempts += u64::from(row.attempt);
            group.counts.add(&row.counts);
        }
        (!group.offsets.is_empty()).then_some(group)
    }

    /// Its ID.
    #[must_use]
    pub const fn group(&self) -> GroupId {
        self.tally.group
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

    fn take_from_tally(&self, tally: &mut TallyRow, generation: u32, now: Timestamp) {
        tally.generation = generation;
        (tally.put_at, tally.puts_again) = (now, 0);
        tally.pending = self.offsets.len() as u64;
        for (offset, outcome) in &self.offsets {
            tally.set_mut(*outcome).remove(*offset);
        }
        tally.attempts = tally.attempts.saturating_sub(self.attempts);
        tally.counts.subtract(&self.counts);
    }

    fn tally_update(&self, generation: u32, now: Timestamp) -> Update {
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
                "SET #generation = :generation, #pending = :count, #put_at = :now REMOVE #puts_again DELETE {} \
                 ADD #attempts :attempts, #item_count :items, #duration_ms :duration",
                sets.join(", ")
            ),
            "#generation = :seen AND #folded = :seen AND #pending = :zero",
        )
        .number("generation", generation)
        .number("now", now.as_millis())
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

fn len(set: &crate::rows::Offsets) -> i64 {
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

    fn unfold(tally: &TallyRow, failed: &SegmentRow) -> Unfold {
        let groups = vec![UnfoldGroup::of(tally, [failed]).unwrap()];
        Unfold { execution_id: execution_id(), generation: 2, groups, now: at(95) }
    }

    fn begin(execution: &mut Option<ExecutionRow>) {
        let selection = Selection::unsuccessful();
        let (execution_id, now, due_at) = (execution_id(), at(90), at(150));
        BeginRedrive { execution_id, generation: 2, selection, limited: false, now, due_at }.apply(execution);
    }

    #[test]
    fn exactly_what_was_folded_is_subtracted_and_once() {
        let (mut execution, tally, failed) = folded();
        let unfold = unfold(&tally, &failed);
        let mut early = (Part::Is(execution.clone()), vec![Part::Is(Some(tally.clone()))]);
        assert_eq!(unfold.apply(&mut early), UnfoldOutcome::Stale, "before the redrive");
        begin(&mut execution);
        let mut rows = (Part::Is(execution), vec![Part::Is(Some(tally))]);
        assert_eq!(unfold.apply(&mut rows), UnfoldOutcome::Unfolded(1));
        assert_eq!(unfold.apply(&mut rows), UnfoldOutcome::AlreadyUnfolded);
        let (Part::Is(Some(execution)), [Part::Is(Some(tally))]) = (rows.0, &rows.1[..]) else { panic!() };
        assert_eq!((execution.groups_done, execution.succeeded, execution.failed, execution.attempts), (0, 0, 0, 0));
        assert_eq!((execution.counts.item_count, execution.counts.duration_ms), (0, 0));
        assert_eq!((tally.generation, tally.pending, tally.attempts, tally.put_at), (2, 1, 2, at(95)));
        assert_eq!((tally.counts.item_count, tally.counts.duration_ms), (7, 50));
        assert!(tally.failed.is_empty() && tally.succeeded.contains(0));
    }

    #[test]
    fn a_group_without_segments_to_requeue_is_not_unfolded() {
        let (_, tally, _) = folded();
        assert_eq!(UnfoldGroup::of(&tally, []), None);
    }

    #[test]
    fn a_tally_that_was_not_folded_is_not_unfolded() {
        let (mut execution, tally, failed) = folded();
        begin(&mut execution);
        let unfold = unfold(&tally, &failed);
        let damaged = TallyRow { folded: 0, ..tally };
        let mut rows = (Part::Is(execution.clone()), vec![Part::Is(Some(damaged))]);
        assert_eq!(unfold.apply(&mut rows), UnfoldOutcome::NotFolded(execution_id().group(0)));
        assert_eq!(unfold.apply(&mut (Part::Is(execution), vec![Part::Is(None)])), UnfoldOutcome::Missing);
    }

    #[test]
    fn of_several_groups_those_that_were_unfolded_before_are_left_out() {
        let (mut execution, tally, failed) = folded();
        begin(&mut execution);
        let other = TallyRow { group: execution_id().group(1), ..tally.clone() };
        if let Some(row) = &mut execution {
            (row.groups_done, row.failed, row.succeeded, row.attempts) = (2, 2, 2, 10);
        }
        let mut both = unfold(&tally, &failed);
        both.groups.extend(unfold(&other, &failed).groups);
        let before = TallyRow { generation: 2, pending: 1, ..tally };
        let mut rows = (Part::Is(execution), vec![Part::Is(Some(before.clone())), Part::Is(Some(other))]);
        assert_eq!(both.apply(&mut rows), UnfoldOutcome::Unfolded(1));
        let Part::Is(Some(execution)) = &rows.0 else { panic!() };
        assert_eq!((execution.groups_done, execution.failed, execution.attempts), (1, 1, 5));
        let met = (Part::Held, vec![Part::Is(Some(before)), Part::Held]);
        let revised = both.revise(&met).unwrap();
        assert_eq!(revised.groups, both.groups[1..]);
        assert_eq!(revised.revise(&(Part::Held, vec![Part::Held])), None);
    }
}
