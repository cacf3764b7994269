//! How one attempt ends, and what is recorded of it.

use chrono::TimeDelta;
use control_table::clock::Clock;
use control_table::rows::{ErrorKind, SegmentStatus};
use runtime::{Context, Output, Segment, SegmentError, work};
use serde_json::{Value, json};

use super::support::{Calls, DONE, Run, Spec, counting, failing, within_reason};

#[tokio::test]
async fn success_is_recorded_and_counted() {
    let run = Run::new().await;
    let clock = run.clock.clone();
    let worker = run.worker(work(move |segment: Segment<Spec>, context: Context| {
        let clock = clock.clone();
        async move {
            assert_eq!((segment.index, segment.total, context.generation, context.attempt), (1, Some(2), 1, 1));
            assert_eq!(context.parameters::<Value>()?["greeting"], "hello");
            // Five seconds before the end of the invocation.
            assert_eq!(context.deadline - clock.now(), TimeDelta::seconds(95));
            clock.advance(TimeDelta::milliseconds(1_500));
            Ok(Output::items(segment.spec.rows).counter("population", 70).result(json!({"at": "s3://…"})))
        }
    }));
    assert_eq!(run.hand(&worker, 1, "1").await, DONE);

    let row = run.segment(1).await;
    assert_eq!((row.status, row.attempt, row.counts.item_count), (SegmentStatus::Succeeded, 1, 5));
    assert_eq!((row.counts.duration_ms, row.result), (1_500, Some(json!({"at": "s3://…"}))));
    let tally = run.tally().await;
    assert_eq!((tally.pending, tally.succeeded.contains(1), tally.attempts), (1, true, 1));
    assert_eq!((tally.counts.item_count, tally.counts.counters.0["population"]), (5, 70));
}

#[tokio::test]
async fn a_failure_that_may_pass_is_tried_again_after_its_backoff() {
    let run = Run::new().await;
    let calls = Calls::default();
    let counted = calls.clone();
    let worker = run.worker(work(move |segment: Segment<Spec>, _| {
        let first = counted.add() == 1;
        async move { if first { Err(SegmentError::retryable("busy")) } else { Ok(Output::items(segment.spec.rows)) } }
    }));
    assert_eq!(run.hand(&worker, 0, "1").await, DONE);
    let row = run.segment(0).await;
    assert_eq!((row.status, row.error.unwrap().message.as_str()), (SegmentStatus::Pending, "busy"));
    assert!(row.retry_at.unwrap() > run.clock.timestamp());
    assert_eq!(run.tally().await.pending, 2);

    assert_eq!(run.hand(&worker, 0, "2").await, DONE);
    assert_eq!(calls.made(), 1, "not before its moment");
    run.clock.advance(TimeDelta::seconds(1));
    assert_eq!(run.hand(&worker, 0, "3").await, DONE);
    let row = run.segment(0).await;
    assert_eq!((row.status, row.attempt, row.error), (SegmentStatus::Succeeded, 2, None));
    let tally = run.tally().await;
    assert_eq!((tally.pending, tally.attempts, tally.counts.item_count), (1, 2, 3));
}

#[tokio::test]
async fn the_last_attempt_fails_for_good() {
    let run = Run::new().await;
    let worker = run.worker(failing(SegmentError::retryable("busy")));
    assert_eq!(run.hand(&worker, 0, "1").await, DONE);
    run.clock.advance(TimeDelta::seconds(1));
    assert_eq!(run.hand(&worker, 0, "2").await, DONE);
    let row = run.segment(0).await;
    assert_eq!((row.status, row.attempt), (SegmentStatus::Failed, 2));
    assert!(run.tally().await.failed.contains(0));
}

#[tokio::test]
async fn a_permanent_failure_fails_at_once() {
    let run = Run::new().await;
    assert_eq!(run.hand(&run.worker(failing(SegmentError::permanent("no such file"))), 0, "1").await, DONE);
    let row = run.segment(0).await;
    let error = row.error.unwrap();
    assert_eq!(
        (row.status, error.kind, &*error.message),
        (SegmentStatus::Failed, ErrorKind::Permanent, "no such file")
    );
    assert!(run.tally().await.failed.contains(0));
}

#[tokio::test]
async fn a_spec_of_another_type_fails_and_says_where() {
    #[derive(Debug, serde::Deserialize)]
    struct Other {
        #[expect(dead_code, reason = "only its type matters here")]
        rows: String,
    }
    let run = Run::new().await;
    let worker = run.worker(work(async |_: Segment<Other>, _| Ok(Output::items(1))));
    assert_eq!(run.hand(&worker, 0, "1").await, DONE);
    let error = run.segment(0).await.error.unwrap();
    assert_eq!(error.kind, ErrorKind::Permanent);
    assert!(error.message.starts_with("the segment's spec cannot be read, at rows: "), "{}", error.message);
}

#[tokio::test]
async fn a_panic_is_a_failure_like_any_other() {
    let run = Run::new().await;
    let worker = run.worker(work(|segment: Segment<Spec>, _| {
        let rows = segment.spec.rows;
        assert!(rows > 100, "only {rows} rows");
        std::future::ready(Ok(Output::items(rows)))
    }));
    assert_eq!(run.hand(&worker, 0, "1").await, DONE);
    let row = run.segment(0).await;
    let error = row.error.unwrap();
    assert_eq!((row.status, error.kind), (SegmentStatus::Pending, ErrorKind::Panic));
    assert_eq!(error.message, "the work panicked: only 3 rows");
}

#[tokio::test(start_paused = true)]
async fn work_that_takes_too_long_is_cancelled_and_recorded() {
    let run = Run::new().await;
    let (alive, mut dropped) = tokio::sync::mpsc::channel::<()>(1);
    let worker = run.worker(work(move |_: Segment<Spec>, _| {
        let alive = alive.clone();
        async move {
            std::future::pending::<()>().await;
            drop(alive);
            Ok(Output::default())
        }
    }));
    let before = tokio::time::Instant::now();
    assert_eq!(run.hand(&worker, 0, "1").await, DONE);
    assert_eq!(before.elapsed().as_secs(), 95, "five seconds before the end of the invocation");
    let row = run.segment(0).await;
    assert_eq!((row.status, row.error.unwrap().kind), (SegmentStatus::Pending, ErrorKind::TimedOut));
    drop(worker);
    assert_eq!(within_reason(dropped.recv()).await, None, "the work holds nothing any more");
}

#[tokio::test]
async fn an_output_that_cannot_be_recorded_fails_for_good() {
    let run = Run::new().await;
    let worker = run.worker(work(async |_: Segment<Spec>, _| Ok(Output::items(u64::MAX))));
    assert_eq!(run.hand(&worker, 0, "1").await, DONE);
    let row = run.segment(0).await;
    assert_eq!((row.status, row.error.unwrap().kind), (SegmentStatus::Failed, ErrorKind::InvalidOutput));
    let tally = run.tally().await;
    assert_eq!((tally.failed.contains(0), tally.counts.item_count), (true, 0));
}

#[tokio::test]
async fn a_record_of_no_segment_or_of_another_generation_is_acknowledged() {
    let run = Run::new().await;
    let calls = Calls::default();
    let worker = run.worker(counting(&calls));
    let mut late = run.record(0);
    late.generation = 2;
    assert_eq!(run.hand_record(&worker, &late, "1").await, DONE);
    assert_eq!(run.hand(&worker, 7, "2").await, DONE);
    assert_eq!(calls.made(), 0);
}
