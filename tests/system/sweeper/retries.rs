//! Segments that wait for a retry.

use chrono::TimeDelta;
use control_table::message::SegmentRecord;
use control_table::operation::ClaimOutcome;
use control_table::rows::SegmentStatus;
use control_table::trace::TraceContext;
use engine::sweep::SweepReport;
use serde_json::json;

use super::world::{LONG, PATIENCE, TRACE, World, number};

const WAIT: TimeDelta = TimeDelta::seconds(30);

fn retried(count: u64) -> SweepReport {
    SweepReport { due: count, records_put: count, ..SweepReport::default() }
}

#[tokio::test]
async fn is_put_again_once_at_its_moment_and_moved_on() {
    let world = World::new().await;
    let run = world.run(2).await;
    run.wait_for_retry(1, WAIT).await;

    world.advance(WAIT - TimeDelta::milliseconds(1));
    world.sweep_idle().await;
    assert_eq!(world.put().await, []);

    world.advance(TimeDelta::milliseconds(1));
    assert_eq!(world.sweep().await, retried(1));
    world.sweep_idle().await;
    let row = run.row().await;
    let expected = SegmentRecord {
        execution_id: run.id,
        job: row.job,
        key: row.key,
        generation: 1,
        index: 1,
        total: Some(2),
        spec: number(1),
        parameters: json!({ "greeting": "hello" }),
        policy: row.policy,
        trace: TraceContext::from_header(TRACE),
    };
    assert_eq!(world.records().await, [expected]);
    let segment = run.segment(1).await;
    assert_eq!((segment.status, segment.attempt), (SegmentStatus::Pending, 1));
    assert_eq!(segment.due.unwrap().due_at, world.now().plus(PATIENCE));
    assert_eq!(run.claim(1, "the retry", LONG).await, 2);
}

#[tokio::test]
async fn whose_record_is_lost_is_put_again_after_the_patience() {
    let world = World::new().await;
    let run = world.run(1).await;
    run.wait_for_retry(0, WAIT).await;
    world.advance(WAIT);
    assert_eq!(world.sweep().await, retried(1));
    world.advance(PATIENCE);
    let report = world.sweep().await;
    // The execution is due for the first time, too.
    assert_eq!((report.due, report.records_put), (2, 1));
    assert_eq!(world.put().await, [run.id.segment(0); 2]);
}

#[tokio::test]
async fn many_are_put_together() {
    let world = World::new().await;
    let run = world.run(20).await;
    for index in 0..20 {
        run.wait_for_retry(index, WAIT).await;
    }
    world.advance(WAIT);
    let (sweeper, requests) = world.counted_sweeper();
    assert_eq!(sweeper.sweep(world.deadline()).await.unwrap(), retried(20));
    assert_eq!(world.put().await, (0..20).map(|index| run.id.segment(index)).collect::<Vec<_>>());
    let made = requests.made();
    // Eight partitions of each kind are asked. The segments of each are read together, with execution and plan, and moved on each.
    assert_eq!((made["Query"], made["BatchGetItem"], made["GetItem"], made["UpdateItem"]), (32, 8, 8 * 2, 20));

}

#[tokio::test]
async fn that_was_claimed_before_is_left_alone() {
    let world = World::new().await;
    let run = world.run(1).await;
    run.wait_for_retry(0, WAIT).await;
    world.advance(WAIT);
    run.claim(0, "the record again", LONG).await;
    let before = run.segment(0).await;
    world.sweep_idle().await;
    assert_eq!((run.segment(0).await, world.put().await), (before, vec![]));
}

/// The sweeper has seen the segment in the due index, and has not read it yet.
#[tokio::test]
async fn that_is_claimed_before_it_is_read_is_left_alone() {
    let (before, put) = claim_just_before("BatchGetItem").await;
    assert_eq!((before, put), (SweepReport { due: 1, ..SweepReport::default() }, 0));
}

/// A record of its own is on the stream all the same, which is harmless; but the claimed row must not be moved.
#[tokio::test]
async fn that_is_claimed_before_its_record_is_put_is_not_moved() {
    assert_eq!(claim_just_before("PutRecords").await, (retried(1), 1));
}

#[tokio::test]
async fn that_is_claimed_before_it_is_moved_is_not_moved() {
    assert_eq!(claim_just_before("UpdateItem").await, (retried(1), 1));
}

/// What the sweeper reports, and how many records it put. The row is as the worker left it.
async fn claim_just_before(operation: &'static str) -> (SweepReport, usize) {
    let world = World::new().await;
    let run = world.run(1).await;
    run.wait_for_retry(0, WAIT).await;
    world.advance(WAIT);
    let (table, claim) = (world.table.clone(), run.claim_of(0, "the record again", LONG));
    let sweeper = world.sweeper_interrupted(operation, async move {
        assert!(matches!(table.execute(&claim).await.unwrap(), ClaimOutcome::Claimed(_)));
    });
    let report = sweeper.sweep(world.deadline()).await.unwrap();
    let row = run.segment(0).await;
    assert_eq!((row.status, row.attempt, row.due), (SegmentStatus::Running, 2, None));
    (report, world.put().await.len())
}
