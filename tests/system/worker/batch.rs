//! What a batch is answered with.

use std::sync::Arc;

use chrono::TimeDelta;
use control_table::clock::Clock;
use control_table::rows::SegmentStatus;
use functions::handlers::work_stream;
use runtime::{Invocation, Output, Segment, work};
use tokio::sync::Barrier;

use super::support::{Calls, DONE, Run, Spec, again, counting, event, within_reason};

#[tokio::test]
async fn an_unreadable_record_does_not_hold_up_the_others() {
    let run = Run::new().await;
    let worker = run.worker(counting(&Calls::default()));
    let good = serde_json::to_vec(&run.record(0)).unwrap();
    let batch = event(&[("1", b"not JSON"), ("2", &good), ("3", b"{}")]);
    assert_eq!(again(work_stream(&worker, batch, run.invocation()).await), DONE);
    assert_eq!(run.segment(0).await.status, SegmentStatus::Succeeded);
}

#[tokio::test]
async fn the_records_of_a_batch_are_processed_at_once() {
    let run = Run::new().await;
    let both = Arc::new(Barrier::new(2));
    let worker = run.worker(work(move |segment: Segment<Spec>, _| {
        let both = Arc::clone(&both);
        async move {
            both.wait().await;
            Ok(Output::items(segment.spec.rows))
        }
    }));
    let [one, two] = [0, 1].map(|index| serde_json::to_vec(&run.record(index)).unwrap());
    let batch = event(&[("1", &one), ("2", &two)]);
    let response = within_reason(work_stream(&worker, batch, run.invocation())).await;
    assert_eq!(again(response), DONE);
    let tally = run.tally().await;
    assert_eq!((tally.pending, tally.counts.item_count), (0, 8));
}

#[tokio::test]
async fn every_record_comes_again_when_the_table_is_not_there() {
    let run = Run::new().await;
    let calls = Calls::default();
    let worker = run.worker_without_table(counting(&calls));
    let [one, two] = [0, 1].map(|index| serde_json::to_vec(&run.record(index)).unwrap());
    let batch = event(&[("1", &one), ("2", &two)]);
    assert_eq!(again(work_stream(&worker, batch, run.invocation()).await), ["1", "2"]);
    assert_eq!(calls.made(), 0);
}

#[tokio::test]
async fn a_record_whose_group_is_not_committed_comes_again() {
    let run = Run::uncommitted().await;
    assert_eq!(run.hand(&run.worker(counting(&Calls::default())), 0, "1").await, ["1"]);
}

#[tokio::test]
async fn a_record_that_no_time_is_left_for_comes_again_and_uses_up_no_attempt() {
    let run = Run::new().await;
    let calls = Calls::default();
    let worker = run.worker(counting(&calls));
    let data = serde_json::to_vec(&run.record(0)).unwrap();
    let over = Invocation { request_id: "over".to_owned(), deadline: run.clock.now() - TimeDelta::seconds(1) };
    assert_eq!(again(work_stream(&worker, event(&[("1", &data)]), over).await), ["1"]);
    assert_eq!((run.segment(0).await.attempt, calls.made()), (0, 0));
}

#[tokio::test]
async fn a_short_invocation_has_time_for_work() {
    let run = Run::new().await;
    let worker = run.worker(counting(&Calls::default()));
    let data = serde_json::to_vec(&run.record(0)).unwrap();
    let short = Invocation { request_id: "short".to_owned(), deadline: run.clock.now() + TimeDelta::seconds(3) };
    assert_eq!(again(work_stream(&worker, event(&[("1", &data)]), short).await), DONE);
    assert_eq!(run.segment(0).await.status, SegmentStatus::Succeeded);
}
