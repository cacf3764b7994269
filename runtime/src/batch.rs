//! One batch: its records are handled concurrently, and the outcomes that come together are counted together.

use std::mem;

use aws_lambda_events::event::kinesis::KinesisEventRecord;
use chrono::{DateTime, Utc};
use control_table::operation::{AddDeadLetter, AddDeadLetterOutcome};
use control_table::rows::DeadLetterSource;
use control_table::trace::TraceContext;
use futures::stream::{self, FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep_until};
use tracing::{Instrument, error, info, info_span};

use crate::count::Outcome;
use crate::reading::{self, Unreadable};
use crate::record::{Handling, Verdict};
use crate::worker::{Invocation, Worker};

/// A batch's circumstances.
pub(crate) struct Batch<'a> {
    pub worker: &'a Worker,
    pub invocation: &'a Invocation,
    /// The end of the work.
    pub cutoff: DateTime<Utc>,
}

/// What became of one record.
enum Handled {
    Acknowledged,
    Again(usize),
    Counts(Outcome),
}

impl Batch<'_> {
    /// Handles the records. The answer is the places of those that must come again.
    ///
    /// Outcomes wait for each other, so that a batch takes one request to count and not one a segment; but only for a
    /// moment, because a long segment must not keep the short ones from being seen. Work goes on while they are counted.
    pub async fn run(&self, records: Vec<KinesisEventRecord>) -> Vec<usize> {
        let mut handled = stream::iter(records.into_iter().enumerate())
            .map(|(place, record)| self.handle(place, record))
            .buffer_unordered(self.worker.settings.records_at_once.max(1));
        let (mut again, mut waiting, mut count_at) = (Vec::new(), Vec::new(), Instant::now());
        let mut counts = FuturesUnordered::new();
        loop {
            tokio::select! {
                // In this order: what is ready is gathered before anything is counted.
                biased;
                next = handled.next() => match next {
                    Some(Handled::Acknowledged) => {}
                    Some(Handled::Again(place)) => again.push(place),
                    Some(Handled::Counts(outcome)) => {
                        if waiting.is_empty() {
                            count_at = self.count_at();
                        }
                        waiting.push(outcome);
                    }
                    None => break,
                },
                Some(uncounted) = counts.next(), if !counts.is_empty() => again.extend(uncounted),
                () = sleep_until(count_at), if !waiting.is_empty() => {
                    counts.push(self.worker.count(mem::take(&mut waiting)));
                }
            }
        }
        counts.push(self.worker.count(waiting));
        while let Some(uncounted) = counts.next().await {
            again.extend(uncounted);
        }
        again.sort_unstable();
        again
    }

    /// When an outcome that is ready now must be counted, alone if need be. Near the end of the invocation it waits less.
    fn count_at(&self) -> Instant {
        let left = (self.invocation.deadline - self.worker.clock.now()).to_std().unwrap_or_default();
        Instant::now() + self.worker.settings.tally_delay.min(left / 4)
    }

    async fn handle(&self, place: usize, record: KinesisEventRecord) -> Handled {
        let data = &record.kinesis.data.0;
        let segment = match reading::read(data) {
            Ok(segment) => segment,
            Err(unreadable) => return self.set_aside(place, &record, &unreadable).await,
        };
        let request_id = &self.invocation.request_id;
        let span = info_span!(
            "segment",
            execution_id = %segment.execution_id,
            segment = segment.index,
            attempt = tracing::field::Empty,
            trace_id = segment.trace.as_ref().map(TraceContext::trace_id),
            request_id,
        );
        // A claim is this record's by its ID; one without any is at least this invocation's.
        let event_id = id_of(&record).map_or_else(|| format!("{request_id}#{place}"), ToOwned::to_owned);
        let handling = Handling {
            worker: self.worker,
            record: &segment,
            event_id,
            deadline: self.invocation.deadline,
            cutoff: self.cutoff,
        };
        match handling.run().instrument(span).await {
            Verdict::Acknowledge => Handled::Acknowledged,
            Verdict::Again => Handled::Again(place),
            Verdict::Count(tally) => {
                let has_slot = segment.policy.max_concurrency.is_some();
                Handled::Counts(Outcome { place, segment: segment.segment(), has_slot, tally })
            }
        }
    }

    /// Keeps what is no segment's record for a person, and lets what is behind it go on.
    async fn set_aside(&self, place: usize, record: &KinesisEventRecord, unreadable: &Unreadable) -> Handled {
        let event_id = id_of(record).unwrap_or_default().to_owned();
        let reason = unreadable.to_string();
        let (payload, now) = (record.kinesis.data.0.clone(), self.worker.clock.timestamp());
        let request = AddDeadLetter { source: DeadLetterSource::Worker, event_id, reason, payload, now };
        let outcome = self.worker.table.execute(&request).await;
        let AddDeadLetter { event_id, reason, .. } = request;
        match outcome {
            Ok(AddDeadLetterOutcome::Added) => {
                error!(
                    event_id,
                    reason, "a record that is not of a segment is set aside: who else writes to the stream?"
                );
                Handled::Acknowledged
            }
            Ok(AddDeadLetterOutcome::AlreadyAdded) => {
                info!(event_id, reason, "a record that was set aside before came again");
                Handled::Acknowledged
            }
            Err(error) => {
                error!(event_id, reason, %error, "an unreadable record cannot be set aside now: it comes again");
                Handled::Again(place)
            }
        }
    }
}

/// The record's event ID, or what tells it apart within its shard.
fn id_of(record: &KinesisEventRecord) -> Option<&str> {
    let ids = [record.event_id.as_deref(), Some(&*record.kinesis.sequence_number)];
    ids.into_iter().flatten().find(|id| !id.is_empty())
}
