//! Where a completion event goes.

use std::error::Error as StdError;

use control_table::completion::CompletionEvent;
use control_table::notice::NoticeEvent;
use futures::future::BoxFuture;

/// An event that did not go out. It is published again: by the stream, which repeats the invocation, or by the sweeper.
#[derive(Debug, thiserror::Error)]
#[error("{execution}: the event did not reach {target}: {source}")]
pub struct PublishError {
    /// The execution.
    pub execution: control_table::id::ExecutionId,
    /// Where it was to go.
    pub target: String,
    /// What happened.
    pub source: Box<dyn StdError + Send + Sync>,
}

/// A place that takes completion events: `EventBridge` on AWS, a file and a command locally.
pub trait CompletionBus: Send + Sync {
    /// Delivers an event, at least once. Its `event_id` lets a consumer drop a repeat.
    fn publish<'a>(&'a self, event: &'a CompletionEvent) -> BoxFuture<'a, Result<(), PublishError>>;

    /// Delivers the event of a notice, at least once. Its `event_id` lets a consumer drop a repeat.
    fn notify<'a>(&'a self, event: &'a NoticeEvent) -> BoxFuture<'a, Result<(), PublishError>>;
}
