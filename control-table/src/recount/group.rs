//! One group: the tally that its rows make.

use serde_json::{Value, json};

use super::{Correction, Difference};
use crate::clock::Timestamp;
use crate::id::GroupId;
use crate::limits::GROUP_SIZE;
use crate::operation::OverwriteIfUnchanged;
use crate::recount::difference::Differences;
use crate::rows::{ExecutionRow, ExecutionStatus, PlanKind, SegmentRow, Selection, TallyOutcome, TallyRow};

/// How long a row may be finished and not counted before that is a difference: the invocation that finishes a row counts it at
/// once, or dies.
const IN_FLIGHT_MS: u64 = 60_000;

/// The recount of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupRecount {
    /// Rows that are missing. While there are any, the tally is not corrected: it may know their outcomes.
    pub missing: Vec<Difference>,
    /// The tally, if it differs.
    pub correction: Option<Correction<TallyRow>>,
    /// The tally as it has to be; the stored one while rows are missing. `None` if both are lost.
    pub tally: Option<TallyRow>,
}

/// Recounts a group. The caller read the execution before the tally, and the tally before the rows: an offset in a set whose row
/// has no outcome is then always a difference, and the reverse only if it stays so.
#[must_use]
pub fn recount_group(
    execution: &ExecutionRow,
    kind: PlanKind,
    group: GroupId,
    stored: Option<TallyRow>,
    rows: &[SegmentRow],
    now: Timestamp,
) -> GroupRecount {
    let recount = Recount { execution, group, stored: stored.as_ref(), rows, now };
    let missing = recount.missing(recount.size(kind));
    if !missing.is_empty() {
        return GroupRecount { missing, correction: None, tally: stored };
    }
    let tally = recount.tally();
    let correction = recount.correction(&tally);
    GroupRecount { missing, correction, tally: Some(tally) }
}

struct Recount<'a> {
    execution: &'a ExecutionRow,
    group: GroupId,
    stored: Option<&'a TallyRow>,
    rows: &'a [SegmentRow],
    now: Timestamp,
}

impl Recount<'_> {
    /// The segments that the group must have: as its tally says, or as the execution was planned. More rows than that are no
    /// error of the rows.
    fn size(&self, kind: PlanKind) -> u64 {
        let last = self.rows.iter().map(|row| u64::from(row.offset) + 1).max().unwrap_or(0);
        let planned = || {
            let expected = self.execution.expected.filter(|_| kind == PlanKind::Planned)?;
            Some(expected.saturating_sub(self.group.group.saturating_mul(GROUP_SIZE)).min(GROUP_SIZE))
        };
        let size = self.stored.map(|tally| tally.size.min(GROUP_SIZE)).or_else(planned).unwrap_or(0);
        size.max(last)
    }

    fn missing(&self, size: u64) -> Vec<Difference> {
        let offsets = (0..=u8::MAX).take_while(|&offset| u64::from(offset) < size);
        let lost = offsets.filter(|offset| !self.rows.iter().any(|row| row.offset == *offset));
        let difference = |offset| {
            let correction = "run the job again with another key, or accept the counts without it".to_owned();
            let segment = self.group.segment(offset);
            let row = format!("segment {}#{}", segment.execution_id, segment.index);
            Difference::beyond_repair(row, Value::Null, correction)
        };
        lost.map(difference).collect()
    }

    /// The generation that the tally counts. A redrive moves the tally first and then its rows, so no row is ahead of it; and a
    /// segment without an outcome counts in the execution's generation only.
    fn generation(&self) -> u32 {
        let current = self.execution.generation;
        if self.rows.iter().any(|row| !row.status.is_terminal()) {
            return current;
        }
        let rows = self.rows.iter().map(|row| row.generation);
        let stored = self.stored.map(|tally| tally.generation);
        rows.chain(stored).filter(|generation| (1..=current).contains(generation)).max().unwrap_or(current)
    }

    fn tally(&self) -> TallyRow {
        let generation = self.generation();
        let mut tally = TallyRow::fresh(self.group, self.rows.len() as u64, generation);
        for row in self.rows {
            if let Some(outcome) = self.outcome(row, generation) {
                tally.set_mut(outcome).insert(row.offset);
                tally.pending -= 1;
                tally.attempts += u64::from(row.attempt);
                tally.counts.add(&row.counts);
            }
        }
        if let Some(stored) = self.stored {
            (tally.put_at, tally.puts_again) = (stored.put_at, stored.puts_again);
        } else {
            // Its records may be waiting.
            tally.put_at = self.now;
        }
        tally.folded = self.folded(&tally);
        tally
    }

    /// The outcome that the tally counts for a row.
    fn outcome(&self, row: &SegmentRow, generation: u32) -> Option<TallyOutcome> {
        let outcome = TallyOutcome::of(row.status)?;
        let is_counted = !self.is_to_be_requeued(row, generation, outcome) && !self.is_in_flight(row, generation);
        is_counted.then_some(outcome)
    }

    /// Whether a redrive under way, which has unfolded the group, has still to requeue the row.
    fn is_to_be_requeued(&self, row: &SegmentRow, generation: u32, outcome: TallyOutcome) -> bool {
        let execution = self.execution;
        let is_unfolded = execution.status == ExecutionStatus::Redriving && generation == execution.generation;
        let takes = |selection: &Selection| selection.takes(row.index, outcome);
        is_unfolded
            && row.generation < generation
            && execution.redrive.as_ref().map_or_else(|| takes(&Selection::unsuccessful()), takes)
    }

    /// Whether the worker that finished the row may be about to count it.
    fn is_in_flight(&self, row: &SegmentRow, generation: u32) -> bool {
        let Some(stored) = self.stored else { return false };
        let may_be_counted = row.generation == generation && generation == self.execution.generation;
        let is_recent = row.finished_at.is_some_and(|at| self.now.millis_since(at) <= IN_FLIGHT_MS);
        !stored.has(row.offset) && may_be_counted && is_recent && !self.execution.status.is_terminal()
    }

    /// The mark of the last fold. Whether the execution has the fold is a matter of its sums, which are recounted from the marks.
    fn folded(&self, tally: &TallyRow) -> u32 {
        let stored = self.stored.map_or(0, |stored| stored.folded);
        let must_be_folded = self.execution.status.is_terminal() || tally.generation < self.execution.generation;
        match tally.pending {
            0 if must_be_folded => tally.generation,
            0 if stored <= tally.generation => stored,
            1.. if stored < tally.generation => stored,
            _ => 0,
        }
    }

    fn correction(&self, tally: &TallyRow) -> Option<Correction<TallyRow>> {
        let row = format!("tally {}", self.group);
        let differences = match self.stored {
            Some(stored) => differences(row, stored, tally),
            None => vec![Difference::lost(&row, json!({ "size": tally.size, "pending": tally.pending }))],
        };
        let write = OverwriteIfUnchanged::new(self.stored.cloned(), tally.clone())?;
        (!differences.is_empty()).then_some(Correction { differences, write })
    }
}

