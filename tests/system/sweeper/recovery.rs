//! A restart of the local runner: the stream is empty, and no worker lives.

use control_table::id::ExecutionId;
use control_table::message::CompletionEvent;
use control_table::operation::{Complete, CompleteOutcome};
use control_table::policy::Policy;
use control_table::rows::{ExecutionStatus, SegmentStatus};
use engine::sweep::SweepReport;

use super::world::{LONG, World, numbers};

#[tokio::test]
async fn takes_segments_back_and_puts_what_is_unfinished_even_after_the_last_attempt() {
    let world = World::new().await;
    let run = world.run_with(5, Policy { max_attempts: 2, ..Policy::default() }).await;
    run.claim(0, "in its first attempt", LONG).await;
    run.wait_for_retry(1, chrono::TimeDelta::zero()).await;
    assert_eq!(run.claim(1, "in its last attempt", LONG).await, 2);
    run.finish(3, 7).await;
    run.wait_for_retry(4, LONG).await;

    let sweeper = world.sweeper();
    assert_eq!(sweeper.open_executions().await.unwrap(), [run.id]);
    let report = sweeper.recover(run.id, world.deadline()).await.unwrap();
    assert_eq!(report, SweepReport { records_put: 3, tallied: 1, ..SweepReport::default() });
    // The retry waits for its moment: it is in the due index.
    assert_eq!(world.put().await, [0, 1, 2].map(|index| run.id.segment(index)));
    for (index, attempt) in [(0, 1), (1, 2)] {
        let row = run.segment(index).await;
        assert_eq!((row.status, row.attempt, row.lease_until), (SegmentStatus::Pending, attempt, None));
        assert_eq!(run.claim(index, "after the restart", LONG).await, attempt + 1);
    }
    assert_eq!(run.tallies().await[0].counts.item_count, 7);
}

#[tokio::test]
async fn twice_in_a_row_counts_nothing_twice() {
    let world = World::new().await;
    let run = world.run(2).await;
    run.finish(0, 7).await;
    run.claim(1, "lost", LONG).await;
    for tallied in [1, 0] {
        let report = world.sweeper().recover(run.id, world.deadline()).await.unwrap();
        assert_eq!((report.tallied, report.records_put), (tallied, 1));
    }
    assert_eq!((run.tallies().await[0].pending, run.segment(1).await.attempt), (1, 1));
}

#[tokio::test]
async fn completes_what_only_waited_for_its_bookkeeping() {
    let world = World::new().await;
    let run = world.run(130).await;
    for index in 0..129 {
        run.succeed(index, 1).await;
    }
    run.finish(129, 1).await;
    let sweeper = world.sweeper();
    let report = sweeper.recover(run.id, world.deadline()).await.unwrap();
    assert_eq!(report, SweepReport { tallied: 1, folded: 2, published: 1, ..SweepReport::default() });
    let event = world.bus.event();
    assert_eq!((event.status, event.succeeded, event.item_count), (ExecutionStatus::Succeeded, 130, 130));
    assert_eq!(sweeper.open_executions().await.unwrap(), []);
    let again = sweeper.recover(run.id, world.deadline()).await.unwrap();
    assert_eq!((again, world.bus.events().len()), (SweepReport::default(), 1));
}

#[tokio::test]
async fn goes_on_with_a_scatter() {
    let world = World::new().await;
    let run = world.open(numbers(200), 200, Policy::default()).await;
    run.add_number_group(0, 128).await;
    run.claim(5, "lost", LONG).await;
    let report = world.sweeper().recover(run.id, world.deadline()).await.unwrap();
    assert_eq!((report.scatters_resumed, report.records_put), (1, 128));
    assert_eq!(run.row().await.status, ExecutionStatus::Running);
    let mut put = world.put().await;
    put.dedup();
    assert_eq!(put, (0..200).map(|index| run.id.segment(index)).collect::<Vec<_>>());
    assert_eq!(run.segment(5).await.status, SegmentStatus::Pending);
}

#[tokio::test]
async fn publishes_what_was_complete() {
    let world = World::new().await;
    let run = world.run(0).await;
    let seen = Box::new(run.row().await);
    let complete = Complete { seen, generation: 1, now: world.now(), due_at: world.now().plus(LONG) };
    let CompleteOutcome::Completed(row) = world.table.execute(&complete).await.unwrap() else {
        panic!("it was complete");
    };
    let sweeper = world.sweeper();
    assert_eq!(sweeper.open_executions().await.unwrap(), [run.id]);
    let report = sweeper.recover(run.id, world.deadline()).await.unwrap();
    assert_eq!(report, SweepReport { published: 1, ..SweepReport::default() });
    assert_eq!(world.bus.event(), CompletionEvent::of(&row).unwrap());
    assert_eq!(sweeper.open_executions().await.unwrap(), []);
}

#[tokio::test]
async fn a_bus_that_fails_leaves_it_open() {
    let world = World::new().await;
    let run = world.run(1).await;
    run.succeed(0, 1).await;
    world.bus.refuse(run.id);
    let sweeper = world.sweeper();
    sweeper.recover(run.id, world.deadline()).await.unwrap_err();
    assert_eq!(sweeper.open_executions().await.unwrap(), [run.id]);
    world.bus.work_again();
    sweeper.recover(run.id, world.deadline()).await.unwrap();
    assert_eq!(world.bus.event().succeeded, 1);
}

#[tokio::test]
async fn of_what_is_not_there_does_nothing() {
    let world = World::new().await;
    let id: ExecutionId = "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b".parse().unwrap();
    let report = world.sweeper().recover(id, world.deadline()).await.unwrap();
    assert_eq!(report, SweepReport::default());
}
