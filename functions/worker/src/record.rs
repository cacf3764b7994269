//! One record: claim, work, finish, tally.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use control_table::Error;
use control_table::item::{ErrorKind, SegmentFailure, SegmentRow};
use control_table::op::{Claim, ClaimOutcome, Ending, Finish, FinishOutcome, Tally, TallyResult};
use control_table::policy::Backoff;
use control_table::record::SegmentRecord;
use tracing::{Span, debug, error, info, warn};

use crate::attempt;
use crate::context::Context;
use crate::ending::Over;
use crate::segment::Segment;
use crate::worker::Worker;

/// Tries at recording the end of work that is done, each with the SDK's own retries inside: doing the work again costs
/// more than a few seconds of patience.
const FINISH_TRIES: u32 = 5;

/// The waits between them. All of them together fit into the default margin before the deadline.
const FINISH_BACKOFF: Backoff = Backoff { base_ms: 100, cap_ms: 1_000 };

/// What Kinesis is told of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It has served its purpose.
    Acknowledge,
    /// It must come again.
    Again,
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
        let claimed = match self.worker.table.claim(&self.claim()).await {
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
        let margin = TimeDelta::from_std(self.worker.settings.lease_margin).unwrap_or_default();
        Claim {
            segment: self.record.segment(),
            generation: self.record.generation,
            record: self.event_id.clone(),
            claim_id: self.worker.entropy.nonce(),
            max_attempts: self.record.policy.max_attempts,
            now: self.worker.clock.timestamp(),
            lease_until: (self.deadline + margin).into(),
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
            ClaimOutcome::AlreadyFinished(row) => self.tally(&row).await,
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
        let context = Context::of(record, row.attempt, self.cutoff);
        let started = worker.clock.timestamp();
        let ended = attempt::run(Arc::clone(&worker.work), segment, context, self.time_left()).await;
        let now = worker.clock.timestamp();
        let over = Over { policy: &record.policy, attempt: row.attempt, duration_ms: now.millis_since(started), now };
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

    /// Records the end of an attempt, and counts it if it is the segment's outcome.
    async fn end(&self, row: &SegmentRow, ending: Ending) -> Result<Verdict, Error> {
        log(&ending);
        let (segment, generation, attempt) = (row.id(), row.generation, row.attempt);
        let request = Finish { segment, generation, attempt, now: self.worker.clock.timestamp(), ending };
        match self.finish(&request).await? {
            FinishOutcome::Finished(row) | FinishOutcome::AlreadyFinished(row) => self.tally(&row).await,
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
            let error = match self.worker.table.finish(request).await {
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
        self.worker.table.finish(request).await
    }

    /// Counts the row's outcome, if it has one.
    async fn tally(&self, row: &SegmentRow) -> Result<Verdict, Error> {
        let Some(tally) = Tally::of(row) else {
            return Ok(Verdict::Acknowledge);
        };
        match self.worker.table.tally(&tally).await? {
            TallyResult::Counted { pending, .. } => debug!(pending, "counted"),
            TallyResult::AlreadyCounted => info!("the outcome is counted already"),
            TallyResult::Stale { generation } => {
                info!(tally = generation, row = row.generation, "the tally has moved on");
            }
            TallyResult::Missing => {
                // Records follow the commit of their group, so it must be a question of time, or of a wrong table.
                warn!("the segment's group is not committed: the record comes again");
                return Ok(Verdict::Again);
            }
        }
        Ok(Verdict::Acknowledge)
    }

    /// What is left of the work's time.
    fn time_left(&self) -> Duration {
        (self.cutoff - self.worker.clock.now()).to_std().unwrap_or_default()
    }
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
