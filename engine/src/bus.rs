//! Where events go.

use std::error::Error as StdError;

use control_table::id::ExecutionId;
use control_table::message::{CompletionEvent, NotificationEvent};
use futures::future::BoxFuture;

/// An event that did not go out. It is published again: by the stream, which repeats the invocation, or by the sweeper.
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

/// A place that takes completion events: `EventBridge` on AWS, a file and a command locally.
pub trait EventBus: Send + Sync {
    /// Delivers an event, at least once. Its `event_id` lets a consumer drop a repeat.
    fn publish<'a>(&'a self, event: &'a CompletionEvent) -> BoxFuture<'a, Result<(), PublishError>>;

    /// Delivers the event of a notice, at least once. Its `event_id` lets a consumer drop a repeat.
    fn notify<'a>(&'a self, event: &'a NotificationEvent) -> BoxFuture<'a, Result<(), PublishError>>;
}

/// Takes no event: for a caller that completes nothing.
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
