//! Scatters, which add segments to the table, and workers, which process them.

use control_table::operation::{
    AddRows, Claim, ClaimOutcome, CommitGroup, CommitGroupOutcome, Ending, Finish, FinishOutcome, Operation, Seal,
    Tally, TallyResult,
};
use control_table::rows::{Counts, ErrorKind, SegmentFailure};

use crate::config::{Mutation, Nature};
use crate::coverage::Situation;
use crate::state::{
    Breach, Claimed, End, Held, LATER, NOW, Place, Record, Scatter, State, Worker, execution_id, group_id, record_name,
};
use crate::system::System;

impl System {
    /// One write of a scatter. One whose answer is lost is sent again.
    pub(super) fn step_scatter(&self, state: &mut State, who: usize, lost: bool) {
        let next = match state.scatters[who] {
            Scatter::Off => return,
            Scatter::Rows(group) => {
                let request = AddRows {
                    group: group_id(group),
                    generation: 1,
                    specs: vec![serde_json::Value::Null; self.size(group)],
                    now: NOW,
                };
                self.write(state, None, |table| self.add_rows(table, &request));
                if self.is(Mutation::CommitBeforeRows) { Scatter::Records(group) } else { Scatter::Commit(group) }
            }
            Scatter::Commit(group) => self.commit(state, group),
            Scatter::Records(group) => {
                for place in self.places().filter(|place| place.group == group) {
                    if !state.has_record(place, 1) {
                        state.put_record(place, 1);
                    }
                }
                if group + 1 < self.groups() && !self.is(Mutation::SealTooEarly) {
                    self.first_step(group + 1)
                } else {
                    Scatter::Seal
                }
            }
            Scatter::Seal => {
                let request = Seal { execution_id: execution_id(), groups: u64::from(self.groups()), now: NOW };
                self.write(state, None, |table| self.seal(table, &request));
                Scatter::Off
            }
        };
        if !lost {
            state.scatters[who] = next;
        }
    }

    /// Where a scatter begins with a group.
    pub(super) fn first_step(&self, group: u8) -> Scatter {
        if group >= self.groups() {
            Scatter::Seal
        } else if self.is(Mutation::CommitBeforeRows) {
            Scatter::Commit(group)
        } else {
            Scatter::Rows(group)
        }
    }

    fn commit(&self, state: &mut State, group: u8) -> Scatter {
        let size = u64::try_from(self.size(group)).unwrap_or(0);
        let request = CommitGroup { group: group_id(group), size, generation: 1, now: NOW, scatter_until: LATER };
        match self.write(state, None, |table| self.commit_group(table, &request)) {
            CommitGroupOutcome::Committed if self.is(Mutation::CommitBeforeRows) => Scatter::Rows(group),
            CommitGroupOutcome::Committed => Scatter::Records(group),
            CommitGroupOutcome::AlreadyCommitted => {
                self.cover(Situation::CommittedByAnother);
                Scatter::Records(group)
            }
            CommitGroupOutcome::NotScattering(_) => {
                self.cover(Situation::ScatterStopped);
                Scatter::Off
            }
            CommitGroupOutcome::TooEarly(_) | CommitGroupOutcome::Missing => {
                state.breach.get_or_insert(Breach::Damaged);
                Scatter::Off
            }
        }
    }

    /// A worker receives a record, or sends its unanswered claim again.
    pub(super) fn claim_record(&self, state: &mut State, who: usize, record: Record, lost: bool) {
        state.workers[who] = Worker::Claiming(record);
        let request = Claim {
            segment: record.place.id(),
            generation: record.generation,
            record: record_name(record.id),
            claim_id: format!("c{}", record.delivery),
            max_attempts: self.config.max_attempts,
            now: NOW,
            lease_until: LATER,
        };
        let attempt_before = state.row(record.place).map_or(0, |row| row.attempt);
        let was_running = state.row(record.place).is_some_and(|row| row.lease_until.is_some());
        let outcome = self.write(state, Some(who), |table| self.claim(table, &request));
        if lost {
            self.cover(Situation::ClaimUnanswered);
            return;
        }
        state.workers[who] = match outcome {
            ClaimOutcome::Claimed(row) => {
                if was_running {
                    self.cover(if row.attempt == attempt_before {
                        Situation::ClaimKnewItself
                    } else if record.delivery > 0 {
                        Situation::RecordCameBack
                    } else {
                        Situation::TakenOver
                    });
                }
                if row.retry_at.is_none() && row.attempt > 1 && !was_running {
                    self.cover(Situation::Retried);
                }
                // A claim whose answer was lost may be known again only after its lease was cut short.
                let over = row.lease_until != Some(LATER);
                Worker::Working(Claimed { record, attempt: row.attempt, over, fenced: false })
            }
            ClaimOutcome::AlreadyFinished(row) => {
                self.cover(Situation::FoundFinished);
                Tally::of(&row).map_or(Worker::Idle, |tally| Worker::Tallying(record, Held::new(tally)))
            }
            ClaimOutcome::AttemptsUsedUp(row) => {
                self.cover(Situation::AttemptsUsedUp);
                let claimed = Claimed { record, attempt: row.attempt, over: true, fenced: false };
                Worker::Finishing(claimed, End::Failure)
            }
            ClaimOutcome::Leased { .. } => {
                self.cover(Situation::Leased);
                Worker::Idle
            }
            ClaimOutcome::Stale { .. } => {
                self.cover(Situation::StaleRecord);
                Worker::Idle
            }
            ClaimOutcome::NotYet { .. } | ClaimOutcome::Missing => {
                state.breach.get_or_insert(Breach::Damaged);
                Worker::Idle
            }
        };
    }

