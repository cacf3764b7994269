//! A bus that keeps its events, and fails as a test wants.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use control_table::id::ExecutionId;
use control_table::message::{CompletionEvent, NotificationEvent};
use engine::{EventBus, PublishError};
use futures::future::BoxFuture;

/// What a bus does to one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusFault {
    /// It does not take the event.
    Refuses,
    /// It takes the event, and its answer is lost.
    LosesAnswer,
}

/// Keeps the events that it takes.
#[derive(Debug, Default)]
pub struct TestBus {
    events: Mutex<Vec<CompletionEvent>>,
    notifications: Mutex<Vec<NotificationEvent>>,
    refused: Mutex<HashSet<ExecutionId>>,
    faults: Mutex<HashMap<ExecutionId, BusFault>>,
}

impl TestBus {
    /// The next completion event of that execution meets this fault.
    pub fn fail_once(&self, execution_id: ExecutionId, fault: BusFault) {
        self.faults.lock().unwrap().insert(execution_id, fault);
    }

    /// Refuses every completion event of that execution until [`Self::work_again`].
    pub fn refuse(&self, execution_id: ExecutionId) {
        self.refused.lock().unwrap().insert(execution_id);
    }

    /// Refuses no execution's events any more.
    pub fn work_again(&self) {
        self.refused.lock().unwrap().clear();
    }

    /// The completion events so far.
    #[must_use]
    pub fn events(&self) -> Vec<CompletionEvent> {
        self.events.lock().unwrap().clone()
    }

    /// The notifications so far.
    #[must_use]
    pub fn notifications(&self) -> Vec<NotificationEvent> {
        self.notifications.lock().unwrap().clone()
    }

    /// The one completion event there is.
    pub fn event(&self) -> CompletionEvent {
        let mut events = self.events();
        assert_eq!(events.len(), 1, "{events:?}");
        events.remove(0)
    }

    fn take(&self, event: &CompletionEvent) -> Result<(), PublishError> {
        let execution = event.execution_id;
        let once = self.faults.lock().unwrap().remove(&execution);
        let refused = self.refused.lock().unwrap().contains(&execution).then_some(BusFault::Refuses);
        let fault = once.or(refused);
        if fault != Some(BusFault::Refuses) {
            self.events.lock().unwrap().push(event.clone());
        }
        match fault {
            None => Ok(()),
            Some(fault) => {
                Err(PublishError { execution, target: "the bus".to_owned(), source: format!("{fault:?}").into() })
            }
        }
    }
}

impl EventBus for TestBus {
    fn publish<'a>(&'a self, event: &'a CompletionEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(std::future::ready(self.take(event)))
    }

    fn notify<'a>(&'a self, event: &'a NotificationEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        self.notifications.lock().unwrap().push(event.clone());
        Box::pin(std::future::ready(Ok(())))
    }
}
