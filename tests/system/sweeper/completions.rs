//! Completions that were not published, and a bus that fails.

use chrono::TimeDelta;
use control_table::message::CompletionEvent;
use control_table::operation::{Complete, CompleteOutcome};
use control_table::policy::Policy;
use control_table::rows::ExecutionStatus;
use engine::sweep::SweepReport;

use super::world::{PATIENCE, Run, World, numbers};

/// An execution that was completed, and whose event was not published; due soon.
async fn unpublished(world: &World) -> Run {
    let run = world.run(0).await;
    complete(world, &run).await;
    run
}

const SOON: TimeDelta = TimeDelta::minutes(1);

async fn complete(world: &World, run: &Run) {
    let seen = Box::new(run.row().await);
    let complete = Complete { seen, generation: 1, now: world.now(), due_at: world.now().plus(SOON) };
    let outcome = world.table.execute(&complete).await.unwrap();
    assert!(matches!(outcome, CompleteOutcome::Completed(_)), "{outcome:?}");
}

#[tokio::test]
async fn an_unpublished_one_is_published_once() {
    let world = World::new().await;
    let run = unpublished(&world).await;
    world.sweep_idle().await;

    world.advance(SOON);
    let before = run.row().await;
    assert_eq!(world.sweep().await, SweepReport { due: 1, published: 1, ..SweepReport::default() });
    assert_eq!(world.bus.event(), CompletionEvent::of(&before).unwrap());
    let row = run.row().await;
    assert_eq!((row.status, row.published_generation, row.due), (ExecutionStatus::Succeeded, 1, None));
    assert_eq!(row.finished_at, before.finished_at);

    world.advance(PATIENCE);
    world.sweep_idle().await;
    assert_eq!(world.bus.events().len(), 1);
}

#[tokio::test]
async fn a_bus_that_fails_leaves_it_due_later_and_holds_up_no_other() {
    let world = World::new().await;
    let stuck = unpublished(&world).await;
    world.bus.refuse(stuck.id);
    world.advance(TimeDelta::seconds(1));
    // In the same partition and behind it, one of each kind that is looked after.
    let published = world.run_beside(&stuck, 0).await;
    complete(&world, &published).await;
    let scattering = world.open(numbers(1), 1, Policy::default()).await;
    let retried = world.run(1).await;
    retried.wait_for_retry(0, SOON).await;

    world.advance(PATIENCE);
    let report = world.sweep().await;
    assert_eq!(report.failed, 1, "{report:?}");
    assert_eq!((report.published, report.scatters_resumed, report.records_put), (1, 1, 1));
    assert_eq!(world.bus.event().execution_id, published.id);
    assert_eq!(scattering.row().await.status, ExecutionStatus::Running);
    let row = stuck.row().await;
    assert_eq!((row.status, row.published_generation), (ExecutionStatus::Succeeded, 0));
    assert_eq!(row.due.unwrap().due_at, world.now().plus(PATIENCE));
    world.sweep_idle().await;

    world.bus.work_again();
    world.advance(PATIENCE);
    let report = world.sweep().await;
    assert_eq!((report.published, report.failed), (1, 0), "{report:?}");
    let events = world.bus.events();
    assert_eq!(events[1..], [CompletionEvent::of(&row).unwrap()]);
}

/// The completion is made, and the bus fails right after it: the moment that the completion set holds.
#[tokio::test]
async fn a_bus_that_fails_as_it_completes_is_tried_again_soon() {
    let world = World::new().await;
    let run = world.run(1).await;
    run.succeed(0, 4).await;
    world.bus.refuse(run.id);
    let report = world.sweep_after_standstill().await;
    assert_eq!((report.folded, report.published, report.failed), (1, 0, 1));
    let row = run.row().await;
    assert_eq!((row.status, row.published_generation), (ExecutionStatus::Succeeded, 0));
    assert_eq!(row.due.unwrap().due_at, world.now().plus(SOON));

    world.bus.work_again();
    world.advance(SOON);
    assert_eq!(world.sweep().await, SweepReport { due: 1, published: 1, ..SweepReport::default() });
    assert_eq!(world.bus.event(), CompletionEvent::of(&row).unwrap());
}
