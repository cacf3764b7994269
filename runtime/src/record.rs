//! One record: claim, work, finish.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use control_table::Error;
use control_table::clock::Timestamp;
use control_table::message::SegmentRecord;
use control_table::operation::{Claim, ClaimOutcome, Ending, Finish, FinishOutcome, Tally};
use control_table::policy::Backoff;
use control_table::rows::{ErrorKind, SegmentFailure, SegmentRow};
use tracing::{Span, debug, error, info, warn};

use crate::attempt::{self, LETTING_GO};
use crate::context::Context;
use crate::ending::{Limit, Over};
use crate::segment::Segment;
use crate::worker::Worker;

/// Tries at recording the end of work that is done, each with the SDK's own retries inside: doing the work again costs
/// more than a few seconds of patience.
const FINISH_TRIES: u32 = 5;

/// The waits between them. All of them together fit into the default margin before the deadline.
const FINISH_BACKOFF: Backoff = Backoff { base_ms: 100, cap_ms: 1_000 };

/// What becomes of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It has served its purpose.
    Acknowledge,
    /// It must come again.
    Again,
    /// Its segment has an outcome; once this is counted it has served its purpose.
    Count(Tally),
}

/// A record on its way through the protocol.
pub(crate) struct Handling<'a> {
    pub worker: &'a Worker,
    pub record: &'a SegmentRecord,
    pub event_id: String,
    /// The end of the invocation.
    pub deadline: DateTime<Utc>,
    /// The end of the work.
    pub cutoff: DateTime<Utc>,
}

