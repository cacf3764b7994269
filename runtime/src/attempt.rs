//! One attempt: the author's work in a task of its own, so that neither its panic nor its length ends the worker.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::Instrument;

use crate::attempts::Entered;
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
    /// Its time was up.
    TimedOut {
        /// The items done by its last report, if it made one.
        items_done: Option<u64>,
        /// The error that the cancelled work returned within its grace.
        last_words: Option<String>,
    },
    /// It was stopped before its time was up: the process ends, or the execution is cancelled.
    Stopped,
}

/// When an attempt ends, whether or not its work has.
pub(crate) struct Limits {
    /// The time of the work.
    pub time: Duration,
    /// How long cancelled work keeps its future.
    pub grace: Duration,
    /// Stops the attempt before its time is up.
    pub entered: Entered,
}

/// Why work was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancelled {
    TimeUp,
    Stopped,
}

/// Runs the work within its limits. Dropping the future cancels the work.
pub(crate) async fn run(work: Arc<dyn Work>, segment: Segment<Value>, context: Context, limits: Limits) -> AttemptEnd {
    let Limits { time, grace, entered } = limits;
    let mut task = JoinSet::new();
    let (cancellation, items_done) = (context.cancellation.clone(), Arc::clone(&context.items_done));
    // Also when this future is dropped: work that blocks a thread learns of it only so.
    let cancel_on_drop = cancellation.drop_guard_ref();
    // The call is inside the task as well: a function may panic before it returns its future.
    task.spawn(async move { work.process(segment, context).await }.in_current_span());
    let cancelled = tokio::select! {
        biased;
        joined = task.join_next() => return end_of(joined),
        () = entered.stopped() => Cancelled::Stopped,
        () = sleep(time) => Cancelled::TimeUp,
    };
    drop(cancel_on_drop);
    let returned = release(&mut task, grace).await;
    let items_done = items_done.load(Ordering::Relaxed);
    end_of_cancelled(cancelled, returned, (items_done > 0).then_some(items_done))
}

/// Waits for cancelled work as long as its grace, then drops its future. `None` if it has not returned.
async fn release(
    task: &mut JoinSet<Result<Output, SegmentError>>,
    grace: Duration,
) -> Option<Result<Output, SegmentError>> {
    if !grace.is_zero()
        && let Ok(joined) = timeout(grace, task.join_next()).await
    {
        return joined?.ok();
    }
    task.abort_all();
    timeout(RELEASE_TIME, task.join_next()).await.ok()??.ok()
}

/// Work that returns as it is cancelled has an outcome like any other if it succeeded, or says that no attempt will help. Any other
/// error may come of the cancellation alone.
fn end_of_cancelled(
    cancelled: Cancelled,
    returned: Option<Result<Output, SegmentError>>,
    items_done: Option<u64>,
) -> AttemptEnd {
    let last_words = match returned {
        Some(Err(error)) if error.is_retryable() => Some(error.message().to_owned()),
        Some(returned) => return AttemptEnd::Returned(returned),
        None => None,
    };
    match cancelled {
        Cancelled::Stopped => AttemptEnd::Stopped,
        Cancelled::TimeUp => AttemptEnd::TimedOut { items_done, last_words },
    }
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
    use crate::attempts::Attempts;
    use crate::{testing, work};

    fn limits(time: Duration, grace: Duration) -> Limits {
        let segment = testing::segment(Value::Null);
        Limits { time, grace, entered: Attempts::default().enter(segment.execution_id, 1) }
    }

    fn no_time() -> Limits {
        limits(Duration::from_millis(1), Duration::ZERO)
    }

    /// Work that returns that, a second after it is cancelled.
    fn ends_in_good_order(returned: Result<Output, SegmentError>) -> Arc<dyn Work> {
        work(move |_: Segment<Value>, context: Context| {
            let returned = returned.clone();
            async move {
                context.cancelled().await;
                sleep(Duration::from_secs(1)).await;
                returned
            }
        })
    }

    #[tokio::test(start_paused = true)]
    async fn work_with_a_grace_ends_in_good_order() {
        let error = SegmentError::retryable("was ended");
        let permanent = SegmentError::permanent("no such city");
        for (grace, returned, end) in [
            (2, Ok(Output::items(3)), AttemptEnd::Returned(Ok(Output::items(3)))),
            (2, Err(permanent.clone()), AttemptEnd::Returned(Err(permanent))),
            (2, Err(error), AttemptEnd::TimedOut { items_done: None, last_words: Some("was ended".to_owned()) }),
            (0, Ok(Output::items(3)), AttemptEnd::TimedOut { items_done: None, last_words: None }),
        ] {
            let limits = limits(Duration::from_mins(1), Duration::from_secs(grace));
            let work = ends_in_good_order(returned);
            let ended = run(work, testing::segment(Value::Null), testing::context().build(), limits).await;
            assert_eq!(ended, end, "a grace of {grace} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_is_stopped_has_no_failure() {
        let attempts = Attempts::default();
        for (returned, end) in [
            (Ok(Output::items(3)), AttemptEnd::Returned(Ok(Output::items(3)))),
            (Err(SegmentError::retryable("was ended")), AttemptEnd::Stopped),
        ] {
            let segment = testing::segment(Value::Null);
            let entered = attempts.enter(segment.execution_id, 1);
            let limits = Limits { time: Duration::MAX, grace: Duration::from_secs(2), entered };
            attempts.stop(segment.execution_id, 1);
            let ended = run(ends_in_good_order(returned), segment, testing::context().build(), limits).await;
            assert_eq!(ended, end);
        }
    }

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
        let end = run(blocking, testing::segment(Value::Null), testing::context().build(), no_time()).await;
        assert_eq!(end, AttemptEnd::TimedOut { items_done: Some(400), last_words: None });
        assert!(stop.await.unwrap());
    }

    #[tokio::test]
    async fn a_panic_is_an_end_with_its_message() {
        let panics = work(|_: Segment<Value>, _| async { panic!("index out of bounds") });
        let limits = limits(Duration::from_secs(9), Duration::ZERO);
        let end = run(panics, testing::segment(Value::Null), testing::context().build(), limits).await;
        assert_eq!(end, AttemptEnd::Panicked("index out of bounds".to_owned()));
    }
}
