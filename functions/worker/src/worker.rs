//! The worker: a batch of records in, the records to be handed out again out.

use std::fmt;
use std::sync::Arc;

use aws_lambda_events::event::kinesis::{KinesisEvent, KinesisEventRecord};
use aws_lambda_events::event::streams::KinesisEventResponse;
use chrono::{DateTime, TimeDelta, Utc};
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy};
use control_table::record::SegmentRecord;
use futures::stream::{self, StreamExt};
use tracing::{Instrument, error, info_span};

use crate::record::{Handling, Verdict};
use crate::settings::Settings;
use crate::work::Work;

/// What the worker has to know of the invocation it runs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Its ID, for the logs.
    pub request_id: String,
    /// When Lambda ends it.
    pub deadline: DateTime<Utc>,
}

/// Claims segments, has the work done, and records what came of it.
pub struct Worker {
    pub(crate) table: ControlTable,
    pub(crate) work: Arc<dyn Work>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<Entropy>,
    pub(crate) settings: Settings,
}

impl Worker {
    /// A worker that does that work.
    #[must_use]
    pub fn new(
        table: ControlTable,
        work: Arc<dyn Work>,
        clock: Arc<dyn Clock>,
        entropy: Arc<Entropy>,
        settings: Settings,
    ) -> Self {
        Self { table, work, clock, entropy, settings }
    }

    /// Handles a batch, several records at once. The answer names the records that must come again: those whose outcome
    /// could not be recorded, and those that the invocation had no time left for.
    pub async fn handle(&self, event: KinesisEvent, invocation: Invocation) -> KinesisEventResponse {
        let cutoff = self.cutoff(invocation.deadline);
        let mut again: Vec<(usize, String)> = stream::iter(event.records.into_iter().enumerate())
            .map(|(place, record)| self.handle_record(place, record, &invocation, cutoff))
            .buffer_unordered(self.settings.records_at_once.max(1))
            .filter_map(std::future::ready)
            .collect()
            .await;
        again.sort_unstable();
        let mut response = KinesisEventResponse::default();
        response.set_failures(again.into_iter().map(|(_, sequence_number)| sequence_number));
        response
    }

    /// When the work is cancelled.
    fn cutoff(&self, deadline: DateTime<Utc>) -> DateTime<Utc> {
        let margin = TimeDelta::from_std(self.settings.deadline_margin).unwrap_or(TimeDelta::MAX);
        let quarter = (deadline - self.clock.now()) / 4;
        deadline - margin.min(quarter.max(TimeDelta::zero()))
    }

    /// The record's place and sequence number, if it must come again.
    async fn handle_record(
        &self,
        place: usize,
        record: KinesisEventRecord,
        invocation: &Invocation,
        cutoff: DateTime<Utc>,
    ) -> Option<(usize, String)> {
        let sequence_number = record.kinesis.sequence_number;
        let event_id = record.event_id.unwrap_or_else(|| sequence_number.clone());
        let segment: SegmentRecord = match serde_json::from_slice(&record.kinesis.data.0) {
            Ok(segment) => segment,
            Err(error) => {
                // It would be as unreadable the next time, and everything behind it would wait.
                error!(event_id, %error, "a record that is not of a segment is passed over: who else writes to the stream?");
                return None;
            }
        };
        let span = info_span!(
            "segment",
            execution_id = %segment.execution_id,
            segment = segment.index,
            attempt = tracing::field::Empty,
            request_id = invocation.request_id,
        );
        let handling = Handling { worker: self, record: &segment, event_id, deadline: invocation.deadline, cutoff };
        match handling.run().instrument(span).await {
            Verdict::Acknowledge => None,
            Verdict::Again => Some((place, sequence_number)),
        }
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("table", &self.table.name())
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
