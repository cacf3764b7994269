//! Outside Lambda: records are handed to the worker one by one, without batches and without a stream that repeats them.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeDelta;
use control_table::message::SegmentRecord;
use control_table::trace::TraceContext;
use futures::stream::{self, FuturesUnordered, Stream, StreamExt};
use tokio::time::{Instant, sleep_until};
use tracing::{Instrument, info_span};

use crate::process_record::{Disposition, RecordTask};
use crate::slots::{Admission, Slots};
use crate::tally_batch::{Outcome, tally_batch};
use crate::worker::Worker;

/// A record, handed to a worker.
#[derive(Debug, Clone)]
pub struct Handed {
    /// Names this hand-over. A record that is handed over again with the same ID may claim its segment at once; with another, only when
    /// the lease of the first claim is over.
    pub id: String,
    /// The record.
    pub record: SegmentRecord,
}

/// How a worker serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Serving {
    /// Segments that are processed at once.
    pub at_once: usize,
    /// The longest that an attempt may take, unless the execution's policy allows less.
    pub attempt_time: TimeDelta,
}

/// Outcomes that wait to be counted, and the records they are of.
#[derive(Default)]
struct Waiting {
    outcomes: Vec<Outcome>,
    handed: HashMap<usize, Handed>,
}

/// Each record with what it needs to be claimed. The admission comes first: a record that was taken is worked on, also when the stream
/// ends meanwhile.
fn admitted(
    records: impl Stream<Item = Handed> + Send,
    slots: Arc<Slots>,
) -> impl Stream<Item = (Handed, Admission)> + Send {
    stream::unfold((Box::pin(records), slots), |(mut records, slots)| async move {
        let admission = Arc::clone(&slots).admit().await?;
        let handed = records.next().await?;
        Some(((handed, admission.with_free_slot()), (records, slots)))
    })
}

impl Worker {
    /// Processes records as they come, until their stream ends and the last of them is counted. `again` gets the records whose outcome
    /// could not be recorded or counted: hand them over again, after a wait.
    pub async fn serve(&self, records: impl Stream<Item = Handed> + Send, serving: Serving, again: impl Fn(Handed)) {
        let (in_flight, at_once) = (AtomicUsize::new(0), serving.at_once.max(1));
        let records = admitted(records, Slots::new(at_once)).enumerate().map(|(place, (handed, admission))| {
            in_flight.fetch_add(1, Ordering::Relaxed);
            self.process(place, handed, admission, serving.attempt_time)
        });
        // While the ends of some are recorded, as many others are worked on, and as many are claimed.
        let mut processed = Box::pin(records.buffer_unordered(at_once.saturating_mul(3)));
        let (mut waiting, mut tally_at) = (Waiting::default(), Instant::now());
        let mut tallies = FuturesUnordered::new();
        loop {
            tokio::select! {
                // In this order: outcomes that are ready are collected before any is counted.
                biased;
                next = processed.next() => {
                    let Some((disposition, handed)) = next else { break };
                    let left = in_flight.fetch_sub(1, Ordering::Relaxed) - 1;
                    match disposition {
                        Disposition::Acknowledge => {}
                        Disposition::Repeat(_) => again(handed),
                        Disposition::Tally(outcome) => {
                            if waiting.outcomes.is_empty() {
                                tally_at = Instant::now() + self.settings().tally_delay;
                            }
                            waiting.handed.insert(outcome.place, handed);
                            waiting.outcomes.push(outcome);
                        }
                    }
                    // Nothing else may come for long: the last segments of an execution are counted at once.
                    if left == 0 && !waiting.outcomes.is_empty() {
                        tallies.push(self.tally(mem::take(&mut waiting)));
                    }
                }
                Some(uncounted) = tallies.next(), if !tallies.is_empty() => {
                    let uncounted: Vec<Handed> = uncounted;
                    uncounted.into_iter().for_each(&again);
                }
                () = sleep_until(tally_at), if !waiting.outcomes.is_empty() => {
                    tallies.push(self.tally(mem::take(&mut waiting)));
                }
            }
        }
        tallies.push(self.tally(waiting));
        while let Some(uncounted) = tallies.next().await {
            uncounted.into_iter().for_each(&again);
        }
    }

    async fn process(
        &self,
        place: usize,
        handed: Handed,
        admission: Admission,
        attempt_time: TimeDelta,
    ) -> (Disposition, Handed) {
        let record = &handed.record;
        let span = info_span!(
            "segment",
            execution_id = %record.execution_id,
            segment = record.index,
            attempt = tracing::field::Empty,
            trace_id = record.trace.as_ref().map(TraceContext::trace_id),
        );
        let deadline = self.now() + attempt_time;
        let (event_id, cutoff) = (handed.id.clone(), self.cutoff(deadline));
        let task = RecordTask { parts: self.parts(), record, place, event_id, deadline, cutoff };
        let disposition = task.run(Some(admission)).instrument(span).await;
        (disposition, handed)
    }

    /// Counts outcomes. Returns the records to hand over again.
    async fn tally(&self, waiting: Waiting) -> Vec<Handed> {
        let Waiting { outcomes, mut handed } = waiting;
        let again = tally_batch(self.parts(), outcomes).await;
        again.into_iter().filter_map(|place| handed.remove(&place)).collect()
    }
}
