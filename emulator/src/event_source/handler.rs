//! What a mapping invokes.

use std::future::Future;
use std::time::Duration;

use aws_lambda_events::event::dynamodb::Event as DynamoDbEvent;
use aws_lambda_events::event::kinesis::KinesisEvent;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use aws_lambda_events::event::streams::{DynamoDbEventResponse, KinesisEventResponse};
use chrono::{DateTime, Utc};
use tokio::task::JoinSet;
use tracing::warn;

/// What a handler may fail with: anything that has a message.
pub type HandlerError = Box<dyn std::error::Error + Send + Sync>;

/// What Lambda tells a function about the call it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Another one for each call, repetitions included.
    pub request_id: String,
    /// When the host ends the call.
    pub deadline: DateTime<Utc>,
}

/// A function behind a Kinesis stream.
pub trait KinesisHandler: Send + Sync + 'static {
    /// Handles one batch.
    fn handle(
        &self,
        event: KinesisEvent,
        invocation: Invocation,
    ) -> impl Future<Output = Result<KinesisEventResponse, HandlerError>> + Send;
}

/// A function behind an SQS queue.
pub trait SqsHandler: Send + Sync + 'static {
    /// Handles one batch.
    fn handle(
        &self,
        event: SqsEvent,
        invocation: Invocation,
    ) -> impl Future<Output = Result<SqsBatchResponse, HandlerError>> + Send;
}

/// A function behind a `DynamoDB` stream.
pub trait DynamoDbHandler: Send + Sync + 'static {
    /// Handles one batch.
    fn handle(
        &self,
        event: DynamoDbEvent,
        invocation: Invocation,
    ) -> impl Future<Output = Result<DynamoDbEventResponse, HandlerError>> + Send;
}

/// Runs a handler's call apart from the mapping, as Lambda does: a panic or an overrun is a failed call and nothing more.
/// `None`: it failed, and the log says how.
pub(super) async fn call<T: Send + 'static>(
    work: impl Future<Output = Result<T, HandlerError>> + Send + 'static,
    request_id: &str,
    timeout: Duration,
) -> Option<T> {
    // A set, because what is still in it is aborted when this future is dropped.
    let mut task = JoinSet::new();
    task.spawn(work);
    match tokio::time::timeout(timeout, task.join_next()).await {
        Ok(Some(Ok(Ok(answer)))) => Some(answer),
        Ok(Some(Ok(Err(error)))) => failed(request_id, &error.to_string()),
        Ok(Some(Err(panic))) => failed(request_id, &panic.to_string()),
        Ok(None) => failed(request_id, "the call was lost"),
        Err(_) => failed(request_id, &format!("it was ended after its timeout of {timeout:?}")),
    }
}

fn failed<T>(request_id: &str, reason: &str) -> Option<T> {
    warn!(request_id, reason, "an invocation failed");
    None
}
