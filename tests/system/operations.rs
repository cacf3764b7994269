//! What people do to an execution, in a whole system: redrive it, cancel it, limit it, and let it stop by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use control_table::id::ExecutionId;
use control_table::rows::{ExecutionStatus, Selection, Stop};
use engine::Operator;
use runtime::{Context, Output, Segment, SegmentError, Work, work};
use serde_json::{Value, json};
use test_support::{Kind, UnderTest, WAIT, events_of};

fn range(segments: u64, policy: &Value) -> Value {
    json!({"job": "test", "source": {"type": "range", "from": 0, "to": segments, "size": 1}, "policy": policy})
}

/// One segment in ten fails in the first generation.
fn one_in_ten_fails_at_first() -> Arc<dyn Work> {
    work(|segment: Segment<Value>, context: Context| async move {
        if segment.index % 10 == 3 && context.generation == 1 {
            return Err(SegmentError::permanent("not in this generation"));
        }
        Ok(Output::items(1).counter("generations", i64::from(context.generation)))
    })
}

async fn scatter(under_test: &UnderTest, event: Value) -> ExecutionId {
    under_test.start_execution(event).await.execution_id
}

async fn a_redrive_runs_what_failed_and_publishes_a_second_completion(kind: Kind) {
    let under_test = kind.own(one_in_ten_fails_at_first()).await;
    let first = under_test.run(range(300, &json!({"max_attempts": 1, "on_too_many_failures": "finish"}))).await;
    assert_eq!((first.status, first.failed, first.counts.item_count), (ExecutionStatus::Failed, 30, 270));

    let id = first.execution_id;
    let report = under_test.system.redrive(id, Selection::unsuccessful()).await.unwrap();
    assert_eq!((report.generation, report.segments), (2, 30));
    let second = under_test.finish(id).await;
    assert_eq!((second.status, second.generation, second.failed), (ExecutionStatus::Succeeded, 2, 0));
    assert_eq!((second.counts.item_count, second.counts.counters.0["generations"]), (300, 270 + 60));
    let events = events_of(under_test.dir.path(), id);
    let generations: Vec<_> = events.iter().map(|event| (event.generation, event.status)).collect();
    assert_eq!(generations, [(1, ExecutionStatus::Failed), (2, ExecutionStatus::Succeeded)]);
}

async fn a_cancelled_run_ends_with_the_counts_of_what_was_done(kind: Kind) {
    let slow = work(|_: Segment<Value>, _: Context| async move {
        tokio::time::sleep(Duration::from_millis(50)).await; // sleeps because the execution must still be going on when it is cancelled.
        Ok(Output::items(1))
    });
    let under_test = kind.own(slow).await;
    let id = scatter(&under_test, range(1_000, &json!({}))).await;
    let report = under_test.system.cancel(id).await.unwrap();
    assert!(report.cancelled > 0 && report.finished);
    let execution = under_test.finish(id).await;
    assert_eq!(execution.status, ExecutionStatus::Cancelled);
    assert_eq!(execution.succeeded + execution.cancelled, 1_000);
}

async fn too_many_failures_stop_a_run_long_before_its_end(kind: Kind) {
    let under_test = kind
        .own(work(|_: Segment<Value>, _: Context| async move {
            tokio::time::sleep(Duration::from_millis(20)).await; // sleeps because an execution that is over at once cannot be stopped early.
            Err::<Output, _>(SegmentError::permanent("never"))
        }))
        .await;
    let execution = under_test.run(range(2_000, &json!({"max_attempts": 1, "tolerated_failures": "1%"}))).await;
    assert_eq!((execution.status, execution.stopped), (ExecutionStatus::Failed, Some(Stop::TooManyFailures)));
    assert!(execution.failed > 20 && execution.cancelled > 0, "{execution:?}");
}

async fn a_limit_of_segments_in_flight_is_kept(kind: Kind) {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (running, peak) = (Arc::clone(&now), Arc::clone(&most));
    let counted = work(move |_: Segment<Value>, _: Context| {
        let (running, peak) = (Arc::clone(&running), Arc::clone(&peak));
        async move {
            peak.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(5)).await; // sleeps because segments that take no time never overlap.
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(Output::items(1))
        }
    });
    let under_test = kind.own(counted).await;
    let execution = under_test.run(range(150, &json!({"max_concurrency": 3}))).await;
    assert_eq!((execution.status, execution.succeeded), (ExecutionStatus::Succeeded, 150));
    assert!(execution.in_flight.is_empty());
    assert_eq!(most.load(Ordering::SeqCst), 3, "and it is made use of");
}

async fn a_run_whose_time_is_up_fails(kind: Kind) {
    let stuck = work(|_: Segment<Value>, context: Context| async move {
        if context.attempt > 0 {
            std::future::pending::<()>().await;
        }
        Ok(Output::items(1))
    });
    let under_test = kind.own(stuck).await;
    let event = range(3, &json!({"execution_timeout_ms": 1_000}));
    let execution = tokio::time::timeout(WAIT, under_test.run(event)).await.unwrap();
    assert_eq!((execution.status, execution.stopped), (ExecutionStatus::Failed, Some(Stop::TimedOut)));
    assert_eq!(execution.cancelled, 3);
}

on_both! {
    a_redrive_runs_what_failed_and_publishes_a_second_completion
    a_cancelled_run_ends_with_the_counts_of_what_was_done
    too_many_failures_stop_a_run_long_before_its_end
    a_limit_of_segments_in_flight_is_kept
    a_run_whose_time_is_up_fails
}
