//! Counts the outcomes of a batch, in as few requests as possible.

use control_table::id::SegmentId;
use control_table::operation::{FlagFirstFailure, ReleaseSlots, Tally, TallyResult};
use control_table::rows::TallyOutcome;
use futures::future::join_all;
use tracing::{debug, error, info, warn};

use crate::settings::Parts;

/// A segment's recorded outcome.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The place of its record in the batch.
    pub place: usize,
    pub segment: SegmentId,
    /// Whether the segment has a slot.
    pub has_slot: bool,
    pub tally: Tally,
}

impl Outcome {
    fn is_in(&self, tally: &Tally) -> bool {
        let offset = self.segment.offset();
        self.tally.group == tally.group
            && self.tally.generation == tally.generation
            && tally.outcomes.iter().any(|counted| counted.offset == offset)
    }
}

/// Counts outcomes. Returns the places of the records that the stream must repeat.
pub(crate) async fn tally_batch(parts: &Parts, outcomes: Vec<Outcome>) -> Vec<usize> {
    let tallies = merge(&outcomes);
    let counted = tallies.iter().map(|tally| {
        let covered = outcomes.iter().filter(|outcome| outcome.is_in(tally)).collect();
        parts.tally_group(tally, covered)
    });
    join_all(counted).await.concat()
}

impl Parts {
    async fn tally_group(&self, tally: &Tally, covered: Vec<&Outcome>) -> Vec<usize> {
        let Tally { group, generation, .. } = tally;
        let all_again = || covered.iter().map(|outcome| outcome.place).collect();
        match self.table.execute(tally).await {
            Ok(TallyResult::Counted { pending, first_failure }) => {
                debug!(%group, pending, "counted");
                if first_failure {
                    self.flag_first_failure(tally).await;
                }
                self.release_slots(tally, &covered).await
            }
            Ok(TallyResult::AlreadyCounted) => {
                info!(%group, "the outcomes are counted already");
                self.release_slots(tally, &covered).await
            }
            Ok(TallyResult::Stale { generation: moved_on }) => {
                info!(%group, tally = moved_on, rows = generation, "the tally is of a later generation");
                Vec::new()
            }
            Ok(TallyResult::Missing) => {
                // A scatter commits a group before it sends records, so the read is early, or the table is the wrong one.
                warn!(%group, "the segments' group is not committed: the stream will repeat their records");
                all_again()
            }
            Err(error) => {
                error!(%group, %error, "the outcomes are not counted: the stream will repeat their records");
                all_again()
            }
        }
    }

    /// Flags the first failure of the group. If that fails, the sweeper sees the failure later.
    async fn flag_first_failure(&self, tally: &Tally) {
        let failed = tally.outcomes.iter().find(|counted| counted.outcome == TallyOutcome::Failed);
        let Some(failed) = failed else { return };
        let segment = tally.group.segment(failed.offset);
        let flag = FlagFirstFailure { segment, generation: tally.generation, due_at: self.clock.timestamp() };
        match self.table.execute(&flag).await {
            Ok(outcome) => debug!(%segment, ?outcome, "the failure is flagged"),
            Err(error) => warn!(%segment, %error, "the failure is not flagged: the sweeper will see it later"),
        }
    }

    /// Releases the slots of counted segments. After the tally: if the worker dies before it, the repeated record must find the slot
    /// taken. Returns the places of the records to repeat, because their slots may not be released.
    async fn release_slots(&self, tally: &Tally, counted: &[&Outcome]) -> Vec<usize> {
        let holders: Vec<&Outcome> = counted.iter().copied().filter(|outcome| outcome.has_slot).collect();
        if holders.is_empty() {
            return Vec::new();
        }
        let segments = holders.iter().map(|outcome| outcome.segment.index).collect();
        let (execution_id, generation) = (tally.group.execution_id, tally.generation);
        match self.table.execute(&ReleaseSlots { execution_id, generation, segments }).await {
            Ok(_) => Vec::new(),
            Err(error) => {
                error!(%execution_id, %error, "slots are not released: the stream will repeat their records");
                holders.iter().map(|outcome| outcome.place).collect()
            }
        }
    }
}

/// One tally a group and generation. A record that is in the batch twice has its outcome twice; one tally covers both.
fn merge(outcomes: &[Outcome]) -> Vec<Tally> {
    Tally::merge(outcomes.iter().map(|outcome| outcome.tally.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use control_table::clock::Timestamp;
    use control_table::id::ExecutionId;
    use control_table::rows::{SegmentRow, SegmentStatus};
    use serde_json::Value;

    fn outcome(index: u64, generation: u32) -> Outcome {
        let segment = ExecutionId::new(uuid::Uuid::from_u128(1)).segment(index);
        let mut row = SegmentRow::pending(segment, Value::Null, generation, Timestamp::EPOCH);
        row.status = SegmentStatus::Succeeded;
        let tally = Tally::of(&row).unwrap();
        Outcome { place: 0, segment, has_slot: false, tally }
    }

    #[test]
    fn an_outcome_that_comes_twice_is_counted_once_and_covers_both_records() {
        let outcomes = [outcome(3, 1), outcome(3, 1), outcome(4, 1), outcome(200, 1), outcome(3, 2)];
        let tallies = merge(&outcomes);
        let offsets: Vec<Vec<u8>> =
            tallies.iter().map(|tally| tally.outcomes.iter().map(|counted| counted.offset).collect()).collect();
        assert_eq!(offsets, [vec![3, 4], vec![72], vec![3]]);
        let covered = |tally: &Tally| outcomes.iter().filter(|outcome| outcome.is_in(tally)).count();
        assert_eq!(tallies.iter().map(covered).collect::<Vec<_>>(), [3, 1, 1]);
    }
}