    /// How an attempt may end.
    pub(super) fn ends(&self, claimed: &Claimed) -> &'static [End] {
        match self.nature(claimed.record.place) {
            Nature::Good => &[End::Success],
            Nature::Bad if claimed.record.generation == 1 => &[End::Failure],
            Nature::Bad => &[End::Success],
            Nature::Either => &[End::Success, End::Failure],
            Nature::Flaky if claimed.attempt < self.config.max_attempts => &[End::Success, End::Retry],
            Nature::Flaky => &[End::Success, End::Failure],
        }
    }

    /// The user's work ends: its end is recorded, or, with a mutation, counted first.
    pub(super) fn end_work(&self, state: &mut State, who: usize, end: End, lost: bool) {
        let Worker::Working(claimed) = state.workers[who] else { return };
        state.workers[who] = Worker::Finishing(claimed, end);
        if self.is(Mutation::TallyBeforeFinish)
            && let FinishOutcome::Finished(row) =
                finish(claimed, end).apply(&mut state.row(claimed.record.place).cloned())
            && let Some(tally) = Tally::of(&row)
        {
            // The row as it will be. The finish comes next; its outcome is counted once more, to no effect.
            self.write(state, None, |table| self.tally(table, &tally));
            return;
        }
        self.finish_work(state, who, lost);
    }

    /// A worker records how its attempt ended.
    pub(super) fn finish_work(&self, state: &mut State, who: usize, lost: bool) {
        let Worker::Finishing(claimed, end) = state.workers[who] else { return };
        let request = finish(claimed, end);
        let outcome = self.write(state, Some(who), |table| self.finish(table, &request));
        if lost {
            self.cover(Situation::FinishUnanswered);
            // Its claim has ended, whether it knows it or not.
            state.workers[who] = Worker::Finishing(Claimed { over: true, ..claimed }, end);
            return;
        }
        state.workers[who] = match outcome {
            FinishOutcome::Finished(row) => {
                Tally::of(&row).map_or(Worker::Idle, |tally| Worker::Tallying(claimed.record, Held::new(tally)))
            }
            FinishOutcome::AlreadyFinished(row) => {
                self.cover(Situation::FinishedBefore);
                Tally::of(&row).map_or(Worker::Idle, |tally| Worker::Tallying(claimed.record, Held::new(tally)))
            }
            FinishOutcome::Lost(_) => {
                self.cover(Situation::ClaimLost);
                Worker::Idle
            }
            FinishOutcome::Missing => {
                state.breach.get_or_insert(Breach::Damaged);
                Worker::Idle
            }
        };
    }

    /// A worker counts an outcome, and acknowledges its record.
    pub(super) fn count(&self, state: &mut State, who: usize, lost: bool) {
        let Worker::Tallying(_, tally) = state.workers[who].clone() else { return };
        let outcome = self.write(state, None, |table| self.tally(table, &tally.0));
        if lost {
            return;
        }
        match outcome {
            TallyResult::Counted { .. } => {}
            TallyResult::AlreadyCounted => self.cover(Situation::CountedBefore),
            TallyResult::Stale { .. } => self.cover(Situation::StaleCount),
            TallyResult::Missing => {
                state.breach.get_or_insert(Breach::Damaged);
            }
        }
        state.workers[who] = Worker::Idle;
    }
}

/// Items of each segment: digits of their own, so that no two wrong sums look like a right one.
fn items(place: Place) -> i64 {
    10_i64.pow(u32::from(place.group) * 2 + u32::from(place.offset))
}

/// The request that records an end.
pub(super) fn finish(claimed: Claimed, end: End) -> Finish {
    let place = claimed.record.place;
    let failure = |kind| SegmentFailure::new(kind, "");
    let ending = match end {
        End::Success => {
            let counts = Counts { item_count: items(place), duration_ms: 1, ..Counts::default() };
            Ending::Succeeded { counts, result: None }
        }
        End::Failure => Ending::Failed { failure: failure(ErrorKind::Permanent), duration_ms: 1 },
        End::Retry => Ending::Retry { failure: failure(ErrorKind::Retryable), retry_at: NOW },
    };
    let (generation, attempt) = (claimed.record.generation, claimed.attempt);
    Finish { segment: place.id(), generation, attempt, now: NOW, ending, failures: Vec::new() }
}
