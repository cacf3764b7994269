//! Tally: outcomes of segments are counted in their group, each once.
//!
//! One update, which is refused if an offset is in any of the three sets, so repeating it changes nothing. If a worker dies
//! between `Finish` and `Tally`, the segment is counted when its record is delivered again, or by the sweeper.
//!
//! The outcomes of a batch are one update. If it is refused because some of them are counted already, the others are sent again.
//! Duplicates within a batch are removed first: adding to a set is idempotent, adding to a number is not.

use std::collections::HashSet;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::id::GroupId;
use crate::limits::OUTCOMES_PER_TALLY;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, Counts, RowKey, SegmentRow, TallyOutcome, TallyRow};

/// Counts outcomes of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Tally {
    pub group: GroupId,
    /// The generation of the outcomes.
    pub generation: u32,
    /// At most [`OUTCOMES_PER_TALLY`], as [`Tally::merge`] returns them. Of several outcomes of a segment the first counts.
    pub outcomes: Vec<Counted>,
}

/// The outcome of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The offset of the segment in its group.
    pub offset: u8,
    /// Succeeded, failed or cancelled.
    pub outcome: TallyOutcome,
    /// Attempts of the segment in this generation.
    pub attempts: u32,
    /// Items, time and counters of the segment.
    pub counts: Counts,
}

/// Outcomes of [`Tally`]; only `Counted` changes the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TallyResult {
    /// Some or all of the segments were counted now; the others were counted before.
    Counted {
        /// Segments of the group without an outcome.
        pending: u64,
        /// Whether the first failure of the group was counted now.
        first_failure: bool,
    },
    /// All of the segments were counted before.
    AlreadyCounted,
    /// The tally is in another generation.
    Stale {
        /// The generation of the tally.
        generation: u32,
    },
    /// The group has no tally: it is not committed yet, and its scatter will be resumed.
    Missing,
}

impl Operation for Tally {
    type Rows = Option<TallyRow>;
    type Outcome = TallyResult;

    const NAME: &'static str = "tally";

    fn subject(&self) -> String {
        self.group.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Tally(self.group)]
    }

    fn apply(&self, tally: &mut Self::Rows) -> Self::Outcome {
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

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::Update(self.update()))
    }

    /// Leaves out the outcomes that are counted already, if others are left.
    fn revise(&self, met: &Self::Rows) -> Option<Self> {
        let tally = met.as_ref().filter(|tally| tally.generation == self.generation)?;
        let left: Vec<_> = self.outcomes.iter().filter(|counted| !tally.has(counted.offset)).cloned().collect();
        let is_smaller = !left.is_empty() && left.len() < self.outcomes.len();
        is_smaller.then(|| Self { outcomes: left, ..self.clone() })
    }
}

impl Tally {
    /// The outcomes without duplicates: the first of each segment.
    fn distinct(&self) -> Vec<&Counted> {
        let mut seen = HashSet::new();
        self.outcomes.iter().filter(|counted| seen.insert(counted.offset)).collect()
    }

    /// The tally of a finished segment; `None` for one without an outcome.
    #[must_use]
    pub fn of(row: &SegmentRow) -> Option<Self> {
        let outcome = TallyOutcome::of(row.status)?;
        let counted = Counted { offset: row.offset, outcome, attempts: row.attempt, counts: row.counts.clone() };
        Some(Self { group: row.group, generation: row.generation, outcomes: vec![counted] })
    }

    /// The same outcomes in few requests: one for each group and generation, as far as the limit of outcomes allows. Of a
    /// segment that comes twice in a generation, the first outcome is kept.
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

    /// Counts all of the outcomes, or none.
    fn update(&self) -> Update {
        let outcomes = self.distinct();
        if outcomes.is_empty() {
            // `ADD` needs a clause; this changes nothing.
            let update = Update::new("SET #generation = :generation", "#generation = :generation");
            return update.number("generation", self.generation);
        }
        let outcomes = outcomes.as_slice();
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
        let mut write = Update::new(update, condition)
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

/// The offsets by outcome, without empty sets: `DynamoDB` refuses those.
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

/// Adds the user's counters to the `ADD` clause that the update ends with.
pub(super) fn add_counters(write: Update, counts: &Counts) -> Update {
    let counters = counts.counters.0.iter().enumerate();
    counters.fold(write, |write, (number, (name, value))| write.counter(number, name, *value, ""))
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
    fn an_outcome_is_counted_once_however_often_it_is_sent() {
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
        /// Merging tallies does not change what they count, however outcomes are spread over them and repeated.
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
        let write = tally(&outcomes).update();
        assert!(write.condition.len() <= 4_096 && write.update.len() <= 4_096, "{}", write.condition.len());
        let operators = write.condition.matches("AND").count()
            + write.condition.matches("NOT").count()
            + write.condition.matches("contains").count()
            + 1;
        assert!(operators <= 300, "{operators}");
    }

    #[test]
    fn a_refused_batch_is_sent_again_without_what_is_counted() {
        use TallyOutcome::{Failed, Succeeded};
        let batch = tally(&[(0, Succeeded), (1, Failed), (2, Failed)]);
        let mut row = fresh(3);
        tally(&[(1, Succeeded)]).apply(&mut row);
        assert_eq!(batch.revise(&row), Some(tally(&[(0, Succeeded), (2, Failed)])));
        batch.apply(&mut row);
        assert_eq!(batch.revise(&row), None, "all of it is counted");
        assert_eq!(batch.revise(&fresh(3)), None, "none of it is: a contradiction, not a reason to leave anything out");
        assert_eq!(batch.revise(&None), None);
        assert_eq!(Tally { generation: 2, ..batch }.revise(&row), None, "another generation");
    }

    #[test]
    fn no_outcomes_at_all_change_nothing() {
        let mut row = fresh(3);
        assert_eq!(tally(&[]).apply(&mut row), TallyResult::AlreadyCounted);
        assert!(!tally(&[]).update().update.contains("ADD"));
    }

    #[test]
    fn another_generation_is_not_counted() {
        let late = Tally { generation: 2, ..tally(&[(0, TallyOutcome::Succeeded)]) };
        assert_eq!(late.apply(&mut fresh(2)), TallyResult::Stale { generation: 1 });
    }
}
