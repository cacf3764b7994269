//! **tally**: outcomes of segments are counted in their group, each once.
//!
//! One atomic update that is refused when an offset is in any of the three sets, so repeating it changes nothing. A crash
//! between *finish* and *tally* is mended by whoever meets the finished row next: a repeated record, or the sweeper.
//!
//! The outcomes of a batch go into one update; of one that is refused because some are counted already, the rest goes again. A
//! segment that is twice in a batch is once in the update: an addition to a set may say the same twice, an addition to a sum not.

use std::collections::HashSet;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use crate::error::Error;
use crate::id::GroupId;
use crate::item::{Counts, Item, SegmentRow, TallyOutcome, TallyRow};
use crate::limits::OUTCOMES_PER_TALLY;
use crate::table::{About, ControlTable, Write, Written};

/// Counts outcomes of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The group.
    pub group: GroupId,
    /// The generation of the outcomes.
    pub generation: u32,
    /// The outcomes; of several for one segment, the first counts.
    pub outcomes: Vec<Counted>,
}

/// One segment's outcome, as it is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The segment's offset in its group.
    pub offset: u8,
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
    /// Counted, now; those that were counted before were left out.
    Counted {
        /// Segments of the group that are left without an outcome.
        pending: u64,
        /// Whether the group's first failure is among them.
        first_failure: bool,
    },
    /// All of them were counted before.
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
        let counted = Counted { offset: row.offset, outcome, attempts: row.attempt, counts: row.counts.clone() };
        Some(Self { group: row.group, generation: row.generation, outcomes: vec![counted] })
    }

    /// The same outcomes in as few requests as there are groups and generations among them, and as one request may hold. A segment
    /// that comes twice in a generation is in them once, as it came first.
    #[must_use]
    pub fn merge(tallies: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let (mut merged, mut seen): (Vec<Self>, _) = (Vec::new(), HashSet::new());
        for mut tally in tallies {
            tally.outcomes.retain(|counted| seen.insert((tally.group, tally.generation, counted.offset)));
            if tally.outcomes.is_empty() {
                continue;
            }
            let fits = |other: &&mut Self| {
                other.group == tally.group
                    && other.generation == tally.generation
                    && other.outcomes.len() + tally.outcomes.len() <= OUTCOMES_PER_TALLY
            };
            match merged.iter_mut().find(fits) {
                Some(other) => other.outcomes.extend(tally.outcomes),
                None => merged.push(tally),
            }
        }
        merged
    }

    /// What it means.
    pub fn apply(&self, tally: &mut Option<TallyRow>) -> TallyResult {
        let Some(tally) = tally else {
            return TallyResult::Missing;
        };
        if tally.generation != self.generation {
            return TallyResult::Stale { generation: tally.generation };
        }
        let failed_before = !tally.failed.is_empty();
        let mut counted = false;
        for Counted { offset, outcome, attempts, counts } in &self.outcomes {
            if tally.has(*offset) {
                continue;
            }
            counted = true;
            tally.set_mut(*outcome).insert(*offset);
            tally.pending = tally.pending.saturating_sub(1);
            tally.attempts += u64::from(*attempts);
            tally.counts.add(counts);
        }
        if counted {
            let first_failure = !failed_before && !tally.failed.is_empty();
            TallyResult::Counted { pending: tally.pending, first_failure }
        } else {
            TallyResult::AlreadyCounted
        }
    }

    /// One update that counts all of `outcomes`, or none.
    fn write(&self, outcomes: &[&Counted]) -> Write {
        let mut clauses = Vec::new();
        let mut condition = "#generation = :generation".to_owned();
        let (mut attempts, mut counts) = (0_u64, Counts::default());
        for (number, counted) in outcomes.iter().enumerate() {
            for set in ["succeeded", "failed", "cancelled"] {
                condition.extend([" AND NOT contains(#", set, ", :o", &number.to_string(), ")"]);
            }
            attempts += u64::from(counted.attempts);
            counts.add(&counted.counts);
        }
        let sets = sets(outcomes);
        for (outcome, _) in &sets {
            clauses.push(format!("#{} :{}", outcome.attribute(), outcome.attribute()));
        }
        let update = format!(
            "ADD {}, #pending :less, #item_count :items, #duration_ms :duration, #attempts :attempts",
            clauses.join(", ")
        );
        let mut write = Write::new(update, condition)
            .number("less", -i64::try_from(outcomes.len()).unwrap_or(0))
            .number("items", counts.item_count)
            .number("duration", counts.duration_ms)
            .number("attempts", attempts)
            .number("generation", self.generation);
        for (outcome, offsets) in sets {
            write = write.value(outcome.attribute(), AttributeValue::Ns(offsets));
        }
        for (number, counted) in outcomes.iter().enumerate() {
            write = write.number(&format!("o{number}"), counted.offset);
        }
        add_counters(write, &counts)
    }
}

