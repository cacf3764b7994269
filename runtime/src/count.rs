//! Outcomes are counted: those of a batch that came together in as few requests as possible.

use control_table::id::SegmentId;
use control_table::operation::{FlagFirstFailure, ReleaseSlots, Tally, TallyResult};
use control_table::rows::TallyOutcome;
use futures::future::join_all;
use tracing::{debug, error, info, warn};

use crate::worker::Worker;

/// A segment's recorded outcome, on its way into the tally.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The place in the batch of the record that brought it.
    pub place: usize,
    pub segment: SegmentId,
    /// Whether it has one of a limited number of slots.
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

impl Worker {
    /// Counts outcomes. The answer is the places of the records that must come again.
    pub(crate) async fn count(&self, outcomes: Vec<Outcome>) -> Vec<usize> {
        let tallies = merge(&outcomes);
        let counted = tallies.iter().map(|tally| {
            let covered = outcomes.iter().filter(|outcome| outcome.is_in(tally)).collect();
            self.count_group(tally, covered)
        });
        join_all(counted).await.concat()
    }

    async fn count_group(&self, tally: &Tally, covered: Vec<&Outcome>) -> Vec<usize> {
        let Tally { group, generation, .. } = tally;
        let all_again = || covered.iter().map(|outcome| outcome.place).collect();
        match self.table.execute(tally).await {
            Ok(TallyResult::Counted { pending, first_failure }) => {
                debug!(%group, pending, "counted");
                if first_failure {
                    self.note_failure(tally).await;
                }
                self.free_slots(tally, &covered).await
            }
            Ok(TallyResult::AlreadyCounted) => {
                info!(%group, "the outcomes are counted already");
                self.free_slots(tally, &covered).await
            }
            Ok(TallyResult::Stale { generation: moved_on }) => {
                info!(%group, tally = moved_on, rows = generation, "the tally has moved on");
                Vec::new()
            }
            Ok(TallyResult::Missing) => {
                // Records follow the commit of their group, so it must be a question of time, or of a wrong table.
                warn!(%group, "the segments' group is not committed: their records come again");
                all_again()
            }
            Err(error) => {
                error!(%group, %error, "the outcomes are not counted: their records come again");
                all_again()
            }
        }
    }

    /// Says that the group has its first failure. Only a hint to be quick about it: the sweeper looks anyway.
    async fn note_failure(&self, tally: &Tally) {
        let failed = tally.outcomes.iter().find(|counted| counted.outcome == TallyOutcome::Failed);
        let Some(failed) = failed else { return };
        let segment = tally.group.segment(failed.offset);
        let note = FlagFirstFailure { segment, generation: tally.generation, due_at: self.clock.timestamp() };
        match self.table.execute(&note).await {
            Ok(outcome) => debug!(%segment, ?outcome, "the failure is noted"),
            Err(error) => warn!(%segment, %error, "the failure is not noted: the sweeper will see it later"),
        }
    }

    /// Makes room for others, after the tally: until then a worker that dies must find the slot taken. The places of the
    /// records that must come again, because their slots may not be free.
    async fn free_slots(&self, tally: &Tally, counted: &[&Outcome]) -> Vec<usize> {
        let holders: Vec<&Outcome> = counted.iter().copied().filter(|outcome| outcome.has_slot).collect();
        if holders.is_empty() {
            return Vec::new();
        }
        let segments = holders.iter().map(|outcome| outcome.segment.index).collect();
        let (execution_id, generation) = (tally.group.execution_id, tally.generation);
        match self.table.execute(&ReleaseSlots { execution_id, generation, segments }).await {
            Ok(_) => Vec::new(),
            Err(error) => {
                error!(%execution_id, %error, "slots are not freed: their records come again");
                holders.iter().map(|outcome| outcome.place).collect()
            }
        }
    }
}

/// As few tallies as hold these outcomes. A record that is in the batch twice brings its outcome twice, and its tally covers both.
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
