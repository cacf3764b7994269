//! Outcomes of a batch are counted together.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use control_table::clock::Clock;
use futures::future::join;
use runtime::{Invocation, Output, Segment, Work, work};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::support::{Calls, DONE, Run, Spec, counting, within_reason};

#[tokio::test]
async fn a_batch_is_counted_in_one_request() {
    let run = Run::new().await;
    let (worker, sent) = run.worker_counted(counting(&Calls::default()));
    assert_eq!(run.hand_batch(&worker, &[("1", 0), ("2", 1)]).await, DONE);
    assert_eq!(sent.count(), 5, "two claims, two ends, one count");
    let tally = run.tally().await;
    assert_eq!((tally.pending, tally.counts.item_count, tally.attempts), (0, 8, 2));
}

#[tokio::test]
async fn a_record_alone_takes_three_requests() {
    let run = Run::new().await;
    let (worker, sent) = run.worker_counted(counting(&Calls::default()));
    assert_eq!(run.hand(&worker, 0, "1").await, DONE);
    assert_eq!(sent.count(), 3);
}

#[tokio::test]
async fn an_empty_batch_takes_none() {
    let run = Run::new().await;
    let (worker, sent) = run.worker_counted(counting(&Calls::default()));
    assert_eq!(run.hand_batch(&worker, &[]).await, DONE);
    assert_eq!(sent.count(), 0);
}

#[tokio::test]
async fn a_count_that_is_lost_brings_back_all_that_it_covered() {
    let run = Run::new().await;
    let calls = Calls::default();
    let worker = run.worker_losing(5..=5, counting(&calls));
    let batch = [("1", 0), ("2", 1), ("3", 7)];
    // There is no segment 7; its record was dealt with.
    assert_eq!(run.hand_batch(&worker, &batch).await, DONE, "the fifth is the last end: it is made again");
    let run = Run::new().await;
    let worker = run.worker_losing(5..=5, counting(&calls));
    assert_eq!(run.hand_batch(&worker, &batch[..2]).await, ["1", "2"]);
    assert_eq!(run.hand_batch(&worker, &batch[..2]).await, DONE);
    let tally = run.tally().await;
    assert_eq!((tally.pending, tally.counts.item_count, calls.made()), (0, 8, 4));
}

#[tokio::test]
async fn a_segment_that_a_batch_has_twice_is_counted_once() {
    let run = Run::new().await;
    let losing = run.worker_losing(3..=3, counting(&Calls::default()));
    assert_eq!(run.hand(&losing, 0, "1").await, ["1"]);
    let calls = Calls::default();
    let (worker, sent) = run.worker_counted(counting(&calls));
    assert_eq!(run.hand_batch(&worker, &[("1", 0), ("2", 0), ("3", 1)]).await, DONE);
    // Of the count, what was counted before was left out in a second try.
    assert_eq!((sent.count(), calls.made()), (6, 1));
    let tally = run.tally().await;
    assert_eq!((tally.pending, tally.counts.item_count), (0, 8));
}

/// Work that ends at once for segment 0, and for others when the test says so.
fn long_and_short(go_on: &Arc<Notify>) -> Arc<dyn Work> {
    let go_on = Arc::clone(go_on);
    work(move |segment: Segment<Spec>, _| {
        let go_on = Arc::clone(&go_on);
        async move {
            if segment.index > 0 {
                go_on.notified().await;
            }
            Ok(Output::items(segment.spec.rows))
        }
    })
}

/// How long the short segment of a batch waits for the long one before it is counted.
async fn short_waits(run: &Run, within: Invocation) -> Duration {
    let go_on = Arc::new(Notify::new());
    let worker = run.worker(long_and_short(&go_on));
    let begun = Instant::now();
    let batch = run.hand_batch_within(&worker, &[("1", 0), ("2", 1)], within);
    let watch = async {
        while run.tally().await.pending > 1 {
            tokio::time::sleep(Duration::from_millis(50)).await; // sleeps because a paused clock has to move on
        }
        let waited = begun.elapsed();
        go_on.notify_one();
        waited
    };
    let (again, waited) = within_reason(join(batch, watch)).await;
    assert_eq!((again, run.tally().await.pending), (DONE, 0));
    waited
}

#[tokio::test(start_paused = true)]
async fn a_long_segment_does_not_hold_back_the_count_of_a_short_one() {
    let run = Run::new().await;
    let waited = short_waits(&run, run.invocation()).await;
    assert!((2_000..2_500).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn near_the_end_of_the_invocation_an_outcome_waits_less() {
    let run = Run::new().await;
    let deadline = run.clock.now() + TimeDelta::seconds(4);
    let waited = short_waits(&run, Invocation { request_id: "short".to_owned(), deadline }).await;
    assert!((1_000..1_500).contains(&waited.as_millis()), "{waited:?}");
}
