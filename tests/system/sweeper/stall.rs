//! Executions that stall, and those that do not.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use control_table::operation::{ClaimOutcome, Fold, FoldOutcome};
use control_table::policy::Policy;
use control_table::rows::{ErrorKind, ExecutionStatus, SegmentStatus};
use engine::sweep::SweepReport;
use futures::future::join;

use super::world::{LONG, PATIENCE, Run, World};

/// The lease of a worker that is lost soon.
const SHORT: TimeDelta = TimeDelta::minutes(1);

async fn assert_completed(world: &World, run: &Run, status: ExecutionStatus) {
    let row = run.row().await;
    assert_eq!((row.status, row.published_generation, row.due), (status, 1, None));
    assert_eq!(world.bus.event().execution_id, run.id);
    world.advance(LONG);
    world.sweep_idle().await;
    assert_eq!(world.bus.events().len(), 1);
}

#[tokio::test]
async fn lost_records_and_lost_workers_get_records_again() {
    let world = World::new().await;
    let run = world.run(4).await;
    run.claim(0, "lost", SHORT).await;
    run.claim(1, "at work", LONG).await;
    run.wait_for_retry(3, LONG).await;

    let report = world.sweep_after_standstill().await;
    assert_eq!(report, SweepReport { due: 1, records_put: 2, ..SweepReport::default() });
    assert_eq!(world.put().await, [run.id.segment(0), run.id.segment(2)]);
    // Nothing is taken from the rows themselves: the worker that gets the record takes the segment over.
    let row = run.segment(0).await;
    assert_eq!((row.status, row.attempt), (SegmentStatus::Running, 1));
    assert_eq!(run.claim(0, "the record again", LONG).await, 2);
    let busy = world.table.execute(&run.claim_of(1, "another", LONG)).await.unwrap();
    assert!(matches!(busy, ClaimOutcome::Leased { .. }), "{busy:?}");
    // And not before the patience is over again.
    world.sweep_idle().await;
}

#[tokio::test]
async fn a_lease_that_runs_out_later_is_seen_later() {
    let world = World::new().await;
    let run = world.run(1).await;
    run.claim(0, "at work", PATIENCE * 2 + SHORT).await;
    assert_eq!(world.sweep_after_standstill().await, SweepReport { due: 1, ..SweepReport::default() });
    world.advance(PATIENCE);
    assert_eq!(world.sweep().await.records_put, 1);
    assert_eq!(world.put().await, [run.id.segment(0)]);
}

#[tokio::test]
async fn a_worker_lost_in_the_last_attempt_fails_its_segment() {
    let world = World::new().await;
    let run = world.run_with(2, Policy { max_attempts: 1, ..Policy::default() }).await;
    run.claim(0, "lost", SHORT).await;
    assert_eq!(run.succeed(1, 3).await, 1);

    let report = world.sweep_after_standstill().await;
    let expected = SweepReport { due: 1, given_up: 1, tallied: 1, folded: 1, published: 1, ..SweepReport::default() };
    assert_eq!(report, expected);
    let row = run.segment(0).await;
    let error = row.error.unwrap();
    assert_eq!((row.status, error.kind), (SegmentStatus::Failed, ErrorKind::WorkerLost));
    assert!(error.message.starts_with("attempt 1 of 1 ended without an outcome"), "{}", error.message);
    let event = world.bus.event();
    assert_eq!((event.succeeded, event.failed, event.item_count, event.attempts), (1, 1, 3, 2));
    assert_eq!(world.put().await, []);
    assert_completed(&world, &run, ExecutionStatus::Failed).await;
}

#[tokio::test]
async fn a_lost_record_is_found_though_its_execution_makes_progress() {
    let world = World::new().await;
    let run = world.run(10).await;
    run.succeed(0, 1).await;
    world.advance(PATIENCE);
    let (sweeper, requests) = world.counted_sweeper();
    let report = sweeper.sweep(world.deadline()).await.unwrap();
    assert_eq!(report, SweepReport { due: 1, ..SweepReport::default() });
    // The due index; the execution, by the sweeper and as it is finalized; its tallies; the note.
    let expected = [("BatchGetItem", 1), ("GetItem", 2), ("Query", 32), ("UpdateItem", 1)];
    assert_eq!(requests.made(), BTreeMap::from(expected.map(|(name, count)| (name.to_owned(), count))));
    let mut put = Vec::new();
    for index in 1..10 {
        run.succeed(index, 1).await;
        world.advance(PATIENCE);
        put.push(world.sweep().await.records_put);
    }
    // After 10 minutes those without a worker, and after twice that again.
    assert_eq!(put, [8, 0, 0, 0, 4, 0, 0, 0, 0]);
}

#[tokio::test]
async fn what_is_not_due_costs_only_the_question() {
    let world = World::new().await;
    for segments in [300, 1, 0] {
        world.run(segments).await;
    }
    world.advance(PATIENCE - TimeDelta::milliseconds(1));
    let (sweeper, requests) = world.counted_sweeper();
    assert_eq!(sweeper.sweep(world.deadline()).await.unwrap(), SweepReport::default());
    assert_eq!(requests.made(), BTreeMap::from([("Query".to_owned(), 32)]));
}

