//! **complete**: a sealed execution whose groups are all folded gets its terminal status. Exactly one caller wins.

use aws_sdk_dynamodb::types::ReturnValue;

use crate::clock::Timestamp;
use crate::error::Error;
use crate::item::{Due, ExecutionRow, ExecutionStatus, Stop};
use crate::table::{About, ControlTable, Write, Written};

/// Completes an execution, if it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complete {
    /// The generation.
    pub generation: u32,
    /// The present moment.
    pub now: Timestamp,
    /// When the sweeper should look whether its event was published.
    pub due_at: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompleteOutcome {
    /// Complete, now: the item whose counts the event carries.
    Completed(Box<ExecutionRow>),
    /// Complete before, in the same generation.
    AlreadyComplete(Box<ExecutionRow>),
    /// Not sealed, or not every group is folded.
    NotYet,
    /// The execution is of another generation, or gone.
    Stale,
}

/// Rounds with the item that a refusal brought back. A last fold can come in between, a cancel, and a change of the tolerance
/// or two.
const ROUNDS: usize = 8;

impl Complete {
    /// What it means.
    pub fn apply(&self, execution: &mut Option<ExecutionRow>) -> CompleteOutcome {
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
        execution.status = verdict(execution);
        execution.finished_at = Some(self.now);
        execution.progress_seen = None;
        execution.progress_at = None;
        execution.stalled_at = None;
        // A worker that died after its tally left its slot.
        execution.in_flight.clear();
        execution.due = Some(Due::execution(execution.execution_id, self.due_at));
        CompleteOutcome::Completed(Box::new(execution.clone()))
    }

    /// The verdict is worked out from `seen`, and holds only while its status, counts and tolerance do.
    fn write(&self, about: About<'_>, seen: &ExecutionRow) -> Result<Write, Error> {
        let tolerated = about.spell(&seen.policy.tolerated_failures)?;
        let write = Write::new(
            "SET #status = :verdict, #finished_at = :now, #due_at = :due, #due_shard = :shard \
             REMOVE #progress_seen, #progress_at, #stalled_at, #in_flight",
            "#status = :status AND #generation = :generation AND #groups_done = :groups AND #groups = :groups \
             AND #failed = :failed AND #policy.#tolerated_failures = :tolerated",
        )
        .text("verdict", verdict(seen).as_str())
        .text("status", seen.status.as_str())
        .value("tolerated", tolerated)
        .text("shard", String::from(Due::execution(seen.execution_id, self.due_at).due_shard))
        .number("now", self.now.as_millis())
        .number("due", self.due_at.as_millis())
        .number("generation", self.generation)
        .number("groups", seen.groups)
        .number("failed", seen.failed);
        Ok(write)
    }
}

fn verdict(execution: &ExecutionRow) -> ExecutionStatus {
    if execution.status == ExecutionStatus::Cancelling {
        return execution.stopped.unwrap_or(Stop::Requested).ends_as();
    }
    if execution.failed > execution.policy.tolerated_failures.of(execution.segments) {
        ExecutionStatus::Failed
    } else {
        ExecutionStatus::Succeeded
    }
}

impl ControlTable {
    /// Completes an execution, if the item as it was `seen`, or as the table has it by now, allows it.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn complete(&self, request: &Complete, seen: ExecutionRow) -> Result<CompleteOutcome, Error> {
        let execution_id = seen.execution_id;
        let about = About { operation: "complete", subject: &execution_id };
        let mut execution = Some(seen);
        for _ in 0..ROUNDS {
            let Some(seen) = execution.clone() else {
                return Ok(CompleteOutcome::Stale);
            };
            match request.apply(&mut execution) {
                CompleteOutcome::Completed(_) => {}
                outcome => return Ok(outcome),
            }
            let key = ExecutionRow::key_of(execution_id);
            match self.update(about, key, request.write(about, &seen)?, ReturnValue::AllNew).await? {
                Written::Applied(Some(item)) => return Ok(CompleteOutcome::Completed(Box::new(about.read(item)?))),
                Written::Applied(None) => return Err(about.disagreement()),
                Written::Refused(item) => execution = item.map(|item| about.read(item)).transpose()?,
            }
        }
        Err(about.disagreement())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{at, opened, sealed};
    use crate::policy::Tolerance;

    fn complete() -> Complete {
        Complete { generation: 1, now: at(70), due_at: at(130) }
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
    fn failures_up_to_what_is_tolerated_are_a_success() {
        for (failed, tolerated, expected) in
            [(1, 0, ExecutionStatus::Failed), (2, 2, ExecutionStatus::Succeeded), (3, 2, ExecutionStatus::Failed)]
        {
            let mut execution = done(failed, tolerated);
            complete().apply(&mut execution);
            assert_eq!(execution.unwrap().status, expected, "{failed} of {tolerated}");
        }
    }

    #[test]
    fn what_was_stopped_ends_by_its_reason_whatever_was_tolerated() {
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
    fn an_execution_without_segments_succeeds() {
        let mut execution = sealed(0);
        assert!(matches!(complete().apply(&mut execution), CompleteOutcome::Completed(_)));
    }
}
