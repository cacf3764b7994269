//! Finish: a worker records how its attempt ended. A worker that lost its claim changes nothing.

use crate::clock::Timestamp;
use crate::id::SegmentId;
use crate::operation::write::to_attribute;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, Counts, Due, FailedAttempt, RowKey, SegmentFailure, SegmentRow, SegmentStatus};

/// Records the end of an attempt: `RUNNING -> SUCCEEDED | FAILED | PENDING`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Finish {
    pub segment: SegmentId,
    /// The generation of the claim; with the attempt, the fencing token.
    pub generation: u32,
    /// The attempt of the claim.
    pub attempt: u32,
    pub now: Timestamp,
    /// How the attempt ended.
    pub ending: Ending,
    /// The failed attempts that the row keeps from now on, this one included; empty for a success, which leaves them as they are. The
    /// worker knows the earlier ones from its claim.
    pub failures: Vec<FailedAttempt>,
}

/// How an attempt ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Ending {
    /// The work succeeded.
    Succeeded {
        /// Items, time and counters.
        counts: Counts,
        /// The result of the work, if it has one.
        result: Option<serde_json::Value>,
    },
    /// The attempt failed, and is the last in this generation.
    Failed {
        /// Why.
        failure: SegmentFailure,
        /// Milliseconds that the attempt took.
        duration_ms: u64,
    },
    /// The attempt failed, and the segment is tried again.
    Retry {
        /// Why.
        failure: SegmentFailure,
        /// The earliest moment of the retry.
        retry_at: Timestamp,
    },
}

/// Outcomes of [`Finish`]; only `Finished` changes the row.
#[derive(Debug, Clone, PartialEq)]
pub enum FinishOutcome {
    /// Recorded now; the row after the change.
    Finished(Box<SegmentRow>),
    /// The end of this attempt was recorded before, by a first try whose answer was lost.
    AlreadyFinished(Box<SegmentRow>),
    /// The worker lost its claim; the present row.
    Lost(Box<SegmentRow>),
    /// There is no such segment.
    Missing,
}

impl Operation for Finish {
    type Rows = Option<SegmentRow>;
    type Outcome = FinishOutcome;

    const NAME: &'static str = "finish";

    fn subject(&self) -> String {
        self.segment.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Segment(self.segment)]
    }

    fn apply(&self, row: &mut Self::Rows) -> Self::Outcome {
        let Some(row) = row else { return FinishOutcome::Missing };
        let mine = row.generation == self.generation && row.attempt == self.attempt;
        match row.status {
            SegmentStatus::Running if mine => {
                self.end(row);
                FinishOutcome::Finished(Box::new(row.clone()))
            }
            // Not `Cancelled`: this worker did not end that attempt.
            SegmentStatus::Succeeded | SegmentStatus::Failed if mine => {
                FinishOutcome::AlreadyFinished(Box::new(row.clone()))
            }
            // Pending without `retry_at` is a released lease, not a recorded retry.
            SegmentStatus::Pending if mine && row.retry_at.is_some() => {
                FinishOutcome::AlreadyFinished(Box::new(row.clone()))
            }
            _ => FinishOutcome::Lost(Box::new(row.clone())),
        }
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        self.update().map(Write::Update)
    }
}

impl Finish {
    fn end(&self, row: &mut SegmentRow) {
        row.finished_at = Some(self.now);
        row.lease_until = None;
        if !self.failures.is_empty() {
            row.failures.clone_from(&self.failures);
        }
        match &self.ending {
            Ending::Succeeded { counts, result } => {
                row.status = SegmentStatus::Succeeded;
                row.counts = counts.clone();
                row.result.clone_from(result);
                row.error = None;
            }
            Ending::Failed { failure, duration_ms } => {
                row.status = SegmentStatus::Failed;
                row.counts.duration_ms = *duration_ms;
                row.error = Some(failure.clone());
            }
            Ending::Retry { failure, retry_at } => {
                row.status = SegmentStatus::Pending;
                row.retry_at = Some(*retry_at);
                row.due = Some(Due::retry(row.id(), *retry_at));
                row.error = Some(failure.clone());
            }
        }
    }

    fn update(&self) -> Result<Update, CorruptItem> {
        let condition = "#status = :running AND #generation = :generation AND #attempt = :attempt";
        let write = match &self.ending {
            Ending::Succeeded { counts, result } => succeeded(condition, counts, result.as_ref()),
            Ending::Failed { failure, duration_ms } => Update::new(
                "SET #status = :status, #finished_at = :now, #error = :error, #duration_ms = :duration",
                condition,
            )
            .text("status", SegmentStatus::Failed.as_str())
            .number("duration", duration_ms)
            .value("error", to_attribute(failure)?),
            Ending::Retry { failure, retry_at } => {
                let due = Due::retry(self.segment, *retry_at);
                Update::new(
                    "SET #status = :status, #finished_at = :now, #error = :error, #retry_at = :retry, \
                     #due_shard = :shard, #due_at = :retry",
                    condition,
                )
                .text("status", SegmentStatus::Pending.as_str())
                .text("shard", String::from(due.due_shard))
                .number("retry", retry_at.as_millis())
                .value("error", to_attribute(failure)?)
            }
        };
        let write = match &self.ending {
            Ending::Succeeded { .. } => write,
            Ending::Failed { .. } | Ending::Retry { .. } => self.with_failures(write)?,
        };
        Ok(write
            .text("running", SegmentStatus::Running.as_str())
            .number("generation", self.generation)
            .number("attempt", self.attempt)
            .number("now", self.now.as_millis()))
    }
}

