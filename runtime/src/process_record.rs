//! One record: claim its segment, do the work, record the outcome.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use control_table::Error;
use control_table::clock::Timestamp;
use control_table::message::SegmentRecord;
use control_table::metric;
use control_table::operation::{Claim, ClaimOutcome, Ending, Finish, FinishOutcome, ReleaseLease, Tally};
use control_table::policy::Backoff;
use control_table::rows::{ErrorKind, FailedAttempt, SegmentFailure, SegmentRow};
use tracing::{Span, debug, error, info, warn};

use crate::attempt::{self, Limits, RELEASE_TIME};
use crate::attempt_result::{EndedAttempt, Limit};
use crate::attempts::Entered;
use crate::context::Context;
use crate::segment::Segment;
use crate::settings::Parts;
use crate::slots::Admission;
use crate::tally_batch::Outcome;

/// Tries at recording an outcome, each with the SDK's own retries: doing the work again costs more than waiting a few seconds.
const FINISH_TRIES: u32 = 5;

/// The waits between the tries. Together they fit into the default margin before the deadline.
const FINISH_BACKOFF: Backoff = Backoff { base_ms: 100, cap_ms: 1_000 };

/// What the worker does with a record.
#[derive(Debug)]
pub(crate) enum Disposition {
    /// Acknowledges it.
    Acknowledge,
    /// Has the stream repeat the record at that place of the batch.
    Repeat(usize),
    /// Counts the outcome of its segment, and acknowledges it then.
    Tally(Outcome),
}

/// One record of a batch.
pub(crate) struct RecordTask<'a> {
    pub parts: &'a Parts,
    pub record: &'a SegmentRecord,
    /// Its place in the batch.
    pub place: usize,
    pub event_id: String,
    /// The end of the invocation.
    pub deadline: DateTime<Utc>,
    /// When the worker cancels the work.
    pub cutoff: DateTime<Utc>,
}