impl Handling<'_> {
    /// Handles the record. An error of the table's, of whatever kind, brings it back: the row must not be lost.
    pub async fn run(&self) -> Verdict {
        if self.time_left().is_zero() {
            warn!("no time is left in this invocation: the record comes again. Is the batch too large?");
            return Verdict::Again;
        }
        let claimed = match self.worker.table.execute(&self.claim()).await {
            Ok(outcome) => self.go_on(outcome).await,
            Err(error) => Err(error),
        };
        claimed.unwrap_or_else(|error| {
            let event_id = &self.event_id;
            error!(event_id, %error, "the control table did not take it: the record comes again");
            Verdict::Again
        })
    }

    fn claim(&self) -> Claim {
        let now = self.worker.clock.timestamp();
        Claim {
            segment: self.record.segment(),
            generation: self.record.generation,
            record: self.event_id.clone(),
            claim_id: self.worker.entropy.nonce(),
            max_attempts: self.record.policy.max_attempts,
            now,
            lease_until: self.lease_until(now),
        }
    }

    /// Until when a worker that claims now may be presumed alive.
    fn lease_until(&self, now: Timestamp) -> Timestamp {
        let margin = TimeDelta::from_std(self.worker.settings.lease_margin).unwrap_or_default();
        let deadline = Timestamp::from(self.deadline);
        let letting_go = TimeDelta::from_std(LETTING_GO).unwrap_or_default();
        let end = self.timeout().map_or(deadline, |timeout| deadline.min(now.plus(timeout).plus(letting_go)));
        end.plus(margin)
    }

    /// The longest that the policy lets an attempt take.
    fn timeout(&self) -> Option<TimeDelta> {
        let millis = i64::try_from(self.record.policy.segment_timeout_ms?).ok()?;
        TimeDelta::try_milliseconds(millis)
    }

    /// When work that begins now is cancelled, and by what.
    fn limit(&self, now: DateTime<Utc>) -> (DateTime<Utc>, Limit) {
        let cutoff = self.timeout().and_then(|timeout| now.checked_add_signed(timeout));
        match (cutoff, self.record.policy.segment_timeout_ms) {
            (Some(cutoff), Some(millis)) if cutoff <= self.cutoff => (cutoff, Limit::Policy(millis)),
            _ => (self.cutoff, Limit::Invocation),
        }
    }

    async fn go_on(&self, outcome: ClaimOutcome) -> Result<Verdict, Error> {
        match outcome {
            ClaimOutcome::Claimed(row) => {
                let ending = self.attempt(&row).await;
                self.end(&row, ending).await
            }
            ClaimOutcome::AttemptsUsedUp(row) => {
                let failure = self.worker_lost(row.attempt);
                self.end(&row, Ending::Failed { failure, duration_ms: row.counts.duration_ms }).await
            }
            ClaimOutcome::AlreadyFinished(row) => Ok(counted(&row)),
            ClaimOutcome::Leased { until } => {
                info!(%until, "another worker has the segment");
                Ok(Verdict::Acknowledge)
            }
            ClaimOutcome::NotYet { retry_at } => {
                info!(%retry_at, "the segment waits for its retry");
                Ok(Verdict::Acknowledge)
            }
            ClaimOutcome::Stale { generation } => {
                info!(row = generation, record = self.record.generation, "the record is of another generation");
                Ok(Verdict::Acknowledge)
            }
            ClaimOutcome::Missing => {
                warn!("there is no such segment: the record is of another table, or the run was deleted");
                Ok(Verdict::Acknowledge)
            }
        }
    }

    /// The user's work, and what is to be recorded of it.
    async fn attempt(&self, row: &SegmentRow) -> Ending {
        Span::current().record("attempt", row.attempt);
        let (worker, record) = (self.worker, self.record);
        let segment = Segment {
            execution_id: record.execution_id,
            index: record.index,
            total: record.total,
            spec: record.spec.clone(),
        };
        let started = worker.clock.now();
        let (cutoff, limit) = self.limit(started);
        let context = Context::of(record, row.attempt, cutoff);
        let time = (cutoff - started).to_std().unwrap_or_default();
        let ended = attempt::run(Arc::clone(&worker.work), segment, context, time).await;
        let now = worker.clock.timestamp();
        let duration_ms = now.millis_since(started.into());
        let over = Over { policy: &record.policy, attempt: row.attempt, duration_ms, now, limit };
        over.ending(ended, &worker.entropy)
    }

    fn worker_lost(&self, attempts: u32) -> SegmentFailure {
        let message = format!(
            "attempt {attempts} of {} ended without a word, and none is left: its worker was killed, ran out of memory, or \
             could not reach the control table any more. Its log says more",
            self.record.policy.max_attempts
        );
        SegmentFailure::new(ErrorKind::WorkerLost, &message)
    }

    /// Records the end of an attempt; if it is the segment's outcome, it is to be counted.
    async fn end(&self, row: &SegmentRow, ending: Ending) -> Result<Verdict, Error> {
        log(&ending);
        let (segment, generation, attempt) = (row.id(), row.generation, row.attempt);
        let request = Finish { segment, generation, attempt, now: self.worker.clock.timestamp(), ending };
        match self.finish(&request).await? {
            FinishOutcome::Finished(row) | FinishOutcome::AlreadyFinished(row) => Ok(counted(&row)),
            FinishOutcome::Lost(row) => {
                warn!(status = row.status.as_str(), owner = row.attempt, "the claim was lost: nothing is recorded");
                Ok(Verdict::Acknowledge)
            }
            FinishOutcome::Missing => {
                warn!("the segment is gone: the run was deleted meanwhile");
                Ok(Verdict::Acknowledge)
            }
        }
    }

    async fn finish(&self, request: &Finish) -> Result<FinishOutcome, Error> {
        for tries in 1..FINISH_TRIES {
            let error = match self.worker.table.execute(request).await {
                Err(error) if error.is_retryable() => error,
                answer => return answer,
            };
            let wait = FINISH_BACKOFF.wait(tries, &self.worker.entropy);
            if self.worker.clock.now() + wait >= self.deadline {
                return Err(error);
            }
            warn!(%error, tries, "the end of the attempt is not recorded yet");
            tokio::time::sleep(wait.to_std().unwrap_or_default()).await;
        }
        self.worker.table.execute(request).await
    }

    /// What is left of the work's time.
    fn time_left(&self) -> Duration {
        (self.cutoff - self.worker.clock.now()).to_std().unwrap_or_default()
    }
}

/// What is left to do for a row whose attempt is recorded: one that is to be tried again has no outcome yet.
fn counted(row: &SegmentRow) -> Verdict {
    Tally::of(row).map_or(Verdict::Acknowledge, Verdict::Count)
}

fn log(ending: &Ending) {
    match ending {
        Ending::Succeeded { counts, .. } => {
            debug!(items = counts.item_count, duration_ms = counts.duration_ms, "succeeded");
        }
        Ending::Retry { failure, retry_at } => {
            warn!(kind = ?failure.kind, error = failure.message, %retry_at, "failed, to be tried again");
        }
        Ending::Failed { failure, .. } => warn!(kind = ?failure.kind, error = failure.message, "failed"),
    }
}
