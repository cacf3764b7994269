//! The segment queue on SQS, and its event source mapping.
//!
//! # Layout
//! - `messages`: what waits, what is in flight, what was given up
//! - `dispatcher`: `SendMessageBatch`, as the engine's dispatcher sends it
//! - `mapping`: batches to the worker function, as many at once as the mapping may have

mod dispatcher;
mod mapping;
mod messages;
mod position;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use control_table::clock::Clock;
use tokio::sync::Notify;

pub use self::dispatcher::QueueDispatcher;
pub use self::mapping::QueueMapping;
pub use self::position::QueuePosition;

use self::messages::{Message, Messages};
use crate::losses::Losses;
use crate::surroundings::Surroundings;

/// The queue.
#[derive(Debug)]
pub struct SegmentQueue {
    surroundings: Surroundings,
    losses: Losses,
    messages: Mutex<Messages>,
    news: Notify,
}

impl SegmentQueue {
    /// An empty queue.
    #[must_use]
    pub fn new(surroundings: Surroundings, losses: Losses) -> Arc<Self> {
        let messages = Mutex::new(Messages::new(surroundings.parameters.queue));
        Arc::new(Self { surroundings, losses, messages, news: Notify::new() })
    }

    /// Whether no message waits and none is in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty(self.surroundings.clock.timestamp())
    }

    /// Messages that were received too often.
    #[must_use]
    pub fn dead(&self) -> u64 {
        self.lock().dead()
    }

    /// Notes which lost messages were sent before all that wait or are in flight.
    pub(crate) fn note_positions(&self) {
        let now = self.surroundings.clock.timestamp();
        let read_until = self.lock().oldest().unwrap_or(now);
        self.losses.note(|_| read_until);
    }

    fn send(&self, message: Message) {
        self.lock().send(message);
        self.news.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Messages> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