#[tokio::test]
async fn only_unfinished_groups_are_walked_through() {
    let world = World::new().await;
    let run = world.run(128 + 128 + 1).await;
    for index in 0..256 {
        run.succeed(index, 1).await;
    }
    world.advance(PATIENCE);
    world.sweep().await;
    world.advance(PATIENCE);
    let (sweeper, requests) = world.counted_sweeper();
    let report = sweeper.sweep(world.deadline()).await.unwrap();
    assert_eq!(report, SweepReport { due: 1, records_put: 1, folded: 2, ..SweepReport::default() });
    assert_eq!(world.put().await, [run.id.segment(256)]);
    assert_eq!(requests.made()["Query"], 32 + 1);
}

#[tokio::test]
async fn a_finished_segment_that_was_not_counted_is_counted() {
    let world = World::new().await;
    let run = world.run(2).await;
    run.succeed(0, 3).await;
    run.finish(1, 5).await;

    let report = world.sweep_after_standstill().await;
    assert_eq!(report, SweepReport { due: 1, tallied: 1, folded: 1, published: 1, ..SweepReport::default() });
    let tallies = run.tallies().await;
    assert_eq!((tallies[0].pending, tallies[0].counts.item_count, tallies[0].attempts), (0, 8, 2));
    let event = world.bus.event();
    assert_eq!((event.succeeded, event.item_count, event.duration_ms), (2, 8, 14));
    assert_completed(&world, &run, ExecutionStatus::Succeeded).await;
}

#[tokio::test]
async fn a_counted_segment_is_not_counted_again() {
    let world = World::new().await;
    let run = world.run(2).await;
    run.succeed(0, 3).await;
    let report = world.sweep_after_standstill().await;
    assert_eq!(report, SweepReport { due: 1, records_put: 1, ..SweepReport::default() });
    assert_eq!(run.tallies().await[0].counts.item_count, 3);
}

#[tokio::test]
async fn a_finished_tally_whose_stream_record_was_lost_is_folded() {
    let world = World::new().await;
    let run = world.run(129).await;
    for index in 0..129 {
        run.succeed(index, 1).await;
    }
    // The gather heard of the first group only.
    let tallies = vec![run.tallies().await.remove(0)];
    let fold = Fold { execution_id: run.id, generation: 1, tallies };
    assert_eq!(world.table.execute(&fold).await.unwrap(), FoldOutcome::Folded(1));

    let report = world.sweep_after_standstill().await;
    assert_eq!(report, SweepReport { due: 1, folded: 1, published: 1, ..SweepReport::default() });
    let event = world.bus.event();
    assert_eq!((event.succeeded, event.item_count, event.attempts), (129, 129, 129));
    assert_completed(&world, &run, ExecutionStatus::Succeeded).await;
}

#[tokio::test]
async fn one_that_can_be_completed_is_completed_at_the_first_look() {
    let world = World::new().await;
    let run = world.run(1).await;
    run.succeed(0, 1).await;
    let fold = Fold { execution_id: run.id, generation: 1, tallies: run.tallies().await };
    assert_eq!(world.table.execute(&fold).await.unwrap(), FoldOutcome::Folded(1));
    world.advance(PATIENCE);
    assert_eq!(world.sweep().await, SweepReport { due: 1, published: 1, ..SweepReport::default() });
    assert_completed(&world, &run, ExecutionStatus::Succeeded).await;
}

#[tokio::test]
async fn two_sweepers_at_once_count_once() {
    let world = World::new().await;
    let run = world.run_with(2, Policy { max_attempts: 1, ..Policy::default() }).await;
    run.claim(0, "lost", SHORT).await;
    run.finish(1, 3).await;
    world.advance(PATIENCE);
    world.sweep().await;
    world.advance(PATIENCE);
    let (one, other) = (world.sweeper(), world.sweeper());
    let both = join(one.sweep(world.deadline()), other.sweep(world.deadline()));
    let (one, other) = Box::pin(both).await;
    assert_eq!((one.unwrap().failed, other.unwrap().failed), (0, 0));
    let row = run.row().await;
    assert_eq!((row.status, row.published_generation, row.due), (ExecutionStatus::Failed, 1, None));
    assert_eq!((row.succeeded, row.failed, row.attempts, row.counts.item_count), (1, 1, 2, 3));
    let events = world.bus.events();
    assert!(!events.is_empty() && events.iter().all(|event| *event == events[0]), "{events:?}");
}

#[tokio::test]
async fn no_segments_at_all_is_a_result() {
    let world = World::new().await;
    let run = world.run(0).await;
    world.advance(PATIENCE);
    assert_eq!(world.sweep().await, SweepReport { due: 1, published: 1, ..SweepReport::default() });
    assert_eq!(world.bus.event().segments, 0);
    assert_completed(&world, &run, ExecutionStatus::Succeeded).await;
}