impl Finish {
    /// The end of a failure's expression.
    fn with_failures(&self, mut write: Update) -> Result<Update, CorruptItem> {
        if !self.failures.is_empty() {
            write.update.push_str(", #failures = :failures");
            write = write.value("failures", to_attribute(&self.failures)?);
        }
        write.update.push_str(" REMOVE #lease_until");
        Ok(write)
    }
}

fn succeeded(condition: &str, counts: &Counts, result: Option<&serde_json::Value>) -> Update {
    let mut write = Update::new(
        "SET #status = :status, #finished_at = :now, #item_count = :items, #duration_ms = :duration",
        condition,
    )
    .text("status", SegmentStatus::Succeeded.as_str())
    .number("items", counts.item_count)
    .number("duration", counts.duration_ms);
    for (number, (name, value)) in counts.counters.0.iter().enumerate() {
        write = write.counter(number, name, *value, " =");
    }
    if let Some(result) = result {
        write.update.push_str(", #result = :result");
        write = write.text("result", result.to_string());
    }
    write.update.push_str(" REMOVE #lease_until, #error");
    if result.is_none() {
        write.update.push_str(", #result");
    }
    write
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ExecutionId;
    use crate::rows::ErrorKind;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[expect(clippy::unnecessary_wraps, reason = "apply takes a row that may be absent")]
    fn running(attempt: u32) -> Option<SegmentRow> {
        let id = ExecutionId::new(uuid::Uuid::from_u128(1)).segment(5);
        let mut row = SegmentRow::pending(id, serde_json::Value::Null, 1, at(0));
        (row.status, row.attempt, row.lease_until) = (SegmentStatus::Running, attempt, Some(at(100)));
        Some(row)
    }

    fn finish(attempt: u32, ending: Ending) -> Finish {
        let segment = ExecutionId::new(uuid::Uuid::from_u128(1)).segment(5);
        Finish { segment, generation: 1, attempt, now: at(9), ending, failures: Vec::new() }
    }

    fn done() -> Ending {
        Ending::Succeeded { counts: Counts { item_count: 7, ..Counts::default() }, result: None }
    }

    #[test]
    fn a_worker_whose_lease_was_taken_over_changes_nothing() {
        let mut row = running(2);
        let before = row.clone();
        assert!(matches!(finish(1, done()).apply(&mut row), FinishOutcome::Lost(_)));
        assert_eq!(row, before);
    }

    #[test]
    fn a_finish_made_again_is_recognised() {
        let mut row = running(1);
        assert!(matches!(finish(1, done()).apply(&mut row), FinishOutcome::Finished(_)));
        let FinishOutcome::AlreadyFinished(row) = finish(1, done()).apply(&mut row) else { panic!("{row:?}") };
        assert_eq!(row.counts.item_count, 7);
    }

    #[test]
    fn a_retry_waits_in_the_due_index_with_its_error() {
        let mut row = running(1);
        let failure = SegmentFailure::new(ErrorKind::Retryable, "busy");
        finish(1, Ending::Retry { failure: failure.clone(), retry_at: at(50) }).apply(&mut row);
        let row = row.unwrap();
        assert_eq!((row.status, row.retry_at, row.error), (SegmentStatus::Pending, Some(at(50)), Some(failure)));
        assert_eq!(row.due.unwrap().due_at, at(50));
    }

    #[test]
    fn a_failed_attempt_is_kept_also_when_a_later_one_succeeds() {
        let mut row = running(1);
        let failure = SegmentFailure::new(ErrorKind::Retryable, "busy");
        let failures = FailedAttempt::new((1, 1), &failure, at(9), 8).after(&[]);
        let retry = Finish { failures: failures.clone(), ..finish(1, Ending::Retry { failure, retry_at: at(50) }) };
        retry.apply(&mut row);
        assert_eq!(row.as_ref().unwrap().failures, failures);
        if let Some(row) = &mut row {
            (row.status, row.attempt) = (SegmentStatus::Running, 2);
        }
        finish(2, done()).apply(&mut row);
        let row = row.unwrap();
        assert_eq!((row.error, row.failures), (None, failures));
    }

    #[test]
    fn a_cancelled_row_fences_off_its_worker() {
        let mut row = running(1);
        if let Some(row) = &mut row {
            row.status = SegmentStatus::Cancelled;
        }
        assert!(matches!(finish(1, done()).apply(&mut row), FinishOutcome::Lost(_)));
    }
}
