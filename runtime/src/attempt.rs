//! One attempt: the user's work in a task of its own, so that neither its panic nor its length can take the worker along.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tracing::Instrument;

use crate::context::Context;
use crate::error::SegmentError;
use crate::output::Output;
use crate::segment::Segment;
use crate::work::Work;

/// How long cancelled work may take to let go of what it holds. It is a small part of the margin before the deadline,
/// and work that blocks its thread never lets go at all.
pub(crate) const LETTING_GO: Duration = Duration::from_millis(500);

/// How an attempt ended.
#[derive(Debug, PartialEq)]
pub(crate) enum Ended {
    /// The work came to its end.
    Returned(Result<Output, SegmentError>),
    /// It panicked, with this message.
    Panicked(String),
    /// Its time was up.
    TimedOut,
}

/// Runs the work for at most `time_left`. Dropping the future cancels the work.
pub(crate) async fn run(work: Arc<dyn Work>, segment: Segment<Value>, context: Context, time_left: Duration) -> Ended {
    let mut task = JoinSet::new();
    // The call is inside the task as well: a function may panic before it returns its future.
    task.spawn(async move { work.process(segment, context).await }.in_current_span());
    if let Ok(joined) = timeout(time_left, task.join_next()).await {
        return ended(joined);
    }
    task.abort_all();
    match timeout(LETTING_GO, task.join_next()).await {
        // It came to its end just as it was cancelled: that is an outcome like any other.
        Ok(Some(Ok(returned))) => Ended::Returned(returned),
        _ => Ended::TimedOut,
    }
}

fn ended(joined: Option<Result<Result<Output, SegmentError>, JoinError>>) -> Ended {
    match joined {
        Some(Ok(returned)) => Ended::Returned(returned),
        Some(Err(error)) if error.is_panic() => Ended::Panicked(panic_message(error)),
        Some(Err(_)) | None => Ended::Returned(Err(SegmentError::retryable("the worker is shutting down"))),
    }
}

fn panic_message(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else {
        return String::new();
    };
    match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => panic.downcast_ref::<&str>().map_or("no message", |&message| message).to_owned(),
    }
}
