//! `SendMessageBatch`: the engine's dispatcher on SQS.

use std::sync::Arc;

use control_table::clock::Clock;
use control_table::message::SegmentRecord;
use engine::{DispatchError, Dispatcher};
use futures::future::BoxFuture;

use super::SegmentQueue;
use super::messages::Message;

/// Messages of one `SendMessageBatch` (SQS quota).
const MESSAGES_A_REQUEST: usize = 10;

/// Requests at once: as the dispatcher of the functions.
const REQUESTS_AT_ONCE: usize = 8;

/// Sends messages to the simulated queue. A standard queue takes nearly any number a second.
#[derive(Debug, Clone)]
pub struct QueueDispatcher {
    queue: Arc<SegmentQueue>,
}

impl QueueDispatcher {
    /// Sends to that queue.
    #[must_use]
    pub const fn new(queue: Arc<SegmentQueue>) -> Self {
        Self { queue }
    }

    async fn send_all(&self, records: &[SegmentRecord]) -> Result<(), DispatchError> {
        let surroundings = &self.queue.surroundings;
        for records in records.chunks(MESSAGES_A_REQUEST * REQUESTS_AT_ONCE) {
            surroundings.wait(surroundings.parameters.latencies.put_records).await;
            surroundings.meter.lock().queue_requests += records.len().div_ceil(MESSAGES_A_REQUEST) as u64;
            for record in records {
                self.send(record)?;
            }
        }
        Ok(())
    }

    fn send(&self, record: &SegmentRecord) -> Result<(), DispatchError> {
        let (surroundings, segment) = (&self.queue.surroundings, record.segment());
        let data = serde_json::to_vec(record);
        let data = data.map_err(|source| DispatchError::Unwritable { segment, source: Box::new(source) })?;
        let is_lost = self.queue.losses.loses(segment);
        let mut usage = surroundings.meter.lock();
        let (number, sent_at) = (usage.puts, surroundings.clock.timestamp());
        usage.put(segment, surroundings.clock.elapsed());
        drop(usage);
        if !is_lost {
            self.queue.send(Message { number, sent_at, receives: 0, data: data.into() });
        }
        Ok(())
    }
}

impl Dispatcher for QueueDispatcher {
    fn put<'a>(&'a self, records: &'a [SegmentRecord]) -> BoxFuture<'a, Result<(), DispatchError>> {
        Box::pin(self.send_all(records))
    }
}
