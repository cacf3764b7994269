//! Whole runs, in one process, through the functions' own handlers.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use control_table::read::ListQuery;
use control_table::rows::{ErrorKind, ExecutionStatus, SegmentStatus};
use engine::NO_DEADLINE;
use functions::handlers;
use runtime::{Context, Output, Segment, SegmentError, work};
use serde_json::{Value, json};
use test_support::Kind;

fn range(segments: u64) -> Value {
    json!({"job": "test", "source": {"type": "range", "from": 0, "to": segments, "size": 1},
           "policy": {"max_attempts": 3, "backoff": {"base_ms": 20, "cap_ms": 50}}})
}

/// Counts one item a segment, and fails a test if a segment is worked on twice.
fn once() -> Arc<dyn runtime::Work> {
    let seen = Arc::new(Mutex::new(HashSet::new()));
    work(move |segment: Segment<Value>, _: Context| {
        let seen = Arc::clone(&seen);
        async move {
            assert!(seen.lock().unwrap().insert(segment.index), "segment {} came twice", segment.index);
            Ok(Output::items(1).counter("index", i64::try_from(segment.index).unwrap()))
        }
    })
}

async fn a_run_without_segments_succeeds_with_zeros(kind: Kind) {
    let under_test = kind.own(once()).await;
    let execution = under_test.run(range(0)).await;
    assert_eq!((execution.status, execution.segments, execution.groups), (ExecutionStatus::Succeeded, 0, 0));
}

async fn runs_around_the_edge_of_a_group_count_every_segment_once(kind: Kind) {
    for segments in [1, 128, 129] {
        let under_test = kind.own(once()).await;
        let execution = under_test.run(range(segments)).await;
        assert_eq!((execution.status, execution.succeeded), (ExecutionStatus::Succeeded, segments));
        assert_eq!(execution.groups, segments.div_ceil(128));
        assert_eq!(execution.counts.item_count.cast_unsigned(), segments);
        assert_eq!(execution.counts.counters.0["index"].cast_unsigned(), segments * (segments - 1) / 2);
    }
}

async fn a_failing_segment_is_retried_until_it_succeeds(kind: Kind) {
    let tries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tries);
    let flaky = work(move |segment: Segment<Value>, context: Context| {
        let tries = Arc::clone(&counted);
        async move {
            if segment.index == 2 && context.attempt < 3 {
                tries.fetch_add(1, Ordering::Relaxed);
                return Err(SegmentError::retryable("the other side is busy"));
            }
            Ok(Output::items(1))
        }
    });
    let under_test = kind.own(flaky).await;
    let execution = under_test.run(range(5)).await;
    assert_eq!((execution.status, execution.succeeded, execution.attempts), (ExecutionStatus::Succeeded, 5, 7));
    assert_eq!(tries.load(Ordering::Relaxed), 2);
    let row = under_test.system.control_table().segment(execution.execution_id.segment(2)).await.unwrap().unwrap();
    assert_eq!((row.attempt, row.error), (3, None));
}

/// Runs five segments of which one ends as `bad` says, and gives that one's error.
async fn one_bad_segment(on: Kind, bad: fn() -> Result<Output, SegmentError>) -> (ErrorKind, String, u32) {
    let work = work(move |segment: Segment<Value>, _: Context| async move {
        if segment.index == 3 { bad() } else { Ok(Output::items(1)) }
    });
    let under_test = on.own(work).await;
    let execution = under_test.run(range(5)).await;
    assert_eq!((execution.status, execution.succeeded, execution.failed), (ExecutionStatus::Failed, 4, 1));
    assert_eq!(execution.counts.item_count, 4);
    let group = execution.execution_id.group(0);
    let failed = under_test.system.control_table().group_segments(group, Some(SegmentStatus::Failed)).await.unwrap();
    assert_eq!(failed.iter().map(|row| row.index).collect::<Vec<_>>(), [3]);
    let error = failed[0].error.clone().unwrap();
    (error.kind, error.message, failed[0].attempt)
}

async fn a_permanent_failure_is_not_retried_and_harms_no_other_segment(on: Kind) {
    let (kind, message, attempts) = one_bad_segment(on, || Err(SegmentError::permanent("no such customer"))).await;
    assert_eq!((kind, attempts), (ErrorKind::Permanent, 1));
    assert!(message.contains("no such customer"), "{message}");
}

