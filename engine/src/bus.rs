//! Where events go.

use std::error::Error as StdError;

use control_table::id::ExecutionId;
use control_table::message::{CompletionEvent, NotificationEvent};
use futures::future::BoxFuture;

/// An event that was not delivered. It is published again: by gather, when the stream repeats its batch, or by the sweeper.
#[derive(Debug, thiserror::Error)]
#[error("{execution}: the event did not reach {target}: {source}")]
pub struct PublishError {
    /// The execution.
    pub execution: ExecutionId,
    /// Where it was to go.
    pub target: String,
    /// What happened.
    pub source: Box<dyn StdError + Send + Sync>,
}

/// Takes the events of executions: `EventBridge` on AWS, a file and hooks on one machine.
pub trait EventBus: Send + Sync {
    /// Delivers an event, at least once. Its `event_id` lets a consumer drop a repeat.
    fn publish<'a>(&'a self, event: &'a CompletionEvent) -> BoxFuture<'a, Result<(), PublishError>>;

    /// Delivers a notification, at least once. Its `event_id` lets a consumer drop a repeat.
    fn notify<'a>(&'a self, event: &'a NotificationEvent) -> BoxFuture<'a, Result<(), PublishError>>;
}

/// Refuses every event: for a process that completes no execution.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoBus;

impl NoBus {
    fn refuse(execution: ExecutionId) -> BoxFuture<'static, Result<(), PublishError>> {
        let source = "this program publishes no events".into();
        Box::pin(std::future::ready(Err(PublishError { execution, target: "no bus".to_owned(), source })))
    }
}

impl EventBus for NoBus {
    fn publish<'a>(&'a self, event: &'a CompletionEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Self::refuse(event.execution_id)
    }

    fn notify<'a>(&'a self, event: &'a NotificationEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Self::refuse(event.execution_id)
    }
}