/// The offsets by outcome; no empty sets, which `DynamoDB` refuses.
fn sets(outcomes: &[&Counted]) -> Vec<(TallyOutcome, Vec<String>)> {
    [TallyOutcome::Succeeded, TallyOutcome::Failed, TallyOutcome::Cancelled]
        .into_iter()
        .map(|outcome| {
            let chosen = outcomes.iter().filter(|counted| counted.outcome == outcome);
            (outcome, chosen.map(|counted| counted.offset.to_string()).collect::<Vec<_>>())
        })
        .filter(|(_, offsets)| !offsets.is_empty())
        .collect()
}

/// Adds the user's counters to an ADD clause at the end of `write.update`.
pub(super) fn add_counters(write: Write, counts: &Counts) -> Write {
    let counters = counts.counters.0.iter().enumerate();
    counters.fold(write, |write, (number, (name, value))| write.counter(number, name, *value, ""))
}

impl ControlTable {
    /// Counts outcomes of one group; at most [`OUTCOMES_PER_TALLY`], as [`Tally::merge`] gives them.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn tally(&self, request: &Tally) -> Result<TallyResult, Error> {
        let about = About { operation: "tally", subject: &request.group };
        let mut seen = HashSet::new();
        let mut left: Vec<&Counted> = request.outcomes.iter().filter(|counted| seen.insert(counted.offset)).collect();
        // Each round leaves out at least one outcome, so there are no more rounds than outcomes.
        while !left.is_empty() {
            let key = TallyRow::key_of(request.group);
            match self.update(about, key, request.write(&left), ReturnValue::UpdatedNew).await? {
                Written::Applied(changed) => return counted(about, changed, &left),
                Written::Refused(None) => return Ok(TallyResult::Missing),
                Written::Refused(Some(item)) => {
                    let tally: TallyRow = about.read(item)?;
                    if tally.generation != request.generation {
                        return Ok(TallyResult::Stale { generation: tally.generation });
                    }
                    let before = left.len();
                    left.retain(|counted| !tally.has(counted.offset));
                    if left.len() == before {
                        return Err(about.disagreement());
                    }
                }
            }
        }
        Ok(TallyResult::AlreadyCounted)
    }
}