fn differences(row: String, stored: &TallyRow, tally: &TallyRow) -> Vec<Difference> {
    let mut differences = Differences::of(row);
    for (name, found, expected) in [
        ("generation", u64::from(stored.generation), u64::from(tally.generation)),
        ("size", stored.size, tally.size),
        ("pending", stored.pending, tally.pending),
        ("attempts", stored.attempts, tally.attempts),
        ("folded", u64::from(stored.folded), u64::from(tally.folded)),
    ] {
        differences.compare(name, found, expected);
    }
    for (name, found, expected) in [
        ("succeeded", &stored.succeeded, &tally.succeeded),
        ("failed", &stored.failed, &tally.failed),
        ("cancelled", &stored.cancelled, &tally.cancelled),
    ] {
        differences.compare(name, json!(found), json!(expected));
    }
    differences.compare_counts(&stored.counts, &tally.counts);
    differences.found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{execution_id, opened};
    use crate::rows::{Offsets, SegmentStatus};

    const NOW: Timestamp = Timestamp::from_millis(10_000_000);

    fn execution(generation: u32, status: ExecutionStatus) -> ExecutionRow {
        ExecutionRow { generation, status, expected: Some(3), ..opened().unwrap() }
    }

    fn group() -> GroupId {
        execution_id().group(0)
    }

    fn row(offset: u8, status: SegmentStatus, generation: u32) -> SegmentRow {
        let row = SegmentRow::pending(group().segment(offset), Value::Null, generation, Timestamp::EPOCH);
        let finished_at = status.is_terminal().then_some(Timestamp::EPOCH);
        SegmentRow { status, finished_at, attempt: u32::from(status.is_terminal()), ..row }
    }

    /// Three segments: one succeeded, one failed, one pending.
    fn rows() -> Vec<SegmentRow> {
        vec![row(0, SegmentStatus::Succeeded, 1), row(1, SegmentStatus::Failed, 1), row(2, SegmentStatus::Pending, 1)]
    }

    fn tally() -> TallyRow {
        let mut tally = TallyRow::fresh(group(), 3, 1);
        tally.succeeded.insert(0);
        tally.failed.insert(1);
        (tally.pending, tally.attempts) = (1, 2);
        tally
    }

    fn recount(execution: &ExecutionRow, stored: Option<TallyRow>, rows: &[SegmentRow]) -> GroupRecount {
        recount_group(execution, PlanKind::Planned, group(), stored, rows, NOW)
    }

    #[test]
    fn a_tally_that_agrees_with_its_rows_is_no_difference() {
        let found = recount(&execution(1, ExecutionStatus::Running), Some(tally()), &rows());
        assert_eq!(found, GroupRecount { missing: vec![], correction: None, tally: Some(tally()) });
    }

    #[test]
    fn a_wrong_tally_is_rebuilt_from_its_rows() {
        let mut wrong = tally();
        (wrong.pending, wrong.counts.item_count) = (3, 77);
        wrong.succeeded = Offsets::default();
        let found = recount(&execution(1, ExecutionStatus::Running), Some(wrong.clone()), &rows());
        let correction = found.correction.unwrap();
        assert_eq!(correction.write, OverwriteIfUnchanged::new(Some(wrong), tally()).unwrap());
        let fields: Vec<_> = correction.differences.iter().map(|difference| &*difference.field).collect();
        assert_eq!(fields, ["pending", "succeeded", "item_count"]);
    }

    #[test]
    fn a_lost_tally_is_created_again() {
        let found = recount(&execution(1, ExecutionStatus::Running), None, &rows());
        assert_eq!(
            found.correction.unwrap().write,
            OverwriteIfUnchanged::new(None, TallyRow { put_at: NOW, ..tally() }).unwrap()
        );
        // Redriven once, and this group had nothing to requeue: it is folded in its own generation.
        let done = [row(0, SegmentStatus::Succeeded, 1)];
        let single = ExecutionRow { expected: Some(1), ..execution(2, ExecutionStatus::Running) };
        let tally = recount(&single, None, &done).tally.unwrap();
        assert_eq!((tally.generation, tally.folded, tally.pending), (1, 1, 0));
    }

    #[test]
    fn missing_rows_are_named_and_leave_the_tally_as_it_is() {
        let mut wrong = tally();
        wrong.attempts = 9;
        for stored in [Some(wrong), None] {
            let found = recount(&execution(1, ExecutionStatus::Running), stored.clone(), &rows()[..2]);
            assert_eq!((found.tally, found.correction), (stored, None));
            let named: Vec<_> =
                found.missing.iter().map(|difference| (&*difference.row, difference.repairable)).collect();
            assert_eq!(named, [(&*format!("segment {}#2", execution_id()), false)]);
        }
    }

    #[test]
    fn an_outcome_counts_as_uncounted_only_once_its_worker_had_time_to_count_it() {
        let mut uncounted = tally();
        uncounted.failed = Offsets::default();
        (uncounted.pending, uncounted.attempts) = (2, 1);
        let running = execution(1, ExecutionStatus::Running);
        let mut rows = rows();
        rows[1].finished_at = Some(NOW.plus(-chrono::TimeDelta::milliseconds(60_000)));
        assert_eq!(recount(&running, Some(uncounted.clone()), &rows).correction, None);
        rows[1].finished_at = Some(NOW.plus(-chrono::TimeDelta::milliseconds(60_001)));
        let correction = recount(&running, Some(uncounted), &rows).correction.unwrap();
        assert_eq!(
            correction.differences[0].to_string(),
            format!("tally {}: pending is 2, expected 1: set to 1", group())
        );
    }

    #[test]
    fn a_redrive_under_way_is_no_difference() {
        let redriving = execution(2, ExecutionStatus::Redriving);
        let mut unfolded = TallyRow::fresh(group(), 3, 2);
        unfolded.succeeded = [0].into();
        (unfolded.pending, unfolded.attempts, unfolded.folded) = (2, 1, 1);
        // One is requeued, one is not yet.
        let rows =
            [row(0, SegmentStatus::Succeeded, 1), row(1, SegmentStatus::Failed, 1), row(2, SegmentStatus::Pending, 2)];
        assert_eq!(recount(&redriving, Some(unfolded), &rows).correction, None);
    }

    #[test]
    fn a_tally_of_a_complete_execution_is_folded() {
        let complete = execution(1, ExecutionStatus::Failed);
        let rows = [row(0, SegmentStatus::Succeeded, 1), row(1, SegmentStatus::Failed, 1)];
        let mut unfolded = tally();
        (unfolded.size, unfolded.pending) = (2, 0);
        let complete = ExecutionRow { expected: Some(2), ..complete };
        let correction = recount(&complete, Some(unfolded), &rows).correction.unwrap();
        assert_eq!((&*correction.differences[0].field, &correction.differences[0].expected), ("folded", &json!(1)));
    }
}