async fn attempts_are_used_up_before_a_segment_fails(on: Kind) {
    let (kind, message, attempts) = one_bad_segment(on, || Err(SegmentError::retryable("still busy"))).await;
    assert_eq!((kind, attempts), (ErrorKind::Retryable, 3));
    assert!(message.contains("still busy"), "{message}");
}

async fn a_panic_is_recorded_and_retried_like_any_failure(on: Kind) {
    let (kind, message, attempts) = one_bad_segment(on, || panic!("index out of bounds, says the work")).await;
    assert_eq!((kind, attempts), (ErrorKind::Panic, 3));
    assert!(message.contains("says the work"), "{message}");
}

async fn tolerated_failures_leave_a_success(kind: Kind) {
    let bad = work(|segment: Segment<Value>, _: Context| async move {
        if segment.index < 2 { Err(SegmentError::permanent("bad")) } else { Ok(Output::items(1)) }
    });
    let under_test = kind.own(bad).await;
    let mut event = range(200);
    event["policy"]["tolerated_failures"] = json!(2);
    let execution = under_test.run(event).await;
    assert_eq!((execution.status, execution.failed), (ExecutionStatus::Succeeded, 2));
}

async fn one_key_is_one_execution_however_often_and_at_once_it_is_scattered(kind: Kind) {
    let under_test = kind.own(once()).await;
    let mut event = range(300);
    event["key"] = json!("2026-11-24");
    let (one, other) =
        tokio::join!(under_test.start_execution(event.clone()), under_test.start_execution(event.clone()));
    assert_eq!(one.execution_id, other.execution_id);
    let execution = under_test.finish(one.execution_id).await;
    assert_eq!(execution.succeeded, 300);

    let later = under_test.start_execution(event).await;
    assert_eq!((later.execution_id, later.opened), (one.execution_id, false));
    assert_eq!(under_test.finish(one.execution_id).await, execution);
}

async fn many_executions_at_once_keep_their_counts_apart(kind: Kind) {
    let under_test = kind.builtin().await;
    let mut executions = Vec::new();
    for (number, segments) in [130_u64, 7, 0, 257].into_iter().enumerate() {
        let mut event = range(segments);
        event["parameters"] = json!({"work": "noop"});
        event["key"] = json!(format!("{number}"));
        let answer = under_test.start_execution(event).await;
        executions.push((answer.execution_id, segments));
    }
    for (execution_id, segments) in executions {
        let execution = under_test.finish(execution_id).await;
        assert_eq!((execution.segments, execution.succeeded), (segments, segments));
    }
}

async fn bad_input_is_refused_before_anything_is_written(kind: Kind) {
    let under_test = kind.builtin().await;
    for bad in [json!({"job": "a b"}), json!({"job": "x", "source": {"type": "range", "from": 0, "to": 5, "size": 0}})]
    {
        let error = handlers::scatter(under_test.system.engine(), &bad.to_string(), "request".into(), NO_DEADLINE)
            .await
            .unwrap_err();
        assert!(!error.is_retryable(), "{error}");
    }
    assert_eq!(test_support::completion_events(under_test.dir.path()), []);
    let now = chrono::DateTime::from_timestamp(4_000_000_000, 0).unwrap();
    let since = now - chrono::TimeDelta::days(2);
    let query = ListQuery { job: Some("x".parse().unwrap()), since, ..ListQuery::all(now, 5) };
    assert_eq!(under_test.system.control_table().executions(&query).await.unwrap().executions, []);
}

on_both! {
    a_run_without_segments_succeeds_with_zeros
    runs_around_the_edge_of_a_group_count_every_segment_once
    a_failing_segment_is_retried_until_it_succeeds
    a_permanent_failure_is_not_retried_and_harms_no_other_segment
    attempts_are_used_up_before_a_segment_fails
    a_panic_is_recorded_and_retried_like_any_failure
    tolerated_failures_leave_a_success
    one_key_is_one_execution_however_often_and_at_once_it_is_scattered
    many_executions_at_once_keep_their_counts_apart
    bad_input_is_refused_before_anything_is_written
}
