//! One attempt: the author's work in a task of its own, so that neither its panic nor its length ends the worker.

use std::sync::Arc;
use std::sync::atomic::Ordering;
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

/// How long cancelled work has to release its resources. A small part of the margin before the deadline; work that blocks its
/// thread takes longer, and is left behind.
pub(crate) const RELEASE_TIME: Duration = Duration::from_millis(500);

/// How an attempt ended.
#[derive(Debug, PartialEq)]
pub(crate) enum AttemptEnd {
    /// The work returned.
    Returned(Result<Output, SegmentError>),
    /// It panicked, with this message.
    Panicked(String),
    /// Its time was up. The items done by its last report, if it made one.
    TimedOut { items_done: Option<u64> },
}

/// Runs the work for at most `time_left`. Dropping the future cancels the work.
pub(crate) async fn run(
    work: Arc<dyn Work>,
    segment: Segment<Value>,
    context: Context,
    time_left: Duration,
) -> AttemptEnd {
    let mut task = JoinSet::new();
    let (cancellation, items_done) = (context.cancellation.clone(), Arc::clone(&context.items_done));
    // Also when this future is dropped: work that blocks a thread learns of it only so.
    let cancel_on_drop = cancellation.drop_guard_ref();
    // The call is inside the task as well: a function may panic before it returns its future.
    task.spawn(async move { work.process(segment, context).await }.in_current_span());
    if let Ok(joined) = timeout(time_left, task.join_next()).await {
        return end_of(joined);
    }
    drop(cancel_on_drop);
    task.abort_all();
    // Work that returns just as it is cancelled has an outcome like any other.
    if let Ok(Some(Ok(returned))) = timeout(RELEASE_TIME, task.join_next()).await {
        return AttemptEnd::Returned(returned);
    }
    let items_done = items_done.load(Ordering::Relaxed);
    AttemptEnd::TimedOut { items_done: (items_done > 0).then_some(items_done) }
}

fn end_of(joined: Option<Result<Result<Output, SegmentError>, JoinError>>) -> AttemptEnd {
    match joined {
        Some(Ok(returned)) => AttemptEnd::Returned(returned),
        Some(Err(error)) if error.is_panic() => AttemptEnd::Panicked(panic_message(error)),
        Some(Err(_)) | None => AttemptEnd::Returned(Err(SegmentError::retryable("the worker is shutting down"))),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{testing, work};

    const NO_TIME: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn work_that_blocks_a_thread_learns_that_it_is_cancelled() {
        let (stopped, stop) = tokio::sync::oneshot::channel();
        let stopped = std::sync::Mutex::new(Some(stopped));
        let blocking = work(move |_: Segment<Value>, context: Context| {
            let stopped = stopped.lock().unwrap().take().unwrap();
            context.progress(400);
            async move {
                tokio::spawn(async move {
                    context.cancelled().await;
                    stopped.send(context.is_cancelled()).unwrap();
                });
                std::future::pending().await
            }
        });
        let end = run(blocking, testing::segment(Value::Null), testing::context().build(), NO_TIME).await;
        assert_eq!(end, AttemptEnd::TimedOut { items_done: Some(400) });
        assert!(stop.await.unwrap());
    }

    #[tokio::test]
    async fn a_panic_is_an_end_with_its_message() {
        let panics = work(|_: Segment<Value>, _| async { panic!("index out of bounds") });
        let end = run(panics, testing::segment(Value::Null), testing::context().build(), Duration::from_secs(9)).await;
        assert_eq!(end, AttemptEnd::Panicked("index out of bounds".to_owned()));
    }
}
