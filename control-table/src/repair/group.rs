//! One group: its rows, and the tally that they make.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::id::GroupId;
use crate::item::{Counts, SegmentRow, TallyOutcome, TallyRow};
use crate::op::{Restore, Tally};

use super::difference::{Difference, Differences};
use super::rows::{Checked, Missing};
use super::{Against, Correction, IN_FLIGHT_MS, Seen, expected};

/// Whether a row that is finished and not counted was already so the last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// It may be counted within moments.
    First,
    /// It was looked at before: if it finished long ago, nobody is going to count it.
    Again,
}

/// What a recount of a group comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupRecount {
    /// Rows to be put right; before the tally, as *finish* precedes *tally*.
    pub rows: Vec<Correction<SegmentRow>>,
    /// The tally, if it is to be put right.
    pub tally: Option<Correction<TallyRow>>,
    /// The tally as it has to be.
    pub expected: TallyRow,
    /// Rows that are finished, and are about to be counted: the usual operation counts them, if it is made sure of.
    pub in_flight: Vec<Tally>,
}

impl GroupRecount {
    /// Whether nothing is wrong with the group.
    #[must_use]
    pub const fn is_right(&self) -> bool {
        self.rows.is_empty() && self.tally.is_none()
    }
}

/// Recounts one group. Its tally was read before its rows; `specs` are those that the plan gives for lost rows.
#[must_use]
pub fn recount_group(
    against: Against<'_>,
    group: GroupId,
    tally: Option<&Seen<TallyRow>>,
    rows: &[SegmentRow],
    specs: &BTreeMap<u8, Value>,
    look: Look,
) -> GroupRecount {
    let stored = tally.map(|tally| &tally.row);
    let size = expected::size(against, group, stored, rows);
    let mut checked: Vec<Checked> = rows.iter().map(|row| Checked::new(against, row.clone())).collect();
    let missing = missing(rows, size);
    let unknown = || missing.iter().filter(|&&offset| Missing::outcome(stored, offset).is_none());
    let is_open = checked.iter().any(|checked| !checked.row.status.is_terminal())
        || (unknown().next().is_some() && !against.is_over());
    let present: Vec<&SegmentRow> = checked.iter().map(|checked| &checked.row).collect();
    let generation = expected::generation(against, stored, &present, is_open, missing.is_empty());
    for checked in &mut checked {
        checked.check(against, generation);
    }
    let recount = Recount { against, group, stored, size, generation, look };
    let (attempts, counts) = recount.sums(&checked);
    let lost = Missing { against, group, generation, tally: stored, specs };
    checked.extend(lost.make(&missing, attempts, &counts));
    let expected = recount.tally(&checked);
    GroupRecount {
        tally: correction(group, tally, &expected),
        expected,
        in_flight: Tally::merge(
            checked.iter().filter(|row| recount.is_in_flight(row)).filter_map(|row| Tally::of(&row.row)),
        ),
        rows: checked.into_iter().filter_map(Checked::correction).collect(),
    }
}

fn missing(rows: &[SegmentRow], size: u64) -> BTreeSet<u8> {
    let present: BTreeSet<u8> = rows.iter().map(|row| row.offset).collect();
    (0..=u8::MAX).filter(|&offset| u64::from(offset) < size && !present.contains(&offset)).collect()
}

/// A group whose size and generation are settled.
struct Recount<'a> {
    against: Against<'a>,
    group: GroupId,
    stored: Option<&'a TallyRow>,
    size: u64,
    generation: u32,
    look: Look,
}

