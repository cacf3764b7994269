//! The event source mapping of the queue: batches to the worker function, as many at once as it may have.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use control_table::clock::{Clock, Timestamp};
use runtime::{Delivery, Invocation, Worker};
use tokio::sync::watch;

use super::SegmentQueue;
use super::messages::Message;
use crate::lambda::{InvocationError, Turn};
use crate::parameters::Transport;
use crate::segment_stream::Workers;

/// Batches at once at first, and so many more a minute (AWS: Lambda with SQS, scaling).
const AT_FIRST: usize = 5;
const MORE_A_MINUTE: usize = 300;

/// A long poll of an idle queue takes so long (SQS quota).
const LONG_POLL: Duration = Duration::from_secs(20);

/// How long Lambda waits before it invokes a function again that was throttled. Assumed.
const RETRY_WAIT: Duration = Duration::from_secs(2);

/// When a message of a failed record is received again: with full jitter, at most this, doubled with each receive, up to the cap.
const FAILED_BASE: Duration = Duration::from_secs(5);
const FAILED_CAP: Duration = Duration::from_mins(15);

/// The mapping of the segment queue to the worker function. Cheap to clone.
#[derive(Debug, Clone)]
pub struct QueueMapping {
    queue: Arc<SegmentQueue>,
    workers: Arc<Workers>,
    enabled: watch::Sender<bool>,
}

impl QueueMapping {
    /// A mapping that works the queue; an idle one, which costs nothing, if records travel another way.
    #[must_use]
    pub fn begin(queue: Arc<SegmentQueue>, workers: Arc<Workers>) -> Self {
        let mapping = Self { queue, workers, enabled: watch::Sender::new(true) };
        let parameters = &mapping.queue.surroundings.parameters;
        let is_used = parameters.transport == Transport::Sqs;
        for place in 0..if is_used { parameters.queue.concurrency } else { 0 } {
            let mapping = mapping.clone();
            tokio::spawn(async move {
                let minutes = place.saturating_sub(AT_FIRST) / MORE_A_MINUTE;
                tokio::time::sleep(Duration::from_mins(minutes as u64)).await;
                mapping.work().await;
            });
        }
        mapping
    }

    /// Pauses or continues. A batch that is under way ends.
    pub fn enable(&self, enabled: bool) {
        self.enabled.send_replace(enabled);
    }

    /// One batch after the other, for as long as the simulation lasts.
    async fn work(&self) {
        let (surroundings, mut enabled) = (&self.queue.surroundings, self.enabled.subscribe());
        let limit = surroundings.parameters.queue.batch_size;
        loop {
            if enabled.wait_for(|enabled| *enabled).await.is_err() {
                return;
            }
            let news = self.queue.news.notified();
            let batch = self.receive(limit);
            if batch.is_empty() {
                // A message that is invisible now sends no news when it is visible again.
                let _ = tokio::time::timeout(LONG_POLL, news).await;
                continue;
            }
            self.work_batch(batch).await;
        }
    }

    fn receive(&self, limit: usize) -> Vec<(Timestamp, Message)> {
        let surroundings = &self.queue.surroundings;
        let now = surroundings.clock.timestamp();
        let mut messages = self.queue.lock();
        let expired = messages.expired();
        let batch = messages.receive(limit, now);
        let expired = messages.expired() - expired;
        drop(messages);
        let oldest = batch.iter().map(|(_, message)| now.millis_since(message.sent_at)).max().unwrap_or(0);
        let oldest = TimeDelta::milliseconds(i64::try_from(oldest).unwrap_or(i64::MAX));
        let mut usage = surroundings.meter.lock();
        usage.queue_requests += 1;
        usage.expired += expired;
        usage.oldest_record = usage.oldest_record.max(oldest);
        batch
    }

    async fn work_batch(&self, batch: Vec<(Timestamp, Message)>) {
        let failed = loop {
            match self.invoke(&batch).await {
                Ok(failed) => break failed,
                Err(InvocationError::Throttled) => tokio::time::sleep(RETRY_WAIT).await,
                // The messages are visible again after their timeout.
                Err(InvocationError::TimedOut) => return,
            }
        };
        let surroundings = &self.queue.surroundings;
        surroundings.meter.lock().queue_requests += 1;
        let mut messages = self.queue.lock();
        for (until, message) in batch {
            if failed.contains(&message.number) {
                let wait = again_after(message.receives, surroundings.chance.up_to(1_000_000));
                messages.show_at(until, message.number, surroundings.clock.timestamp().plus(wait));
            } else {
                messages.delete(until, message.number);
            }
        }
    }

    /// The numbers of the messages whose records failed.
    async fn invoke(&self, batch: &[(Timestamp, Message)]) -> Result<Vec<u64>, InvocationError> {
        let records = batch.iter().map(|(_, message)| delivery(message)).collect();
        let answer = self.workers.invoke(|turn: Turn<Worker>| async move {
            let invocation = Invocation { request_id: turn.request_id, deadline: turn.deadline };
            turn.state.handle(records, invocation).await
        });
        let failed = answer.await?.into_iter().filter_map(|place| batch.get(place));
        Ok(failed.map(|(_, message)| message.number).collect())
    }
}

/// The wait of a failed message, by a draw from 0 to 1,000,000.
fn again_after(receives: u32, draw: u64) -> TimeDelta {
    let longest = FAILED_BASE.saturating_mul(1 << receives.saturating_sub(1).min(20)).min(FAILED_CAP);
    let millis = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX) * draw / 1_000_000;
    TimeDelta::milliseconds(i64::try_from(millis).unwrap_or(i64::MAX))
}

fn delivery(message: &Message) -> Delivery {
    Delivery { id: Some(format!("message-{}", message.number)), data: message.data.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_of_a_failed_message_doubles_up_to_its_cap() {
        assert_eq!(again_after(1, 1_000_000), TimeDelta::seconds(5));
        assert_eq!(again_after(3, 500_000), TimeDelta::seconds(10));
        assert_eq!(again_after(99, 1_000_000), TimeDelta::minutes(15));
    }
}
