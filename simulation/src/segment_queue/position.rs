//! What a queue knows of its messages: nothing waits if it is empty.

use std::sync::Arc;

use chrono::TimeDelta;
use control_table::clock::Timestamp;
use engine::{Lines, PositionError, StreamPosition};
use futures::future::BoxFuture;

use super::SegmentQueue;

/// How long the queue's counts take to settle: as the functions reckon.
const SETTLED: TimeDelta = TimeDelta::minutes(2);

/// The position of the simulated queue.
#[derive(Debug)]
pub struct QueuePosition {
    queue: Arc<SegmentQueue>,
}

impl QueuePosition {
    /// The position of that queue.
    #[must_use]
    pub const fn new(queue: Arc<SegmentQueue>) -> Self {
        Self { queue }
    }
}

impl StreamPosition for QueuePosition {
    fn read_until(&self, now: Timestamp) -> BoxFuture<'_, Result<Timestamp, PositionError>> {
        let retention = TimeDelta::from_std(self.queue.surroundings.parameters.queue.retention);
        let kept = if self.queue.is_empty() { SETTLED } else { retention.unwrap_or(TimeDelta::MAX) };
        Box::pin(std::future::ready(Ok(now.plus(-kept))))
    }

    fn records_put(&self, _: u64, _: Timestamp) -> BoxFuture<'_, Result<(), PositionError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn lines(&self) -> BoxFuture<'_, Result<Lines, PositionError>> {
        Box::pin(std::future::ready(Ok(Lines::one())))
    }
}
