//! One batch: handles its records concurrently, and counts outcomes that arrive together by one request.

use std::mem;

use chrono::{DateTime, Utc};
use control_table::message::Probe;
use control_table::metric;
use control_table::operation::{AddDeadLetter, AddDeadLetterOutcome, Moment, MoveWatermark};
use control_table::rows::DeadLetterSource;
use control_table::trace::TraceContext;
use futures::stream::{self, FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep_until};
use tracing::{Instrument, error, info, info_span};

use crate::decode::{DecodeError, decode, decode_probe};
use crate::delivery::Delivery;
use crate::process_record::{Disposition, RecordTask};
use crate::settings::Parts;
use crate::tally_batch::tally_batch;
use crate::worker::Invocation;

/// A batch of an invocation.
pub(crate) struct Batch<'a> {
    pub parts: &'a Parts,
    pub invocation: &'a Invocation,
    /// When the worker cancels the work.
    pub cutoff: DateTime<Utc>,
}

impl Batch<'_> {
    /// Handles the records. Returns the places of those that the stream or queue must repeat.
    ///
    /// Outcomes wait for each other, so that a batch takes one request to count and not one a segment; but only for a moment,
    /// because a long segment must not delay the count of short ones. Work continues meanwhile.
    pub async fn run(&self, records: Vec<Delivery>) -> Vec<usize> {
        let mut handled = stream::iter(records.into_iter().enumerate())
            .map(|(place, record)| self.handle(place, record))
            .buffer_unordered(self.parts.settings.records_at_once.max(1));
        let (mut again, mut waiting, mut tally_at) = (Vec::new(), Vec::new(), Instant::now());
        let mut tallies = FuturesUnordered::new();
        loop {
            tokio::select! {
                // In this order: outcomes that are ready are collected before any is counted.
                biased;
                next = handled.next() => match next {
                    Some(Disposition::Acknowledge) => {}
                    Some(Disposition::Repeat(place)) => again.push(place),
                    Some(Disposition::Tally(outcome)) => {
                        if waiting.is_empty() {
                            tally_at = self.tally_at();
                        }
                        waiting.push(outcome);
                    }
                    None => break,
                },
                Some(uncounted) = tallies.next(), if !tallies.is_empty() => again.extend(uncounted),
                () = sleep_until(tally_at), if !waiting.is_empty() => {
                    tallies.push(tally_batch(self.parts, mem::take(&mut waiting)));
                }
            }
        }
        tallies.push(tally_batch(self.parts, waiting));
        while let Some(uncounted) = tallies.next().await {
            again.extend(uncounted);
        }
        again.sort_unstable();
        again
    }

    /// When an outcome that is ready now must be counted, even alone. Near the end of the invocation it waits less.
    fn tally_at(&self) -> Instant {
        let left = (self.invocation.deadline - self.parts.clock.now()).to_std().unwrap_or_default();
        Instant::now() + self.parts.settings.tally_delay.min(left / 4)
    }

    async fn handle(&self, place: usize, record: Delivery) -> Disposition {
        let segment = match decode(&record.data) {
            Ok(segment) => segment,
            Err(error) => {
                return match decode_probe(&record.data) {
                    Some(probe) => self.note_probe(place, probe).await,
                    None => self.add_dead_letter(place, record, &error).await,
                };
            }
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
        // The claim belongs to the record with this ID; without one, at least to this invocation.
        let event_id = record.id.unwrap_or_else(|| format!("{request_id}#{place}"));
        let (deadline, cutoff) = (self.invocation.deadline, self.cutoff);
        let task = RecordTask { parts: self.parts, record: &segment, place, event_id, deadline, cutoff };
        task.run(None).instrument(span).await
    }

    /// Notes how far the lane of the probe was read: Lambda delivers a record only after those before it in the same lane.
    async fn note_probe(&self, place: usize, probe: Probe) -> Disposition {
        let Probe { stream, shard, number, put_at } = probe;
        let request = MoveWatermark { stream, shard, moment: Moment::Probe(number), at: put_at };
        match self.parts.table.execute(&request).await {
            Ok(_) => Disposition::Acknowledge,
            Err(error) => {
                error!(%error, "a probe is not noted: the stream will repeat it");
                Disposition::Repeat(place)
            }
        }
    }

    /// Stores a record that is not a segment's as a dead letter, so that it does not block the records behind it.
    async fn add_dead_letter(&self, place: usize, record: Delivery, error: &DecodeError) -> Disposition {
        let Delivery { id, data: payload } = record;
        let (event_id, now) = (id.unwrap_or_default(), self.parts.clock.timestamp());
        let reason = error.to_string();
        let request = AddDeadLetter { source: DeadLetterSource::Worker, event_id, reason, payload, now };
        let outcome = self.parts.table.execute(&request).await;
        let AddDeadLetter { event_id, reason, .. } = request;
        match outcome {
            Ok(AddDeadLetterOutcome::Added) => {
                metric::DEAD_LETTERS.add(1);
                error!(
                    event_id,
                    reason, "a record is a dead letter: does another program write to the stream or queue?"
                );
                Disposition::Acknowledge
            }
            Ok(AddDeadLetterOutcome::AlreadyAdded) => {
                info!(event_id, reason, "the stream repeated a record that is a dead letter");
                Disposition::Acknowledge
            }
            Err(error) => {
                error!(event_id, reason, %error, "a dead letter could not be stored: the stream will repeat the record");
                Disposition::Repeat(place)
            }
        }
    }
}
