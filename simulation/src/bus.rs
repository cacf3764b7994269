//! The event bus: it remembers what was published.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use control_table::id::ExecutionId;
use control_table::message::{CompletionEvent, NotificationEvent};
use control_table::rows::Notification;
use engine::{EventBus, PublishError};
use futures::future::BoxFuture;
use tokio::sync::Notify;

use crate::surroundings::Surroundings;

/// An event, and when it came, since the beginning.
#[derive(Debug, Clone, PartialEq)]
pub struct Published<E> {
    /// When.
    pub at: TimeDelta,
    /// The event.
    pub event: E,
}

#[derive(Debug, Default)]
struct Events {
    completions: Vec<Published<CompletionEvent>>,
    notifications: Vec<Published<NotificationEvent>>,
    refusals: u64,
}

/// The bus of a simulation. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SimulatedBus {
    surroundings: Surroundings,
    events: Arc<Mutex<Events>>,
    news: Arc<Notify>,
}

impl SimulatedBus {
    /// A bus without events.
    #[must_use]
    pub fn new(surroundings: Surroundings) -> Self {
        Self { surroundings, events: Arc::default(), news: Arc::default() }
    }

    /// Refuses that many of the next events.
    pub fn refuse(&self, events: u64) {
        self.lock().refusals += events;
    }

    /// The first completion of an execution in a generation, if it was published.
    #[must_use]
    pub fn completion(&self, execution_id: ExecutionId, generation: u32) -> Option<Published<CompletionEvent>> {
        let events = self.lock();
        let found = events
            .completions
            .iter()
            .find(|published| published.event.execution_id == execution_id && published.event.generation == generation);
        found.cloned()
    }

    /// Waits for a completion.
    pub async fn completed(&self, execution_id: ExecutionId, generation: u32) -> Published<CompletionEvent> {
        loop {
            let news = self.news.notified();
            if let Some(published) = self.completion(execution_id, generation) {
                return published;
            }
            news.await;
        }
    }

    /// When an execution was reported as stalled.
    #[must_use]
    pub fn stalls(&self) -> Vec<Published<NotificationEvent>> {
        let stalled = |published: &&Published<NotificationEvent>| published.event.notification == Notification::Stalled;
        self.lock().notifications.iter().filter(stalled).cloned().collect()
    }

    async fn deliver(
        &self,
        execution: ExecutionId,
        keep: impl FnOnce(&mut Events, TimeDelta),
    ) -> Result<(), PublishError> {
        self.surroundings.wait(self.surroundings.parameters.latencies.publish).await;
        self.surroundings.meter.lock().events += 1;
        let mut events = self.lock();
        if let Some(left) = events.refusals.checked_sub(1) {
            events.refusals = left;
            let source = "the simulated bus refuses".into();
            return Err(PublishError { execution, target: "the simulated bus".to_owned(), source });
        }
        keep(&mut events, self.surroundings.clock.elapsed());
        drop(events);
        self.news.notify_waiters();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventBus for SimulatedBus {
    fn publish<'a>(&'a self, event: &'a CompletionEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(self.deliver(event.execution_id, |events, at| {
            events.completions.push(Published { at, event: event.clone() });
        }))
    }

    fn notify<'a>(&'a self, event: &'a NotificationEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(self.deliver(event.execution_id, |events, at| {
            events.notifications.push(Published { at, event: event.clone() });
        }))
    }
}
