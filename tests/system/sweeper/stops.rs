//! Executions that their policy stops, and those that stall.

use chrono::TimeDelta;
use control_table::operation::FlagFirstFailureOutcome;
use control_table::policy::{OnTooManyFailures, Policy, Tolerance};
use control_table::rows::{ExecutionStatus, Notification};

use super::world::{PATIENCE, World};

#[tokio::test]
async fn more_failures_than_tolerated_stop_it_soon_after_the_first() {
    let world = World::new().await;
    let run = world.run_with(10, Policy { tolerated_failures: Tolerance::Share(1_000), ..Policy::default() }).await;
    assert!(run.fail(0).await);
    assert_eq!(run.flag_failure(0).await, FlagFirstFailureOutcome::First);
    let report = world.sweep().await;
    assert_eq!((report.due, report.stopped), (1, 0), "one in ten is tolerated");
    assert_eq!(world.bus.notifications().len(), 1);
    let notification = world.bus.notifications().remove(0);
    assert_eq!((notification.notification, notification.segment), (Notification::FirstFailure, Some(0)));

    assert!(!run.fail(1).await);
    world.advance(TimeDelta::seconds(30));
    assert_eq!(world.sweep().await.stopped, 1);
    let event = world.bus.event();
    assert_eq!((event.status, event.failed, event.cancelled), (ExecutionStatus::Failed, 2, 8));
    assert_eq!(world.bus.notifications().len(), 1, "told once");
}

#[tokio::test]
async fn one_that_is_to_finish_anyway_is_not_stopped() {
    let world = World::new().await;
    let policy = Policy { on_too_many_failures: OnTooManyFailures::Finish, ..Policy::default() };
    let run = world.run_with(3, policy).await;
    run.fail(0).await;
    run.flag_failure(0).await;
    assert_eq!(world.sweep().await.stopped, 0);
    run.succeed(1, 1).await;
    run.succeed(2, 1).await;
    world.advance(PATIENCE);
    assert_eq!(world.sweep().await.published, 1);
    let event = world.bus.event();
    assert_eq!((event.status, event.succeeded, event.cancelled), (ExecutionStatus::Failed, 2, 0));
}

#[tokio::test]
async fn one_whose_time_is_up_fails_with_what_was_done() {
    let world = World::new().await;
    let run = world.run_with(3, Policy { execution_timeout_ms: Some(400_000), ..Policy::default() }).await;
    run.succeed(0, 1).await;
    world.advance(PATIENCE);
    assert_eq!(world.sweep().await.stopped, 0);
    world.advance(TimeDelta::milliseconds(100_000));
    assert_eq!(world.sweep().await.stopped, 1, "looked at right at its deadline");
    let event = world.bus.event();
    assert_eq!((event.status, event.succeeded, event.cancelled), (ExecutionStatus::Failed, 1, 2));
}

#[tokio::test]
async fn a_standstill_is_told_once_and_again_only_after_it_had_moved_on() {
    let world = World::new().await;
    let run = world.run_with(2, Policy { stall_after_ms: 900_000, ..Policy::default() }).await;
    for _ in 0..2 {
        world.advance(PATIENCE);
        assert_eq!(world.sweep().await.stalled, 0);
    }
    world.advance(PATIENCE);
    assert_eq!(world.sweep().await.stalled, 1, "right when it is so");
    let since = run.row().await.progress_at;
    assert_eq!(since, run.row().await.sealed_at);
    assert!(run.row().await.stalled_at.is_some());
    world.advance(PATIENCE);
    assert_eq!(world.sweep().await.stalled, 0);
    let notifications = world.bus.notifications();
    assert_eq!((notifications.len(), notifications[0].notification), (1, Notification::Stalled));
    assert_eq!(notifications[0].since, since.map(control_table::clock::Timestamp::to_datetime));

    run.succeed(0, 1).await;
    world.advance(PATIENCE);
    world.sweep().await;
    assert_eq!(run.row().await.stalled_at, None);
    for _ in 0..3 {
        world.advance(PATIENCE);
        world.sweep().await;
    }
    let notifications = world.bus.notifications();
    assert_eq!(notifications.len(), 2);
    assert_ne!(notifications[0].event_id, notifications[1].event_id);
}

/// Sweeps every 250 milliseconds, as the local runner does, until a stall is reported; how long that took, and the looks it took.
async fn told_after(world: &World) -> (TimeDelta, u64) {
    let (tick, mut looks) = (TimeDelta::milliseconds(250), 0);
    for ticks in 1..1_000 {
        world.advance(tick);
        let report = world.sweep().await;
        looks += report.due;
        if report.stalled > 0 {
            return (tick * ticks, looks);
        }
    }
    panic!("no stall was reported")
}

#[tokio::test]
async fn a_standstill_that_is_shorter_than_the_patience_is_told_within_a_tick() {
    let world = World::new().await;
    let mut run = world.run_with(3, Policy { stall_after_ms: 3_100, ..Policy::default() }).await;
    // Nothing has begun: it stands still since its seal, and the look that was due for that finds it.
    assert_eq!(told_after(&world).await, (TimeDelta::milliseconds(3_250), 1));
    run.succeed(0, 1).await;
    world.advance(PATIENCE);
    let report = world.sweep().await;
    assert_eq!((report.due, run.row().await.stalled_at), (1, None));
    assert_eq!(told_after(&world).await, (TimeDelta::milliseconds(3_250), 1));

    for index in 1..3 {
        run.fail(index).await;
    }
    // The redrive's own time is the patience, and the stall after it is reported sooner all the same.
    while run.row().await.published_generation < 1 {
        world.advance(PATIENCE);
        world.sweep().await;
    }
    let all = control_table::rows::Selection::unsuccessful();
    assert!(world.sweeper().redrive(run.id, all, world.deadline()).await.unwrap().finished);
    run.generation = 2;
    // What was counted before is no news: the first look sees where it begins, the second that it is still there.
    let (after, looks) = told_after(&world).await;
    assert!(looks == 2 && after <= TimeDelta::milliseconds(2 * 3_250), "{after} after {looks} looks");
}

#[tokio::test]
async fn a_standstill_is_looked_for_once_a_second_at_the_most() {
    let world = World::new().await;
    let run = world.run_with(100, Policy { stall_after_ms: 1, ..Policy::default() }).await;
    let (tick, mut looks) = (TimeDelta::milliseconds(250), 0);
    for index in 0..40 {
        run.succeed(index, 1).await;
        world.advance(tick);
        looks += world.sweep().await.due;
    }
    assert_eq!(looks, 10);
}
