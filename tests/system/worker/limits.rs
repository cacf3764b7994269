//! What an execution's policy limits: the time of an attempt, and the segments in flight.

use std::sync::Arc;

use chrono::TimeDelta;
use control_table::clock::Clock;
use control_table::operation::{AcquireSlots, AcquireSlotsOutcome};
use control_table::policy::Policy;
use control_table::rows::{ErrorKind, SegmentRow, SegmentStatus};
use runtime::{Context, Invocation, Output, Segment, SegmentError, Work, work};

use super::support::{Calls, DONE, Run, START, Spec, counting, failing};

fn timeout(segment_timeout_ms: u64) -> Policy {
    Policy { segment_timeout_ms: Some(segment_timeout_ms), ..Policy::default() }
}

/// Work that never ends.
fn endless() -> Arc<dyn Work> {
    work(|_: Segment<Spec>, _| std::future::pending::<Result<Output, SegmentError>>())
}

async fn timed_out(run: &Run) -> String {
    let row = run.segment(0).await;
    let error = row.error.unwrap();
    assert_eq!((row.status, error.kind), (SegmentStatus::Pending, ErrorKind::TimedOut));
    error.message
}

#[tokio::test(start_paused = true)]
async fn an_attempt_ends_with_the_time_that_the_policy_gives_it() {
    let run = Run::with_policy(timeout(10_000)).await;
    let before = tokio::time::Instant::now();
    assert_eq!(run.hand(&run.worker(endless()), 0, "1").await, DONE);
    assert_eq!(before.elapsed().as_secs(), 10);
    let message = timed_out(&run).await;
    assert!(message.starts_with("policy.segment_timeout_ms is 10000,"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn an_invocation_that_ends_earlier_is_the_limit_and_is_named() {
    let run = Run::with_policy(timeout(96_000)).await;
    let before = tokio::time::Instant::now();
    assert_eq!(run.hand(&run.worker(endless()), 0, "1").await, DONE);
    assert_eq!(before.elapsed().as_secs(), 95);
    let message = timed_out(&run).await;
    assert!(message.starts_with("the invocation's time was up"), "{message}");
}

/// The row during its attempt, and the end of the attempt as its context says.
async fn during(run: &Run) -> (SegmentRow, TimeDelta) {
    let (told, mut seen) = tokio::sync::mpsc::channel(1);
    let (table, segment, clock) = (run.table.clone(), run.execution_id.segment(0), run.clock.clone());
    let worker = run.worker(work(move |_: Segment<Spec>, context: Context| {
        let (told, table, clock) = (told.clone(), table.clone(), clock.clone());
        async move {
            let row = table.segment(segment).await.unwrap().unwrap();
            told.send((row, context.deadline - clock.now())).await.unwrap();
            Ok(Output::items(3))
        }
    }));
    assert_eq!(run.hand(&worker, 0, "1").await, DONE);
    seen.recv().await.unwrap()
}

#[tokio::test]
async fn a_lease_is_no_longer_than_the_attempt_may_take() {
    let (row, time) = during(&Run::with_policy(timeout(10_000)).await).await;
    assert_eq!(time, TimeDelta::seconds(10));
    // Half a second to let go of the work, ten seconds of margin.
    assert_eq!(row.lease_until, Some(START.plus(TimeDelta::milliseconds(20_500))));

    let (row, time) = during(&Run::with_policy(timeout(1_000_000)).await).await;
    assert_eq!(time, TimeDelta::seconds(95));
    assert_eq!(row.lease_until, Some(START.plus(TimeDelta::seconds(110))), "no later than that of the invocation");
}

/// An execution with that limit, both of whose segments have a slot.
async fn limited(limit: u32) -> Run {
    let run = Run::with_policy(Policy { max_concurrency: Some(limit), ..Policy::default() }).await;
    let (execution_id, segments) = (run.execution_id, vec![0, 1]);
    let request = AcquireSlots { execution_id, generation: 1, seen: 0, next: 2, limit: Some(limit), segments };
    let outcome = run.table.execute(&request).await.unwrap();
    assert!(matches!(outcome, AcquireSlotsOutcome::Admitted(_)), "{outcome:?}");
    run
}

async fn in_flight(run: &Run) -> Vec<u64> {
    run.execution().await.in_flight.into_iter().collect()
}

#[tokio::test]
async fn a_segment_with_its_outcome_makes_room_for_another() {
    let run = limited(2).await;
    assert_eq!(run.hand(&run.worker(counting(&Calls::default())), 1, "1").await, DONE);
    assert_eq!(in_flight(&run).await, [0]);
    assert_eq!(run.hand(&run.worker(failing(SegmentError::permanent("no"))), 0, "2").await, DONE);
    assert_eq!(in_flight(&run).await, [] as [u64; 0]);
}

#[tokio::test]
async fn the_slots_of_a_batch_are_freed_in_one_request() {
    let run = limited(2).await;
    let (worker, sent) = run.worker_counted(counting(&Calls::default()));
    assert_eq!(run.hand_batch(&worker, &[("1", 0), ("2", 1)]).await, DONE);
    assert_eq!((sent.count(), in_flight(&run).await), (6, vec![]));
}

#[tokio::test]
async fn a_segment_that_is_tried_again_keeps_its_slot() {
    let run = limited(2).await;
    assert_eq!(run.hand(&run.worker(failing(SegmentError::retryable("busy"))), 0, "1").await, DONE);
    assert_eq!(in_flight(&run).await, [0, 1]);
}

#[tokio::test]
async fn a_record_comes_again_until_its_slot_is_free() {
    let run = limited(2).await;
    let calls = Calls::default();
    let worker = run.worker_losing(4..=4, counting(&calls));
    assert_eq!(run.hand(&worker, 0, "1").await, ["1"]);
    assert_eq!(run.hand(&worker, 0, "1").await, DONE);
    assert_eq!((in_flight(&run).await, calls.made(), run.tally().await.pending), (vec![1], 1, 1));
}

#[tokio::test]
async fn a_slot_that_a_worker_left_taken_is_released_by_the_next_worker() {
    let run = limited(2).await;
    // The count is lost on its way back, and with it the word that the slot is free.
    let worker = run.worker_losing(3..=3, counting(&Calls::default()));
    assert_eq!(run.hand(&worker, 0, "1").await, ["1"]);
    assert_eq!(in_flight(&run).await, [0, 1]);
    let over = Invocation { request_id: "later".to_owned(), deadline: run.clock.now() + TimeDelta::seconds(60) };
    assert_eq!(run.hand_batch_within(&worker, &[("9", 0)], over).await, DONE);
    assert_eq!(in_flight(&run).await, [1]);
}
