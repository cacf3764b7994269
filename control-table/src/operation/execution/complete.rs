//! Complete: a sealed execution whose groups are all folded gets its terminal status. Of several callers exactly one wins.

use crate::clock::Timestamp;
use crate::operation::write::to_attribute;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, Due, ExecutionRow, ExecutionStatus, RowKey, Stop};

/// Completes an execution: `RUNNING -> SUCCEEDED | FAILED`, `CANCELLING -> CANCELLED | FAILED`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Complete {
    /// The execution as the caller read it. The request has the status that follows from its counts; if the execution has changed
    /// since, the store sends another (see [`Operation::revise`]).
    pub seen: Box<ExecutionRow>,
    /// The generation that completes.
    pub generation: u32,
    pub now: Timestamp,
    /// When the sweeper checks whether the completion event was published.
    pub due_at: Timestamp,
}

/// Outcomes of [`Complete`]; only `Completed` changes the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompleteOutcome {
    /// Complete now. The event carries the counts of this row.
    Completed(Box<ExecutionRow>),
    /// The generation was complete before; its row.
    AlreadyComplete(Box<ExecutionRow>),
    /// The execution is not sealed, or a group is not folded.
    NotYet,
    /// The execution is in another generation, or does not exist.
    Stale,
}

impl Operation for Complete {
    type Rows = Option<ExecutionRow>;
    type Outcome = CompleteOutcome;

    const NAME: &'static str = "complete";

    fn subject(&self) -> String {
        self.seen.execution_id.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Execution(self.seen.execution_id)]
    }

    fn apply(&self, execution: &mut Self::Rows) -> Self::Outcome {
        let Some(execution) = execution.as_mut().filter(|execution| execution.generation == self.generation) else {
            return CompleteOutcome::Stale;
        };
        if execution.status.is_terminal() {
            return CompleteOutcome::AlreadyComplete(Box::new(execution.clone()));
        }
        let is_ending = matches!(execution.status, ExecutionStatus::Running | ExecutionStatus::Cancelling);
        if !is_ending || execution.groups_done != execution.groups {
            return CompleteOutcome::NotYet;
        }
        execution.status = final_status(execution);
        execution.finished_at = Some(self.now);
        execution.progress_seen = None;
        execution.progress_at = None;
        execution.stalled_at = None;
        // A worker that died after its tally did not release its slot.
        execution.in_flight.clear();
        execution.step_cursor = None;
        execution.open_from = 0;
        execution.heal_cursor = None;
        execution.healed_at = None;
        execution.lost_at = None;
        execution.waits_in_stream = false;
        execution.due = Some(Due::execution(execution.execution_id, self.due_at));
        CompleteOutcome::Completed(Box::new(execution.clone()))
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        self.update().map(Write::Update)
    }

    /// Sends the status that follows from the present row: a fold, a cancel or a change of the tolerance came after the read.
    fn revise(&self, met: &Self::Rows) -> Option<Self> {
        let seen = Box::new(met.clone()?);
        let completes = matches!(self.apply(&mut met.clone()), CompleteOutcome::Completed(_));
        (completes && seen != self.seen).then(|| Self { seen, ..self.clone() })
    }
}

impl Complete {
    /// The new status follows from `seen`, so the condition is that its status, counts and tolerance are still the same.
    fn update(&self) -> Result<Update, CorruptItem> {
        let seen = &*self.seen;
        let tolerated = to_attribute(&seen.policy.tolerated_failures)?;
        let write = Update::new(
            "SET #status = :final, #finished_at = :now, #due_at = :due, #due_shard = :shard, #open_from = :zero \
             REMOVE #progress_seen, #progress_at, #stalled_at, #in_flight, #step_cursor, #heal_cursor, #healed_at, #lost_at, \
             #waits_in_stream",
            "#status = :status AND #status IN (:running, :cancelling) AND #generation = :generation \
             AND #groups_done = :groups AND #groups = :groups \
             AND #failed = :failed AND #policy.#tolerated_failures = :tolerated",
        )
        .text("final", final_status(seen).as_str())
        .text("status", seen.status.as_str())
        .text("running", ExecutionStatus::Running.as_str())
        .text("cancelling", ExecutionStatus::Cancelling.as_str())
        .value("tolerated", tolerated)
        .text("shard", String::from(Due::execution(seen.execution_id, self.due_at).due_shard))
        .number("zero", 0)
        .number("now", self.now.as_millis())
        .number("due", self.due_at.as_millis())
        .number("generation", self.generation)
        .number("groups", seen.groups)
        .number("failed", seen.failed);
        Ok(write)
    }
}

