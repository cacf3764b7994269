//! **tally**: a segment's outcome is counted in its group, once.
//!
//! One atomic update that is refused when the offset is in any of the three sets, so repeating it changes nothing. A crash
//! between *finish* and *tally* is mended by whoever meets the finished row next: a repeated record, or the sweeper.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use crate::error::Error;
use crate::id::SegmentId;
use crate::item::{Counts, SegmentRow, TallyOutcome, TallyRow};
use crate::table::{About, ControlTable, Write, Written};

/// Counts one segment's outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The segment.
    pub segment: SegmentId,
    /// The generation of its outcome.
    pub generation: u32,
    /// Its outcome.
    pub outcome: TallyOutcome,
    /// Attempts it took.
    pub attempts: u32,
    /// What it adds to the sums.
    pub counts: Counts,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TallyResult {
    /// Counted, now.
    Counted {
        /// Segments of the group that are left without an outcome.
        pending: u64,
    },
    /// Counted before.
    AlreadyCounted,
    /// The tally counts another generation.
    Stale {
        /// Which one.
        generation: u32,
    },
    /// The group is not committed yet; its scatter will come back to it.
    Missing,
}

impl Tally {
    /// The count of a row that has its outcome; `None` for one that has none.
    #[must_use]
    pub fn of(row: &SegmentRow) -> Option<Self> {
        let outcome = TallyOutcome::of(row.status)?;
        let (segment, generation, attempts) = (row.id(), row.generation, row.attempt);
        Some(Self { segment, generation, outcome, attempts, counts: row.counts.clone() })
    }

    /// What it means.
    pub fn apply(&self, tally: &mut Option<TallyRow>) -> TallyResult {
        let Some(tally) = tally else {
            return TallyResult::Missing;
        };
        if tally.generation != self.generation {
            return TallyResult::Stale { generation: tally.generation };
        }
        let offset = self.segment.offset();
        if tally.has(offset) {
            return TallyResult::AlreadyCounted;
        }
        tally.set_mut(self.outcome).insert(offset);
        tally.pending = tally.pending.saturating_sub(1);
        tally.attempts += u64::from(self.attempts);
        tally.counts.add(&self.counts);
        TallyResult::Counted { pending: tally.pending }
    }

    fn write(&self) -> Write {
        let write = Write::new(
            format!(
                "ADD #{} :set, #pending :minus_one, #item_count :items, #duration_ms :duration, #attempts :attempts",
                self.outcome.attribute()
            ),
            "#generation = :generation AND NOT contains(#succeeded, :offset) AND NOT contains(#failed, :offset) \
             AND NOT contains(#cancelled, :offset)",
        )
        .value("set", AttributeValue::Ns(vec![self.segment.offset().to_string()]))
        .number("offset", self.segment.offset())
        .number("minus_one", -1)
        .number("items", self.counts.item_count)
        .number("duration", self.counts.duration_ms)
        .number("attempts", self.attempts)
        .number("generation", self.generation);
        add_counters(write, &self.counts)
    }
}

/// Adds the user's counters to an ADD clause at the end of `write.update`.
pub(super) fn add_counters(write: Write, counts: &Counts) -> Write {
    let counters = counts.counters.0.iter().enumerate();
    counters.fold(write, |write, (number, (name, value))| write.counter(number, name, *value, ""))
}

impl ControlTable {
    /// Counts one segment's outcome.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn tally(&self, request: &Tally) -> Result<TallyResult, Error> {
        let about = About { operation: "tally", subject: &request.segment };
        let key = TallyRow::key_of(request.segment.group());
        match self.update(about, key, request.write(), ReturnValue::UpdatedNew).await? {
            Written::Applied(Some(changed)) => {
                let pending = changed.get("pending").and_then(|value| value.as_n().ok());
                let pending = pending.and_then(|number| number.parse().ok());
                pending.map(|pending| TallyResult::Counted { pending }).ok_or_else(|| about.disagreement())
            }
            Written::Applied(None) => Err(about.disagreement()),
            Written::Refused(item) => {
                let mut tally = item.map(|item| about.read(item)).transpose()?;
                match request.apply(&mut tally) {
                    TallyResult::Counted { .. } => Err(about.disagreement()),
                    outcome => Ok(outcome),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ExecutionId;

    fn tally(index: u64, outcome: TallyOutcome) -> Tally {
        let segment = ExecutionId::new(uuid::Uuid::from_u128(1)).segment(index);
        Tally { segment, generation: 1, outcome, attempts: 2, counts: Counts { item_count: 10, ..Counts::default() } }
    }

    #[expect(clippy::unnecessary_wraps, reason = "apply takes a row that may be absent")]
    fn fresh() -> Option<TallyRow> {
        Some(TallyRow::fresh(tally(0, TallyOutcome::Failed).segment.group(), 2, 1))
    }

    #[test]
    fn an_outcome_is_counted_once_whatever_is_repeated() {
        let mut row = fresh();
        assert_eq!(tally(0, TallyOutcome::Succeeded).apply(&mut row), TallyResult::Counted { pending: 1 });
        assert_eq!(tally(0, TallyOutcome::Succeeded).apply(&mut row), TallyResult::AlreadyCounted);
        assert_eq!(tally(0, TallyOutcome::Failed).apply(&mut row), TallyResult::AlreadyCounted);
        assert_eq!(tally(1, TallyOutcome::Failed).apply(&mut row), TallyResult::Counted { pending: 0 });
        let row = row.unwrap();
        assert_eq!((row.counts.item_count, row.attempts), (20, 4));
    }

    #[test]
    fn another_generation_is_not_counted() {
        let late = Tally { generation: 2, ..tally(0, TallyOutcome::Succeeded) };
        assert_eq!(late.apply(&mut fresh()), TallyResult::Stale { generation: 1 });
    }
}