impl RecordTask<'_> {
    /// Processes the record. After any error of the table the stream repeats it, so that no segment is lost. The slot, if it needs one, is
    /// free when the work has ended, before that is recorded.
    pub async fn run(&self, admission: Option<Admission>) -> Disposition {
        if self.time_left().is_zero() {
            warn!("no time is left in this invocation: the stream will repeat the record. Is the batch too large?");
            return Disposition::Repeat(self.place);
        }
        let claimed = match self.parts.table.execute(&self.claim()).await {
            Ok(outcome) => self.after_claim(outcome, admission).await,
            Err(error) => Err(error),
        };
        claimed.unwrap_or_else(|error| {
            let event_id = &self.event_id;
            error!(event_id, %error, "the control table failed: the record will come again");
            Disposition::Repeat(self.place)
        })
    }

    fn claim(&self) -> Claim {
        let now = self.parts.clock.timestamp();
        Claim {
            segment: self.record.segment(),
            generation: self.record.generation,
            record: self.event_id.clone(),
            claim_id: self.parts.entropy.nonce(),
            max_attempts: self.record.policy.max_attempts,
            now,
            lease_until: self.lease_until(now),
        }
    }

    /// Until when this worker, if it claims now, is presumed alive.
    fn lease_until(&self, now: Timestamp) -> Timestamp {
        let margin = TimeDelta::from_std(self.parts.settings.lease_margin).unwrap_or_default();
        let deadline = Timestamp::from(self.deadline);
        let release = TimeDelta::from_std(RELEASE_TIME + self.grace()).unwrap_or_default();
        let end = self.timeout().map_or(deadline, |timeout| deadline.min(now.plus(timeout).plus(release)));
        end.plus(margin)
    }

    /// The longest attempt that the policy allows.
    fn timeout(&self) -> Option<TimeDelta> {
        let millis = i64::try_from(self.record.policy.segment_timeout_ms?).ok()?;
        TimeDelta::try_milliseconds(millis)
    }

    /// How long cancelled work of this execution may take to end in good order.
    fn grace(&self) -> Duration {
        self.parts.work.grace(&self.record.parameters)
    }

    /// When the worker cancels work that begins now, and which limit that is. The work's grace still fits into the invocation; of a
    /// short one it takes half at the most.
    fn limit(&self, now: DateTime<Utc>) -> (DateTime<Utc>, Limit) {
        let grace = TimeDelta::from_std(self.grace()).unwrap_or(TimeDelta::MAX);
        let invocation = self.cutoff - grace.min((self.cutoff - now).max(TimeDelta::zero()) / 2);
        let cutoff = self.timeout().and_then(|timeout| now.checked_add_signed(timeout));
        match (cutoff, self.record.policy.segment_timeout_ms) {
            (Some(cutoff), Some(millis)) if cutoff <= invocation => (cutoff, Limit::Policy(millis)),
            _ => (invocation, Limit::Invocation),
        }
    }

    async fn after_claim(&self, outcome: ClaimOutcome, admission: Option<Admission>) -> Result<Disposition, Error> {
        match outcome {
            ClaimOutcome::Claimed(row) => self.attempt_claimed(&row, admission).await,
            ClaimOutcome::AttemptsUsedUp(row) => {
                let failure = self.worker_lost(row.attempt);
                self.end(&row, Ending::Failed { failure, duration_ms: row.counts.duration_ms }).await
            }
            ClaimOutcome::AlreadyFinished(row) => Ok(self.tally(&row)),
            ClaimOutcome::Leased { until } => {
                info!(%until, "another worker has the segment");
                Ok(Disposition::Acknowledge)
            }
            ClaimOutcome::NotYet { retry_at } => {
                info!(%retry_at, "the segment's retry is not due yet");
                Ok(Disposition::Acknowledge)
            }
            ClaimOutcome::Stale { generation } => {
                info!(row = generation, record = self.record.generation, "the record is of another generation");
                Ok(Disposition::Acknowledge)
            }
            ClaimOutcome::Missing => {
                warn!("there is no such segment: the record is of another table, or the execution was deleted");
                Ok(Disposition::Acknowledge)
            }
        }
    }

    /// Does the work, and records its end. The segment of an attempt that was stopped stays claimed: the process that continues its
    /// execution releases it, or a cancel ends it.
    async fn attempt_claimed(&self, row: &SegmentRow, admission: Option<Admission>) -> Result<Disposition, Error> {
        let entered = self.parts.attempts.enter(self.record.execution_id, self.record.generation);
        let slot = match admission {
            Some(admission) => match admission.slot().await {
                None => return self.give_back(row).await,
                slot => slot,
            },
            None => None,
        };
        let ended = if entered.is_stopped() { None } else { self.attempt(row, entered).await };
        drop(slot);
        let Some(ending) = ended else {
            info!("the attempt was stopped: nothing is recorded");
            return Ok(Disposition::Acknowledge);
        };
        let ending = self.register_counters(ending).await?;
        self.end(row, ending).await
    }

    /// Gives a segment back that was claimed ahead and cannot begin. The number of its attempt stays used, since it is the fencing token.
    async fn give_back(&self, row: &SegmentRow) -> Result<Disposition, Error> {
        info!("every slot has a long segment now: the segment, claimed ahead, will be claimed again");
        let release = ReleaseLease { segment: row.id(), generation: row.generation, attempt: row.attempt };
        self.parts.table.execute(&release).await?;
        Ok(Disposition::Repeat(self.place))
    }

    /// Does the work. Returns the ending to record; `None` if the attempt was stopped.
    async fn attempt(&self, row: &SegmentRow, entered: Entered) -> Option<Ending> {
        Span::current().record("attempt", row.attempt);
        let (parts, record) = (self.parts, self.record);
        let segment = Segment {
            execution_id: record.execution_id,
            index: record.index,
            total: record.total,
            spec: record.spec.clone(),
        };
        let started = parts.clock.now();
        let (cutoff, limit) = self.limit(started);
        let context = Context::of(record, row.attempt, cutoff);
        let limits = Limits { time: (cutoff - started).to_std().unwrap_or_default(), grace: self.grace(), entered };
        let end = attempt::run(Arc::clone(&parts.work), segment, context, limits).await;
        let now = parts.clock.timestamp();
        let duration_ms = now.millis_since(started.into());
        let attempt = EndedAttempt { policy: &record.policy, attempt: row.attempt, duration_ms, now, limit };
        attempt.result(end, &parts.entropy)
    }

    fn worker_lost(&self, attempts: u32) -> SegmentFailure {
        let message = format!(
            "attempt {attempts} of {} ended without an outcome, and none is left: its worker was killed, ran out of memory, or \
             could not reach the control table. See the worker's log",
            self.record.policy.max_attempts
        );
        SegmentFailure::new(ErrorKind::WorkerLost, &message)
    }

    /// Records the end of an attempt. If that is the segment's outcome, the worker counts it next.
    async fn end(&self, row: &SegmentRow, ending: Ending) -> Result<Disposition, Error> {
        log(&ending);
        let (segment, generation, attempt) = (row.id(), row.generation, row.attempt);
        let now = self.parts.clock.timestamp();
        let failures = failed_attempts(row, &ending, now);
        let request = Finish { segment, generation, attempt, now, ending, failures };
        match self.finish(&request).await? {
            FinishOutcome::Finished(row) | FinishOutcome::AlreadyFinished(row) => {
                count(&request.ending);
                Ok(self.tally(&row))
            }
            FinishOutcome::Lost(row) => {
                warn!(status = row.status.as_str(), owner = row.attempt, "the claim was lost: nothing is recorded");
                Ok(Disposition::Acknowledge)
            }
            FinishOutcome::Missing => {
                warn!("the segment is missing: the execution was deleted meanwhile");
                Ok(Disposition::Acknowledge)
            }
        }
    }

    /// A row that waits for its retry has no outcome to count yet.
    fn tally(&self, row: &SegmentRow) -> Disposition {
        let Some(tally) = Tally::of(row) else { return Disposition::Acknowledge };
        let has_slot = self.record.policy.max_concurrency.is_some();
        Disposition::Tally(Outcome { place: self.place, segment: self.record.segment(), has_slot, tally })
    }

    /// The ending to record; another one if the execution would have too many counters.
    async fn register_counters(&self, ending: Ending) -> Result<Ending, Error> {
        let parts = self.parts;
        parts.counter_names.register(&parts.table, self.record.execution_id, ending).await
    }

    async fn finish(&self, request: &Finish) -> Result<FinishOutcome, Error> {
        for tries in 1..FINISH_TRIES {
            let error = match self.parts.table.execute(request).await {
                Err(error) if error.is_retryable() => error,
                answer => return answer,
            };
            let wait = FINISH_BACKOFF.wait(tries, &self.parts.entropy);
            if self.parts.clock.now() + wait >= self.deadline {
                return Err(error);
            }
            warn!(%error, tries, "the end of the attempt is not recorded yet");
            tokio::time::sleep(wait.to_std().unwrap_or_default()).await;
        }
        self.parts.table.execute(request).await
    }

    /// The time left for the work.
    fn time_left(&self) -> Duration {
        (self.cutoff - self.parts.clock.now()).to_std().unwrap_or_default()
    }
}