fn counted(about: About<'_>, changed: Option<Item>, outcomes: &[&Counted]) -> Result<TallyResult, Error> {
    let changed = changed.unwrap_or_default();
    let pending = changed.get("pending").and_then(|value| value.as_n().ok()).and_then(|number| number.parse().ok());
    let failed = changed.get("failed").and_then(|value| value.as_ns().ok()).map_or(0, Vec::len);
    let failed_now = outcomes.iter().filter(|counted| counted.outcome == TallyOutcome::Failed).count();
    let first_failure = failed_now > 0 && failed == failed_now;
    pending.map(|pending| TallyResult::Counted { pending, first_failure }).ok_or_else(|| about.disagreement())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ExecutionId;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    fn group() -> GroupId {
        ExecutionId::new(uuid::Uuid::from_u128(1)).group(0)
    }

    fn tally(outcomes: &[(u8, TallyOutcome)]) -> Tally {
        let counts = Counts { item_count: 10, ..Counts::default() };
        let counted = |&(offset, outcome)| Counted { offset, outcome, attempts: 2, counts: counts.clone() };
        Tally { group: group(), generation: 1, outcomes: outcomes.iter().map(counted).collect() }
    }

    #[expect(clippy::unnecessary_wraps, reason = "apply takes a row that may be absent")]
    fn fresh(size: u64) -> Option<TallyRow> {
        Some(TallyRow::fresh(group(), size, 1))
    }

    #[test]
    fn an_outcome_is_counted_once_whatever_is_repeated() {
        use TallyOutcome::{Failed, Succeeded};
        let mut row = fresh(2);
        let counted = |pending, first_failure| TallyResult::Counted { pending, first_failure };
        assert_eq!(tally(&[(0, Succeeded)]).apply(&mut row), counted(1, false));
        assert_eq!(tally(&[(0, Succeeded)]).apply(&mut row), TallyResult::AlreadyCounted);
        assert_eq!(tally(&[(0, Failed)]).apply(&mut row), TallyResult::AlreadyCounted);
        assert_eq!(tally(&[(1, Failed)]).apply(&mut row), counted(0, true));
        let row = row.unwrap();
        assert_eq!((row.counts.item_count, row.attempts), (20, 4));
    }

    #[test]
    fn a_batch_counts_what_was_not_counted_before() {
        use TallyOutcome::{Failed, Succeeded};
        let mut row = fresh(3);
        tally(&[(1, Failed)]).apply(&mut row);
        let outcome = tally(&[(0, Succeeded), (1, Failed), (2, Failed)]).apply(&mut row);
        assert_eq!(outcome, TallyResult::Counted { pending: 0, first_failure: false });
        assert_eq!(row.unwrap().attempts, 6);
    }

    #[test]
    fn outcomes_are_merged_by_group_and_generation_up_to_the_limit() {
        let one = |offset| tally(&[(offset, TallyOutcome::Succeeded)]);
        let other = Tally { generation: 2, ..one(0) };
        let sizes: Vec<usize> =
            Tally::merge((0..30).map(one).chain([other])).iter().map(|tally| tally.outcomes.len()).collect();
        assert_eq!(sizes, [OUTCOMES_PER_TALLY, 30 - OUTCOMES_PER_TALLY, 1]);
    }

    proptest! {
        /// However outcomes are cut into tallies, and whatever is among them twice, merging changes nothing of what they mean.
        #[test]
        fn merged_outcomes_count_each_segment_once_as_it_came_first(
            batch in proptest::collection::vec((1..3_u32, 0..3_u64, proptest::collection::vec((0..20_u8, 0..3_usize, 1..4_u32), 1..4)), 0..40),
        ) {
            let kinds = [TallyOutcome::Succeeded, TallyOutcome::Failed, TallyOutcome::Cancelled];
            let tallies: Vec<Tally> = batch.into_iter().map(|(generation, number, outcomes)| {
                let counted = |(offset, kind, attempts): (u8, usize, u32)| {
                    let counts = Counts { item_count: i64::from(attempts), ..Counts::default() };
                    Counted { offset, outcome: kinds[kind], attempts, counts }
                };
                let outcomes = outcomes.into_iter().map(counted).collect();
                Tally { group: group().execution_id.group(number), generation, outcomes }
            }).collect();
            let merged = Tally::merge(tallies.clone());
            let mut named = HashSet::new();
            for tally in &merged {
                prop_assert!((1..=OUTCOMES_PER_TALLY).contains(&tally.outcomes.len()));
                for counted in &tally.outcomes {
                    prop_assert!(named.insert((tally.group, tally.generation, counted.offset)), "{:?}", tally);
                }
            }
            for (number, generation) in (0..3).flat_map(|number| [(number, 1), (number, 2)]) {
                let group = group().execution_id.group(number);
                let count = |tallies: &[Tally]| {
                    let mut row = Some(TallyRow::fresh(group, 128, generation));
                    for tally in tallies.iter().filter(|tally| tally.group == group) {
                        tally.apply(&mut row);
                    }
                    row
                };
                prop_assert_eq!(count(&merged), count(&tallies));
            }
        }
    }

    #[test]
    fn the_largest_batch_is_within_the_limits_of_an_expression() {
        let outcomes: Vec<_> = (0..25).map(|offset| (offset + 100, TallyOutcome::Cancelled)).collect();
        let request = tally(&outcomes);
        let write = request.write(&request.outcomes.iter().collect::<Vec<_>>());
        assert!(write.condition.len() <= 4_096 && write.update.len() <= 4_096, "{}", write.condition.len());
        let operators = write.condition.matches("AND").count()
            + write.condition.matches("NOT").count()
            + write.condition.matches("contains").count()
            + 1;
        assert!(operators <= 300, "{operators}");
    }

    #[test]
    fn another_generation_is_not_counted() {
        let late = Tally { generation: 2, ..tally(&[(0, TallyOutcome::Succeeded)]) };
        assert_eq!(late.apply(&mut fresh(2)), TallyResult::Stale { generation: 1 });
    }
}
