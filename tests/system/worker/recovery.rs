//! Crashes, duplicates, lost answers and lost claims: counted once, whatever happens.

use std::sync::Arc;

use chrono::TimeDelta;
use control_table::clock::Clock;
use control_table::operation::{Claim, ClaimOutcome, Ending, Finish, FinishOutcome};
use control_table::rows::{Counts, ErrorKind, SegmentStatus};
use futures::future::join;
use runtime::{Output, Segment, work};
use tokio::sync::Notify;

use super::support::{Calls, DONE, Run, Spec, counting, within_reason};

fn claim(run: &Run, index: u64, record: &str) -> Claim {
    let now = run.clock.timestamp();
    Claim {
        segment: run.execution_id.segment(index),
        generation: 1,
        record: record.to_owned(),
        claim_id: format!("{record} at {now}"),
        max_attempts: 2,
        now,
        lease_until: now.plus(TimeDelta::seconds(100)),
    }
}

/// Claims the segment for a worker that is never heard of again.
async fn claim_and_die(run: &Run, record: &str) {
    let outcome = run.table.execute(&claim(run, 0, record)).await.unwrap();
    assert!(matches!(outcome, ClaimOutcome::Claimed(_)), "{outcome:?}");
}

#[tokio::test]
async fn a_worker_that_died_between_finish_and_tally_is_counted_once() {
    let run = Run::new().await;
    claim_and_die(&run, "shardId-000000000000:1").await;
    let counts = Counts { item_count: 3, ..Counts::default() };
    let finish = Finish {
        segment: run.execution_id.segment(0),
        generation: 1,
        attempt: 1,
        now: run.clock.timestamp(),
        ending: Ending::Succeeded { counts, result: None },
        failures: Vec::new(),
    };
    assert!(matches!(run.table.execute(&finish).await.unwrap(), FinishOutcome::Finished(_)));
    assert_eq!(run.tally().await.pending, 2);

    let calls = Calls::default();
    let worker = run.worker(counting(&calls));
    for sequence_number in ["1", "1", "2"] {
        assert_eq!(run.hand(&worker, 0, sequence_number).await, DONE);
        let tally = run.tally().await;
        assert_eq!((tally.pending, tally.counts.item_count), (1, 3));
    }
    assert_eq!(calls.made(), 0);
}

#[tokio::test]
async fn a_worker_that_died_at_work_loses_its_segment_to_its_own_record() {
    let run = Run::new().await;
    claim_and_die(&run, "shardId-000000000000:1").await;
    let calls = Calls::default();
    assert_eq!(run.hand(&run.worker(counting(&calls)), 0, "1").await, DONE);
    let row = run.segment(0).await;
    assert_eq!((row.status, row.attempt, calls.made()), (SegmentStatus::Succeeded, 2, 1));
}

#[tokio::test]
async fn a_duplicate_of_a_segment_at_work_is_acknowledged() {
    let run = Run::new().await;
    let calls = Calls::default();
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (counted, begins, goes_on) = (calls.clone(), Arc::clone(&begun), Arc::clone(&go_on));
    let worker = run.worker(work(move |segment: Segment<Spec>, _| {
        counted.add();
        let (begins, goes_on) = (Arc::clone(&begins), Arc::clone(&goes_on));
        async move {
            begins.notify_one();
            goes_on.notified().await;
            Ok(Output::items(segment.spec.rows))
        }
    }));
    let first = run.hand(&worker, 0, "1");
    let second = async {
        begun.notified().await;
        let answer = run.hand(&worker, 0, "2").await;
        go_on.notify_one();
        answer
    };
    assert_eq!(within_reason(join(first, second)).await, (DONE, DONE));
    assert_eq!((calls.made(), run.tally().await.counts.item_count), (1, 3));
}

