//! Executions whose failed segments are requeued.

use chrono::TimeDelta;
use control_table::policy::Policy;
use control_table::rows::{ExecutionStatus, SegmentStatus, Selection, Stop};
use engine::{EngineError, Refusal};

use super::world::{Run, World};

/// An execution of 130 segments in two groups, complete and published: 1 and 129 failed, the others counted an item each.
async fn failed(world: &World) -> Run {
    failed_with(world, Policy::default()).await
}

async fn failed_with(world: &World, policy: Policy) -> Run {
    let run = world.run_with(130, policy).await;
    for index in 0..130 {
        if index == 1 || index == 129 {
            run.fail(index).await;
        } else {
            run.succeed(index, 1).await;
        }
    }
    world.sweep_after_standstill().await;
    let event = world.bus.event();
    assert_eq!((event.status, event.failed, event.item_count), (ExecutionStatus::Failed, 2, 128));
    run
}

fn all() -> Selection {
    Selection::unsuccessful()
}

#[tokio::test]
async fn only_what_failed_runs_again_and_the_second_event_has_the_sums_of_all() {
    let world = World::new().await;
    let mut run = failed(&world).await;
    let before = world.put().await;
    let report = world.sweeper().redrive(run.id, all(), world.deadline()).await.unwrap();
    assert_eq!((report.generation, report.segments, report.finished), (2, 2, true));
    let row = run.row().await;
    assert_eq!((row.status, row.generation, row.groups_done), (ExecutionStatus::Running, 2, 0));
    let records = world.records().await;
    let put: Vec<_> = records[before.len()..].iter().map(|record| (record.index, record.generation)).collect();
    assert_eq!(put, [(1, 2), (129, 2)]);

    run.generation = 2;
    run.succeed(1, 10).await;
    run.succeed(129, 10).await;
    world.sweep_after_standstill().await;
    let events = world.bus.events();
    assert_eq!(events.len(), 2);
    let event = &events[1];
    assert_eq!((event.generation, event.status), (2, ExecutionStatus::Succeeded));
    assert_eq!((event.succeeded, event.failed, event.item_count, event.attempts), (130, 0, 148, 130));
    assert_ne!(event.event_id, events[0].event_id);
    world.sweep_idle().await;
}

#[tokio::test]
async fn one_that_is_interrupted_anywhere_is_gone_on_with_by_the_sweeper_or_by_a_repeat() {
    for operation in ["TransactWriteItems", "UpdateItem", "PutRecords"] {
        let world = World::new().await;
        let mut run = failed(&world).await;
        // The caller's time is up at once: it has begun, and nothing more.
        let report = world.sweeper().redrive(run.id, all(), world.now().to_datetime()).await.unwrap();
        assert!(!report.finished);
        assert_eq!(run.row().await.status, ExecutionStatus::Redriving);
        // Another one does the whole of it while this one is at its first request of that kind.
        let (other, id, deadline) = (world.sweeper(), run.id, world.deadline());
        let slow = world.sweeper_interrupted(operation, async move {
            other.redrive(id, all(), deadline).await.unwrap();
        });
        slow.redrive(run.id, all(), deadline).await.unwrap();
        let row = run.row().await;
        assert_eq!((row.status, row.generation, row.groups_done), (ExecutionStatus::Running, 2, 0), "{operation}");
        run.generation = 2;
        run.succeed(1, 1).await;
        run.succeed(129, 1).await;
        world.sweep_after_standstill().await;
        let event = world.bus.events().pop().unwrap();
        assert_eq!((event.generation, event.succeeded, event.item_count), (2, 130, 130), "{operation}");
    }
}

#[tokio::test]
async fn the_sweeper_goes_on_with_one_whose_caller_died() {
    let world = World::new().await;
    let run = failed(&world).await;
    world.sweeper().redrive(run.id, all(), world.now().to_datetime()).await.unwrap();
    assert_eq!(world.sweep().await.resumed, 1);
    assert_eq!(run.row().await.status, ExecutionStatus::Running);
    assert_eq!(run.segment(129).await.status, SegmentStatus::Pending);
}

#[tokio::test]
async fn some_segments_are_chosen_by_their_index() {
    let world = World::new().await;
    let run = failed(&world).await;
    let some = |text: &str| Selection { only: Some(text.parse().unwrap()), ..all() };
    for (text, expected) in [
        ("0-1", Refusal::Succeeded(run.id.segment(0))),
        ("1,500", Refusal::UnknownSegments { execution_id: run.id, named: 2, found: 1 }),
    ] {
        let error = world.sweeper().redrive(run.id, some(text), world.deadline()).await.unwrap_err();
        assert!(matches!(&error, EngineError::Refused(refusal) if *refusal == expected), "{text}: {error}");
    }
    let cancelled = Selection { failed: false, ..all() };
    let error = world.sweeper().redrive(run.id, cancelled, world.deadline()).await.unwrap_err();
    assert!(matches!(error, EngineError::Refused(Refusal::NothingToRedrive(_))), "{error}");
    assert_eq!(run.row().await.generation, 1, "nothing was written");

    let report = world.sweeper().redrive(run.id, some("129"), world.deadline()).await.unwrap();
    assert_eq!(report.segments, 1);
    assert_eq!(run.segment(1).await.status, SegmentStatus::Failed);
    let error = world.sweeper().redrive(run.id, all(), world.deadline()).await.unwrap_err();
    assert!(matches!(error, EngineError::Refused(Refusal::NotComplete { .. })), "{error}");
}

#[tokio::test]
async fn what_was_cancelled_can_be_put_back_too() {
    let world = World::new().await;
    let mut run = world.run(3).await;
    run.succeed(0, 1).await;
    world.sweeper().cancel(run.id, Stop::Requested, world.deadline()).await.unwrap();
    let report = world.sweeper().redrive(run.id, all(), world.deadline()).await.unwrap();
    assert_eq!(report.segments, 2);
    run.generation = 2;
    run.succeed(1, 1).await;
    run.succeed(2, 1).await;
    world.sweep_after_standstill().await;
    let event = world.bus.events().pop().unwrap();
    assert_eq!((event.status, event.generation, event.item_count), (ExecutionStatus::Succeeded, 2, 3));
}

#[tokio::test]
async fn one_whose_rows_are_being_deleted_is_not_redriven() {
    let world = World::new().await;
    let run = failed_with(&world, Policy { retention_days: Some(2), ..Policy::default() }).await;
    world.advance(TimeDelta::hours(49));
    // The sweeper has begun to delete it when the operator asks.
    let row = run.row().await;
    let begun = control_table::operation::CheckpointStep {
        execution_id: run.id,
        generation: 1,
        status: row.status,
        cursor: 0,
        due_at: world.now(),
    };
    world.table.execute(&begun).await.unwrap();
    let error = world.sweeper().redrive(run.id, all(), world.deadline()).await.unwrap_err();
    assert!(matches!(error, EngineError::Refused(Refusal::Expiring(_))), "{error}");
    assert_eq!(world.sweep().await.expired, 1);
    assert_eq!(world.table.execution(run.id).await.unwrap(), None);
}
