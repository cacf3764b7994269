//! Segment rows: what no operation leaves behind, and rows that are not there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::clock::Timestamp;
use crate::id::GroupId;
use crate::item::{
    Counters, Counts, Due, ErrorKind, SegmentFailure, SegmentRow, SegmentStatus, TallyOutcome, TallyRow,
};
use crate::op::Restore;

use super::difference::Differences;
use super::{Against, Correction};

/// A row on its way from what it is to what it has to be.
pub(super) struct Checked {
    pub seen: Option<SegmentRow>,
    pub row: SegmentRow,
    differences: Differences,
}

impl Checked {
    /// A row that is there. One without an outcome in an execution that is over gets one.
    pub fn new(against: Against<'_>, seen: SegmentRow) -> Self {
        let differences = Differences::of(name(&seen));
        let mut checked = Self { row: seen.clone(), seen: Some(seen), differences };
        if against.is_over() && !checked.row.status.is_terminal() {
            checked.give_up(against.now);
        }
        checked
    }

    fn give_up(&mut self, now: Timestamp) {
        let correction = "set to \"FAILED\" (row_lost), because the execution is complete and published: redrive it";
        let found = self.row.status.as_str();
        self.differences.note("status", found, SegmentStatus::Failed.as_str(), correction);
        lose(&mut self.row, now, "its row had no outcome in a complete execution: redrive it");
    }

    /// A row that was lost, as far as its group tells what became of it.
    fn made(row: SegmentRow, correction: &str) -> Self {
        let mut differences = Differences::of(name(&row));
        differences.note("item", Value::Null, row.status.as_str(), correction);
        Self { seen: None, row, differences }
    }

    /// What the row has to be in a group that counts that generation.
    pub fn check(&mut self, against: Against<'_>, generation: u32) {
        let Self { row, differences, .. } = self;
        let index = row.id().index;
        differences.compare("index", row.index, index);
        row.index = index;
        let is_wrong = if row.status.is_terminal() {
            row.generation == 0 || row.generation > generation
        } else {
            row.generation != generation
        };
        if is_wrong {
            differences.compare("generation", row.generation, generation);
            row.generation = generation;
        }
        self.check_waiting(against.now);
    }

    /// Leases and moments in the due index.
    fn check_waiting(&mut self, now: Timestamp) {
        let Self { row, differences, .. } = self;
        if row.status == SegmentStatus::Running && row.lease_until.is_none() {
            let correction = "set to the present moment, so that another worker may take it";
            differences.note("lease_until", Value::Null, now.as_millis(), correction);
            row.lease_until = Some(now);
        }
        match (row.status, row.retry_at, row.due) {
            (SegmentStatus::Pending, Some(retry_at), None) => {
                let correction = "put into the due index, so that its retry comes";
                differences.note("due_at", Value::Null, retry_at.as_millis(), correction);
                row.due = Some(Due::segment(row.id(), retry_at));
            }
            (SegmentStatus::Pending, _, _) | (_, _, None) => {}
            (_, _, Some(due)) => {
                let correction = "remove it: the row waits for nothing";
                differences.note("due_at", due.due_at.as_millis(), Value::Null, correction);
                row.due = None;
            }
        }
    }

    /// Made by this recount, or given its outcome by it: no worker is about to count it.
    pub fn is_ours(&self) -> bool {
        self.seen.as_ref().is_none_or(|seen| seen.status != self.row.status)
    }

    pub fn correction(self) -> Option<Correction<SegmentRow>> {
        if self.differences.found.is_empty() {
            return None;
        }
        let seen = self.seen.map(super::Seen::from);
        let restore = Restore::of(seen.as_ref(), self.row);
        Some(Correction { differences: self.differences.found, restore })
    }
}

/// The row, in words: by its index in the execution, as people name it.
fn name(row: &SegmentRow) -> String {
    let id = row.id();
    format!("segment {}#{}", id.execution_id, id.index)
}