fn final_status(execution: &ExecutionRow) -> ExecutionStatus {
    if execution.status == ExecutionStatus::Cancelling {
        return execution.stopped.unwrap_or(Stop::Requested).ends_as();
    }
    if execution.failed > execution.policy.tolerated_failures.of(execution.segments) {
        ExecutionStatus::Failed
    } else {
        ExecutionStatus::Succeeded
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{at, opened, sealed};
    use crate::policy::Tolerance;

    fn complete() -> Complete {
        Complete { seen: Box::new(sealed(1).unwrap()), generation: 1, now: at(70), due_at: at(130) }
    }

    fn done(failed: u64, tolerated_failures: u64) -> Option<ExecutionRow> {
        let mut execution = sealed(1);
        if let Some(execution) = &mut execution {
            (execution.groups_done, execution.failed) = (1, failed);
            execution.policy.tolerated_failures = Tolerance::Count(tolerated_failures);
        }
        execution
    }

    #[test]
    fn nothing_completes_before_its_seal_or_before_its_last_group() {
        assert_eq!(complete().apply(&mut opened()), CompleteOutcome::NotYet);
        assert_eq!(complete().apply(&mut sealed(1)), CompleteOutcome::NotYet);
        assert_eq!(complete().apply(&mut None), CompleteOutcome::Stale);
    }

    #[test]
    fn exactly_one_caller_wins() {
        let mut execution = done(0, 0);
        let CompleteOutcome::Completed(row) = complete().apply(&mut execution) else { panic!("{execution:?}") };
        assert_eq!((row.status, row.finished_at), (ExecutionStatus::Succeeded, Some(at(70))));
        assert_eq!(complete().apply(&mut execution), CompleteOutcome::AlreadyComplete(row));
    }

    #[test]
    fn failures_up_to_the_tolerance_are_a_success() {
        for (failed, tolerated, expected) in
            [(1, 0, ExecutionStatus::Failed), (2, 2, ExecutionStatus::Succeeded), (3, 2, ExecutionStatus::Failed)]
        {
            let mut execution = done(failed, tolerated);
            complete().apply(&mut execution);
            assert_eq!(execution.unwrap().status, expected, "{failed} of {tolerated}");
        }
    }

    #[test]
    fn a_stopped_execution_ends_by_its_reason_whatever_is_tolerated() {
        for (stop, expected) in [
            (Stop::Requested, ExecutionStatus::Cancelled),
            (Stop::TooManyFailures, ExecutionStatus::Failed),
            (Stop::TimedOut, ExecutionStatus::Failed),
        ] {
            let mut execution = done(0, 9);
            if let Some(execution) = &mut execution {
                (execution.status, execution.stopped) = (ExecutionStatus::Cancelling, Some(stop));
            }
            complete().apply(&mut execution);
            assert_eq!(execution.unwrap().status, expected, "{stop:?}");
        }
    }

    #[test]
    fn only_an_execution_that_is_ending_is_written() {
        let Write::Update(update) = complete().write().unwrap() else { panic!() };
        assert!(update.condition.contains("#status IN (:running, :cancelling)"), "{}", update.condition);
    }

    #[test]
    fn a_refusal_by_a_newer_row_is_sent_again_with_that_row_and_others_stand() {
        let newer = done(2, 2);
        let revised = complete().revise(&newer).unwrap();
        assert_eq!(Some(*revised.seen.clone()), newer);
        assert_eq!(revised.revise(&newer), None, "the same row refused it: a contradiction, not a change");
        for refuses in [opened(), sealed(1), None] {
            assert_eq!(complete().revise(&refuses), None);
        }
    }

    #[test]
    fn an_execution_without_segments_succeeds() {
        let mut execution = sealed(0);
        assert!(matches!(complete().apply(&mut execution), CompleteOutcome::Completed(_)));
    }
}