/// The failed attempts that the row keeps after this ending; none if it is a success.
fn failed_attempts(row: &SegmentRow, ending: &Ending, now: Timestamp) -> Vec<FailedAttempt> {
    let (Ending::Failed { failure, .. } | Ending::Retry { failure, .. }) = ending else { return Vec::new() };
    row.failures_with(failure, now)
}

/// Counts an ending that is recorded.
fn count(ending: &Ending) {
    match ending {
        Ending::Succeeded { counts, .. } => {
            metric::SEGMENTS_SUCCEEDED.add(1);
            metric::SEGMENT_DURATION_MS.record(counts.duration_ms);
        }
        Ending::Retry { .. } => metric::SEGMENTS_RETRIED.add(1),
        Ending::Failed { .. } => metric::SEGMENTS_FAILED.add(1),
    }
}

fn log(ending: &Ending) {
    match ending {
        Ending::Succeeded { counts, .. } => {
            debug!(items = counts.item_count, duration_ms = counts.duration_ms, "succeeded");
        }
        Ending::Retry { failure, retry_at } => {
            warn!(kind = ?failure.kind, error = failure.message, %retry_at, "failed, and will be retried");
        }
        Ending::Failed { failure, .. } => warn!(kind = ?failure.kind, error = failure.message, "failed"),
    }
}