fn lose(row: &mut SegmentRow, now: Timestamp, message: &str) {
    row.status = SegmentStatus::Failed;
    row.finished_at = Some(now);
    row.lease_until = None;
    row.retry_at = None;
    row.due = None;
    row.error = Some(SegmentFailure::new(ErrorKind::RowLost, message));
}

/// The rows of a group that are not there.
pub(super) struct Missing<'a> {
    pub against: Against<'a>,
    pub group: GroupId,
    pub generation: u32,
    pub tally: Option<&'a TallyRow>,
    pub specs: &'a BTreeMap<u8, Value>,
}

impl Missing<'_> {
    /// The outcome that the tally has for an offset; of two, the one that can be redriven.
    pub fn outcome(tally: Option<&TallyRow>, offset: u8) -> Option<TallyOutcome> {
        let tally = tally?;
        [
            (TallyOutcome::Failed, &tally.failed),
            (TallyOutcome::Cancelled, &tally.cancelled),
            (TallyOutcome::Succeeded, &tally.succeeded),
        ]
        .into_iter()
        .find(|(_, set)| set.contains(&offset))
        .map(|(outcome, _)| outcome)
    }

    /// Makes them again. What the tally's sums have beyond those of the rows that are there goes to the first of them.
    pub fn make(&self, offsets: &BTreeSet<u8>, attempts: u64, counts: &Counts) -> Vec<Checked> {
        let mut left = self.tally.map(|tally| left_over(tally, attempts, counts));
        offsets
            .iter()
            .map(|&offset| match Self::outcome(self.tally, offset) {
                Some(outcome) => self.finished(offset, outcome, left.take().unwrap_or_default()),
                None => self.unknown(offset),
            })
            .collect()
    }

    fn fresh(&self, offset: u8) -> SegmentRow {
        let spec = self.specs.get(&offset).cloned().unwrap_or(Value::Null);
        let created_at = self.against.execution.created_at;
        let row = SegmentRow::pending(self.group.segment(offset), spec, self.generation, created_at);
        SegmentRow { expires_at: self.against.execution.expires_at, ..row }
    }

    fn finished(&self, offset: u8, outcome: TallyOutcome, (attempt, counts): (u32, Counts)) -> Checked {
        let mut row = self.fresh(offset);
        row.status = match outcome {
            TallyOutcome::Succeeded => SegmentStatus::Succeeded,
            TallyOutcome::Failed => SegmentStatus::Failed,
            TallyOutcome::Cancelled => SegmentStatus::Cancelled,
        };
        (row.attempt, row.counts) = (attempt, counts);
        row.finished_at = Some(self.against.now);
        if outcome == TallyOutcome::Failed {
            row.error = Some(SegmentFailure::new(ErrorKind::RowLost, "why it failed was lost with its row"));
        }
        let spec = if self.specs.contains_key(&offset) { "its spec from the plan" } else { "its spec unknown: null" };
        let correction = format!(
            "make it again with the outcome and the sums that its tally knows; {spec}, its result and times are lost"
        );
        Checked::made(row, &correction)
    }

    /// Nobody knows an outcome: it is done again if it is known what to do, and has failed otherwise.
    fn unknown(&self, offset: u8) -> Checked {
        let mut row = self.fresh(offset);
        if self.specs.contains_key(&offset) && !self.against.is_over() {
            return Checked::made(row, "make it again from the plan, pending");
        }
        let (message, correction) = if self.specs.contains_key(&offset) {
            let message = "its row was lost: redrive it";
            (message, "make it again from the plan as failed (row_lost), because the execution is complete: redrive it")
        } else {
            let message = "its row was lost, and with it what it was to do";
            (message, "make it again as failed (row_lost): what it was to do is lost with it, its spec is null")
        };
        lose(&mut row, self.against.now, message);
        Checked::made(row, correction)
    }
}

fn left_over(tally: &TallyRow, attempts: u64, counts: &Counts) -> (u32, Counts) {
    let mut left = tally.counts.clone();
    left.subtract(counts);
    left.counters = Counters(left.counters.0.into_iter().filter(|&(_, value)| value != 0).collect());
    (u32::try_from(tally.attempts.saturating_sub(attempts)).unwrap_or(u32::MAX), left)
}
