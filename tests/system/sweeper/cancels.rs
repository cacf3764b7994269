//! Executions that an operator cancels.

use control_table::id::ExecutionId;
use control_table::operation::{Cancel, CheckpointStep, Ending, Finish, FinishOutcome};
use control_table::rows::{Counts, ExecutionStatus, SegmentStatus, Stop};
use engine::EngineError;

use super::world::{LONG, PATIENCE, World};

#[tokio::test]
async fn one_ends_cancelled_with_the_counts_of_what_was_done() {
    let world = World::new().await;
    let run = world.run(130).await;
    run.succeed(0, 5).await;
    run.finish(1, 7).await;
    let attempt = run.claim(129, "a record", LONG).await;

    let report = world.sweeper().cancel(run.id, Stop::Requested, world.deadline()).await.unwrap();
    assert_eq!((report.cancelled, report.finished, report.was_complete), (128, true, false));
    let event = world.bus.event();
    assert_eq!(event.status, ExecutionStatus::Cancelled);
    assert_eq!((event.succeeded, event.cancelled, event.failed, event.item_count), (2, 128, 0, 12));
    let tallies = run.tallies().await;
    assert!(tallies.iter().all(|tally| tally.pending == 0));

    // The worker that had it is fenced off.
    let ending = Ending::Succeeded { counts: Counts::default(), result: None };
    let finish =
        Finish { segment: run.id.segment(129), generation: 1, attempt, now: world.now(), ending, failures: Vec::new() };
    assert!(matches!(world.table.execute(&finish).await.unwrap(), FinishOutcome::Lost(_)));
    assert_eq!(run.segment(129).await.status, SegmentStatus::Cancelled);

    let again = world.sweeper().cancel(run.id, Stop::Requested, world.deadline()).await.unwrap();
    assert!(again.was_complete && again.cancelled == 0);
    world.bus.event();
}

#[tokio::test]
async fn one_whose_cancel_was_interrupted_is_gone_on_with() {
    let world = World::new().await;
    let run = world.run(200).await;
    run.succeed(3, 1).await;
    // No time for any group.
    let report = world.sweeper().cancel(run.id, Stop::Requested, world.now().to_datetime()).await.unwrap();
    assert!(!report.finished);
    assert_eq!(run.row().await.status, ExecutionStatus::Cancelling);
    // At once: the caller has left it to the sweeper.
    assert_eq!(world.sweep().await.resumed, 1);
    let event = world.bus.event();
    assert_eq!((event.status, event.succeeded, event.cancelled), (ExecutionStatus::Cancelled, 1, 199));
    world.sweep_idle().await;
}

#[tokio::test]
async fn one_that_is_still_scattered_takes_no_group_any_more() {
    let world = World::new().await;
    let run = world.open(super::world::numbers(300), 300, control_table::policy::Policy::default()).await;
    run.add_number_group(0, 128).await;
    world.sweeper().cancel(run.id, Stop::Requested, world.deadline()).await.unwrap();
    let event = world.bus.event();
    assert_eq!((event.status, event.segments, event.cancelled), (ExecutionStatus::Cancelled, 128, 128));
    world.advance(PATIENCE);
    world.sweep_idle().await;
}

#[tokio::test]
async fn one_that_does_not_exist_is_an_error() {
    let world = World::new().await;
    let id = ExecutionId::new(uuid::Uuid::from_u128(9));
    let error = world.sweeper().cancel(id, Stop::Requested, world.deadline()).await.unwrap_err();
    assert!(matches!(error, EngineError::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn one_whose_caller_was_killed_is_taken_over_when_its_lease_is_over() {
    let world = World::new().await;
    let run = world.run(200).await;
    let lease = engine::Settings::default().step_lease;
    let (execution_id, generation, due_at) = (run.id, 1, world.now().plus(lease));
    let begun = Cancel { execution_id, generation, reason: Stop::Requested, due_at };
    world.table.execute(&begun).await.unwrap();
    let status = ExecutionStatus::Cancelling;
    world.table.execute(&CheckpointStep { execution_id, generation, status, cursor: 0, due_at }).await.unwrap();
    world.sweep_idle().await;
    world.advance(lease);
    assert_eq!(world.sweep().await.resumed, 1);
    assert_eq!(world.bus.event().cancelled, 200);
}

#[tokio::test]
async fn one_that_is_being_redriven_is_cancelled_after_that() {
    let world = World::new().await;
    let run = world.run(2).await;
    run.succeed(0, 1).await;
    run.fail(1).await;
    world.sweep_after_standstill().await;
    let selection = control_table::rows::Selection::unsuccessful();
    world.sweeper().redrive(run.id, selection, world.now().to_datetime()).await.unwrap();
    let report = world.sweeper().cancel(run.id, Stop::Requested, world.deadline()).await.unwrap();
    assert!(report.is_queued && !report.finished, "{report:?}");
    assert_eq!(run.row().await.status, ExecutionStatus::Redriving);
    assert_eq!(world.sweep().await.resumed, 1, "the redrive");
    assert_eq!(run.row().await.status, ExecutionStatus::Cancelling);
    assert_eq!(world.sweep().await.resumed, 1, "the cancel");
    let event = world.bus.events().pop().unwrap();
    assert_eq!((event.status, event.generation), (ExecutionStatus::Cancelled, 2));
    assert_eq!((event.succeeded, event.cancelled), (1, 1));
}