impl Recount<'_> {
    /// The outcome that a row is counted with.
    fn counted(&self, checked: &Checked) -> Option<TallyOutcome> {
        let row = &checked.row;
        let outcome = TallyOutcome::of(row.status)?;
        if self.is_to_be_put_back(row) || self.is_in_flight(checked) {
            return None;
        }
        Some(outcome)
    }

    /// In a group that is un-folded, the redrive puts it back next.
    fn is_to_be_put_back(&self, row: &SegmentRow) -> bool {
        self.generation == self.against.execution.generation && expected::is_to_be_put_back(self.against, row)
    }

    /// Finished in the present generation, and in no set: whoever finished it is about to count it.
    fn is_in_flight(&self, checked: &Checked) -> bool {
        let row = &checked.row;
        let Some(stored) = self.stored else { return false };
        let current = self.against.execution.generation;
        let may_be_counted = row.generation == current && stored.generation == current;
        if !row.status.is_terminal() || stored.has(row.offset) || checked.is_ours() || !may_be_counted {
            return false;
        }
        match self.look {
            Look::First => true,
            Look::Again => {
                let is_old = |finished| self.against.now.millis_since(finished) > IN_FLIGHT_MS;
                !self.against.execution.status.is_terminal() && !row.finished_at.is_none_or(is_old)
            }
        }
    }

    fn sums(&self, rows: &[Checked]) -> (u64, Counts) {
        let counted = rows.iter().filter(|row| self.counted(row).is_some());
        counted.fold((0, Counts::default()), |(attempts, mut counts), Checked { row, .. }| {
            counts.add(&row.counts);
            (attempts + u64::from(row.attempt), counts)
        })
    }

    fn tally(&self, rows: &[Checked]) -> TallyRow {
        let mut tally = TallyRow::fresh(self.group, self.size, self.generation);
        for checked in rows {
            if let Some(outcome) = self.counted(checked) {
                tally.set_mut(outcome).insert(checked.row.offset);
                tally.pending = tally.pending.saturating_sub(1);
            }
        }
        (tally.attempts, tally.counts) = self.sums(rows);
        tally.expires_at = self.stored.map_or(self.against.execution.expires_at, |stored| stored.expires_at);
        tally.folded = self.folded(tally.pending);
        tally
    }

    /// Whether the execution has it is a matter of the execution's own sums, which are recounted from the marks.
    fn folded(&self, pending: u64) -> u32 {
        let execution = self.against.execution;
        let stored = self.stored.map_or(0, |stored| stored.folded);
        let must_be_folded = execution.status.is_terminal() || self.generation < execution.generation;
        match pending {
            0 if must_be_folded => self.generation,
            0 if stored <= self.generation => stored,
            _ if stored < self.generation => stored,
            _ => 0,
        }
    }
}

fn correction(group: GroupId, seen: Option<&Seen<TallyRow>>, expected: &TallyRow) -> Option<Correction<TallyRow>> {
    let item = format!("tally {group}");
    let Some(seen) = seen else {
        let restore = Restore::of(None, expected.clone());
        return Some(Correction { differences: vec![made_again(&item, expected)], restore });
    };
    let mut differences = Differences::of(item);
    let TallyRow { generation, size, pending, attempts, folded, ref counts, .. } = seen.row;
    for (name, found, expected) in [
        ("generation", u64::from(generation), u64::from(expected.generation)),
        ("size", size, expected.size),
        ("pending", pending, expected.pending),
        ("attempts", attempts, expected.attempts),
        ("duration_ms", counts.duration_ms, expected.counts.duration_ms),
        ("folded", u64::from(folded), u64::from(expected.folded)),
    ] {
        differences.compare(name, seen.number(name, found), expected);
    }
    for (name, found, expected) in [
        ("succeeded", &seen.row.succeeded, &expected.succeeded),
        ("failed", &seen.row.failed, &expected.failed),
        ("cancelled", &seen.row.cancelled, &expected.cancelled),
    ] {
        differences.compare(name, json!(found), json!(expected));
    }
    differences.compare_counts(counts, &expected.counts);
    if differences.found.is_empty() {
        return None;
    }
    Some(Correction { differences: differences.found, restore: Restore::of(Some(seen), expected.clone()) })
}

fn made_again(item: &str, expected: &TallyRow) -> Difference {
    let TallyRow { size, pending, generation, .. } = expected;
    let (succeeded, failed, cancelled) = (expected.succeeded.len(), expected.failed.len(), expected.cancelled.len());
    let counted = json!({
        "generation": generation, "size": size, "pending": pending,
        "succeeded": succeeded, "failed": failed, "cancelled": cancelled,
    });
    Difference::missing(item, counted, "make it again from its rows")
}