#[tokio::test]
async fn a_repeated_record_of_a_finished_segment_changes_nothing() {
    let run = Run::new().await;
    let calls = Calls::default();
    let worker = run.worker(counting(&calls));
    assert_eq!(run.hand(&worker, 0, "1").await, DONE);
    let (row, tally) = (run.segment(0).await, run.tally().await);
    assert_eq!(run.hand(&worker, 0, "1").await, DONE);
    assert_eq!(run.hand(&worker, 0, "2").await, DONE);
    assert_eq!((run.segment(0).await, run.tally().await, calls.made()), (row, tally, 1));
}

#[tokio::test]
async fn a_worker_whose_claim_was_taken_over_records_nothing() {
    let run = Run::new().await;
    let (table, clock) = (run.table.clone(), run.clock.clone());
    run.clock.advance(TimeDelta::hours(1));
    let takeover = claim(&run, 0, "another");
    run.clock.advance(TimeDelta::hours(-1));
    let worker = run.worker(work(move |_: Segment<Spec>, _| {
        let (table, clock, takeover) = (table.clone(), clock.clone(), takeover.clone());
        async move {
            clock.advance(TimeDelta::hours(1));
            assert!(matches!(table.execute(&takeover).await.unwrap(), ClaimOutcome::Claimed(_)));
            Ok(Output::items(1))
        }
    }));
    assert_eq!(run.hand(&worker, 0, "1").await, DONE);
    let row = run.segment(0).await;
    assert_eq!((row.status, row.attempt, row.claimed_by.as_deref()), (SegmentStatus::Running, 2, Some("another")));
    assert_eq!(run.tally().await.pending, 2);
}

#[tokio::test]
async fn the_last_attempt_that_ended_without_a_word_is_recorded_as_lost() {
    let run = Run::new().await;
    claim_and_die(&run, "a").await;
    run.clock.advance(TimeDelta::hours(1));
    claim_and_die(&run, "b").await;
    run.clock.advance(TimeDelta::hours(1));
    let calls = Calls::default();
    assert_eq!(run.hand(&run.worker(counting(&calls)), 0, "3").await, DONE);
    let row = run.segment(0).await;
    let error = row.error.unwrap();
    assert_eq!((row.status, error.kind, calls.made()), (SegmentStatus::Failed, ErrorKind::WorkerLost, 0));
    assert!(error.message.starts_with("attempt 2 of 2 ended without an outcome"), "{}", error.message);
    assert!(run.tally().await.failed.contains(0));
}

#[tokio::test(start_paused = true)]
async fn work_is_not_repeated_because_an_answer_was_lost() {
    let run = Run::new().await;
    let calls = Calls::default();
    // The first request is the claim; the second and third record the end.
    let worker = run.worker_losing(2..=3, counting(&calls));
    assert_eq!(run.hand(&worker, 0, "1").await, DONE);
    let tally = run.tally().await;
    assert_eq!((calls.made(), tally.pending, tally.counts.item_count), (1, 1, 3));
}

#[tokio::test(start_paused = true)]
async fn a_record_comes_again_when_its_end_may_not_be_recorded() {
    let run = Run::new().await;
    let calls = Calls::default();
    let worker = run.worker_losing(2..=6, counting(&calls));
    assert_eq!(run.hand(&worker, 0, "1").await, ["1"]);
    assert_eq!(run.tally().await.pending, 2);
    assert_eq!(run.hand(&worker, 0, "1").await, DONE);
    let tally = run.tally().await;
    assert_eq!((calls.made(), tally.pending, tally.counts.item_count), (1, 1, 3));
}

#[tokio::test]
async fn a_lost_claim_or_tally_brings_the_record_back() {
    for lost in [1, 3] {
        let run = Run::new().await;
        let worker = run.worker_losing(lost..=lost, counting(&Calls::default()));
        assert_eq!(run.hand(&worker, 0, "1").await, ["1"]);
        assert_eq!(run.hand(&worker, 0, "1").await, DONE);
        assert_eq!(run.tally().await.counts.item_count, 3);
    }
}
