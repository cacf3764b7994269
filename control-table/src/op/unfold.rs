//! **redrive, un-fold**: what a group added to its execution is taken back, and the segments to be put back leave the tally.
//!
//! One transaction, before any of the group's rows is touched: rows first would let a worker finish a segment whose offset is
//! still in the tally, and its new outcome would count for nothing.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::error::Error;
use crate::id::{ExecutionId, GroupId};
use crate::item::{Counts, ExecutionRow, ExecutionStatus, SegmentRow, TallyOutcome, TallyRow};
use crate::table::{About, ControlTable, Part, Transacted, Write};

use super::tally::add_counters;

/// Takes one group back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfold {
    /// The generation of the redrive.
    pub generation: u32,
    /// The tally as it was seen, folded and of an older generation: such a tally does not change.
    pub tally: TallyRow,
    /// Segments to be put back, by offset, with the outcome they are counted with.
    pub offsets: BTreeMap<u8, TallyOutcome>,
    /// The attempts that those segments are counted with.
    pub attempts: u64,
    /// What those segments are counted with otherwise.
    pub counts: Counts,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnfoldOutcome {
    /// Taken back, now.
    Unfolded,
    /// Taken back before.
    AlreadyUnfolded,
    /// The execution is not being redriven in this generation.
    Stale,
    /// The tally is not as it was seen: not of an older generation and folded. Only a damaged one is.
    NotFolded,
    /// There is no such tally or execution.
    Missing,
}

impl Unfold {
    /// The un-fold of a group that puts these of its rows back; `None` if there are none.
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

    /// The group.
    #[must_use]
    pub const fn group(&self) -> GroupId {
        self.tally.group
    }

    const fn execution_id(&self) -> ExecutionId {
        self.tally.group.execution_id
    }

    /// What it means.
    pub fn apply(&self, execution: &mut Option<ExecutionRow>, tally: &mut Option<TallyRow>) -> UnfoldOutcome {
        let (Some(execution), Some(tally)) = (execution, tally) else { return UnfoldOutcome::Missing };
        if execution.status != ExecutionStatus::Redriving || execution.generation != self.generation {
            return UnfoldOutcome::Stale;
        }
        if tally.generation == self.generation {
            return UnfoldOutcome::AlreadyUnfolded;
        }
        if tally.generation != self.tally.generation || tally.folded != tally.generation || tally.pending != 0 {
            return UnfoldOutcome::NotFolded;
        }
        self.take_from_execution(execution);
        self.take_from_tally(tally);
        UnfoldOutcome::Unfolded
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

    fn execution_write(&self) -> Write {
        let seen = &self.tally;
        let write = Write::new(
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

    fn tally_write(&self) -> Write {
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
        let mut write = Write::new(
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

/// Values for an ADD clause at the end of the update that takes sums away.
fn subtract(write: Write, attempts: u64, counts: &Counts) -> Write {
    let negative = counts.negated();
    let write = write
        .number("attempts", -i128::from(attempts))
        .number("items", negative.item_count)
        .number("duration", -i128::from(counts.duration_ms));
    add_counters(write, &negative)
}

impl ControlTable {
    /// Takes one group back.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn unfold(&self, request: &Unfold) -> Result<UnfoldOutcome, Error> {
        let group = request.group();
        let about = About { operation: "un-fold", subject: &group };
        let execution_key = ExecutionRow::key_of(request.execution_id());
        let parts = vec![
            self.update_part(about, &execution_key, request.execution_write())?,
            self.update_part(about, &TallyRow::key_of(group), request.tally_write())?,
        ];
        let mut met = match self.transact(about, parts).await? {
            Transacted::Applied => return Ok(UnfoldOutcome::Unfolded),
            Transacted::Refused(met) => met.into_iter(),
        };
        match (met.next(), met.next()) {
            // `apply` looks at the execution first, and says the same of it whatever the tally is.
            (Some(Part::Met(execution)), _) => match execution {
                Some(_) => Ok(UnfoldOutcome::Stale),
                None => Ok(UnfoldOutcome::Missing),
            },
            (_, Some(Part::Met(None))) => Ok(UnfoldOutcome::Missing),
            (_, Some(Part::Met(Some(item)))) => {
                let tally: TallyRow = about.read(item)?;
                if tally.generation == request.generation {
                    Ok(UnfoldOutcome::AlreadyUnfolded)
                } else {
                    Ok(UnfoldOutcome::NotFolded)
                }
            }
            _ => Err(about.disagreement()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::{SegmentStatus, Selection};
    use crate::op::testing::{at, execution_id, failed_and_published, running};
    use crate::op::{BeginRedrive, Fold, FoldOutcome};

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
        let mut stored = [Some(tally)];
        assert_eq!(fold.apply(&mut execution, &mut stored), FoldOutcome::Folded(1));
        let mut failed = running(1).unwrap();
        (failed.status, failed.attempt, failed.counts.duration_ms) = (SegmentStatus::Failed, 3, 40);
        let [tally] = stored;
        (execution, tally.unwrap(), failed)
    }

    fn begin(execution: &mut Option<ExecutionRow>) {
        let selection = Selection::unsuccessful();
        let (execution_id, now, due_at) = (execution_id(), at(90), at(150));
        BeginRedrive { execution_id, generation: 2, selection, limited: false, now, due_at }.apply(execution);
    }

    #[test]
    fn exactly_what_was_folded_is_taken_back_and_once() {
        let (mut execution, tally, failed) = folded();
        let unfold = Unfold::of(2, &tally, [&failed]).unwrap();
        let mut stored = Some(tally);
        assert_eq!(unfold.apply(&mut execution, &mut stored), UnfoldOutcome::Stale, "before the redrive");
        begin(&mut execution);
        assert_eq!(unfold.apply(&mut execution, &mut stored), UnfoldOutcome::Unfolded);
        assert_eq!(unfold.apply(&mut execution, &mut stored), UnfoldOutcome::AlreadyUnfolded);
        let (execution, tally) = (execution.unwrap(), stored.unwrap());
        assert_eq!((execution.groups_done, execution.succeeded, execution.failed, execution.attempts), (0, 0, 0, 0));
        assert_eq!((execution.counts.item_count, execution.counts.duration_ms), (0, 0));
        assert_eq!((tally.generation, tally.pending, tally.attempts), (2, 1, 2));
        assert_eq!((tally.counts.item_count, tally.counts.duration_ms), (7, 50));
        assert!(tally.failed.is_empty() && tally.succeeded.contains(&0));
    }

    #[test]
    fn a_group_without_such_segments_is_not_taken_back() {
        let (_, tally, _) = folded();
        assert_eq!(Unfold::of(2, &tally, []), None);
    }

    #[test]
    fn a_tally_that_was_not_folded_is_not_taken_back() {
        let (mut execution, tally, failed) = folded();
        begin(&mut execution);
        let unfold = Unfold::of(2, &tally, [&failed]).unwrap();
        let mut damaged = Some(TallyRow { folded: 0, ..tally });
        assert_eq!(unfold.apply(&mut execution, &mut damaged), UnfoldOutcome::NotFolded);
        assert_eq!(unfold.apply(&mut execution, &mut None), UnfoldOutcome::Missing);
    }
}
