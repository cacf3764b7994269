//! A scatter that died somewhere, and the one that goes on.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use control_table::clock::Clock;
use control_table::id::ExecutionId;
use control_table::rows::ExecutionStatus;
use serde_json::json;

use test_support::RawEvents;

use super::world::{World, numbers, numbers_plan};

#[tokio::test]
async fn died_after_the_open() {
    let world = World::new().await;
    let execution = world.open("k", numbers_plan(129), 129).await;
    let answer = world.handle(numbers("k", 129)).await.unwrap();
    assert_eq!((answer.execution_id, answer.opened), (execution.id, false));
    world.assert_complete(&answer, 129).await;
    world.assert_all_have_records(129).await;
}

#[tokio::test]
async fn died_between_rows_and_commit() {
    let world = World::new().await;
    let execution = world.open("k", numbers_plan(300), 300).await;
    execution.add_number_rows(0, 128).await;
    // Half of the next group's, too.
    execution.add_number_rows(1, 60).await;
    let before = world.table.group_segments(execution.id.group(0), None).await.unwrap();
    let answer = world.handle(numbers("k", 300)).await.unwrap();
    world.assert_complete(&answer, 300).await;
    world.assert_all_have_records(300).await;
    assert_eq!(world.rows(&answer).await[..128], before, "rows that exist are left as they are");
}

#[tokio::test]
async fn died_between_commit_and_records() {
    let world = World::new().await;
    let execution = world.open("k", numbers_plan(129), 129).await;
    for (group, size) in [(0, 128), (1, 1)] {
        execution.add_number_rows(group, size).await;
        execution.commit(group, size).await;
    }
    let answer = world.scatter().resume(execution.id, world.deadline()).await.unwrap();
    world.assert_complete(&answer, 129).await;
    world.assert_all_have_records(129).await;
}

#[tokio::test]
async fn a_scatter_that_lost_its_stream_owes_no_more_records_than_are_put_again() {
    let world = World::new().await;
    let segments = 30 * 128;
    let lost = world.scatter_without_stream();
    let error = lost.handle(numbers("k", segments), "request", world.deadline()).await.unwrap_err();
    assert_eq!(error.error_type(), "StreamRefused", "{error}");
    let answer = world.handle(numbers("k", segments)).await.unwrap();
    world.assert_complete(&answer, segments).await;
    world.assert_all_have_records(segments).await;
    assert!(world.records().await.values().all(|&count| count == 1));
}

#[tokio::test]
async fn records_that_were_surely_put_are_not_put_again() {
    let world = World::new().await;
    let execution = world.open("k", numbers_plan(10 * 128), 10 * 128).await;
    for group in 0..10 {
        execution.add_number_rows(group, 128).await;
        execution.commit(group, 128).await;
    }
    world.handle(numbers("k", 10 * 128)).await.unwrap();
    let records = world.records().await;
    assert_eq!(records.keys().copied().collect::<Vec<_>>(), (7 * 128..10 * 128).collect::<Vec<_>>());
}

#[tokio::test]
async fn out_of_time_again_and_again_comes_to_an_end() {
    let world = World::with_step(1_000).await;
    let (segments, mut last, mut stops) = (20 * 128, 0, 0);
    let answer = loop {
        let deadline = world.deadline() - TimeDelta::days(1) + TimeDelta::seconds(60);
        let answer = world.scatter().handle(numbers("k", segments), "request", deadline).await.unwrap();
        if answer.sealed {
            break answer;
        }
        assert!(answer.groups > last, "an invocation gets on: {} after {last}", answer.groups);
        let row = world.table.execution(answer.execution_id).await.unwrap().unwrap();
        assert!(row.due.unwrap().due_at <= row.scatter_until.unwrap(), "the sweeper continues at once");
        (last, stops) = (answer.groups, stops + 1);
    };
    assert!(stops > 1, "{stops}");
    world.assert_complete(&answer, segments).await;
    world.assert_all_have_records(segments).await;
}

#[tokio::test]
async fn a_list_file_that_changed_is_not_gone_on_with() {
    let world = World::new().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("codes");
    std::fs::write(&path, "a\nb\n").unwrap();
    let event = json!({ "job": "job", "key": "k", "source": { "type": "list", "file": path } });
    let lost = world.scatter_without_stream();
    lost.handle(event.clone(), "request", world.deadline()).await.unwrap_err();
    std::fs::write(&path, "a\nc\n").unwrap();
    // The one group is committed, with the old file's codes; the execution is not sealed.
    let error = world.handle(event.clone()).await;
    let error = error.unwrap_err();
    assert!(error.to_string().contains("has changed"), "{error}");
    std::fs::write(&path, "a\nb\n").unwrap();
    let answer = world.handle(event).await.unwrap();
    world.assert_complete(&answer, 2).await;
}

#[tokio::test]
async fn nothing_is_resumed_that_is_not_there() {
    let world = World::new().await;
    let id: ExecutionId = "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b".parse().unwrap();
    let error = world.scatter().resume(id, world.deadline()).await.unwrap_err();
    assert_eq!((error.error_type(), error.is_retryable()), ("ExecutionNotFound", false));
}

#[tokio::test]
async fn a_cancelled_execution_gets_no_more_groups() {
    let world = World::new().await;
    let execution = world.open("k", numbers_plan(129), 129).await;
    World::set_status(world.dynamodb.clone(), execution.id, "CANCELLING").await;
    let answer = world.handle(numbers("k", 129)).await.unwrap();
    assert_eq!((answer.sealed, answer.status, answer.groups), (false, ExecutionStatus::Cancelling, 0));
}

/// Lets something happen when it is looked at for the n-th time: in the middle of a scatter.
struct InterruptingClock {
    looks: AtomicU32,
    at: u32,
    interruption: Box<dyn Fn() + Send + Sync>,
}

impl InterruptingClock {
    /// The interruption has a thread and a runtime of its own, because a clock cannot wait for a future.
    fn new<F>(at: u32, interruption: impl Fn() -> F + Clone + Send + Sync + 'static) -> Arc<Self>
    where
        F: Future<Output = ()>,
    {
        let interruption = move || {
            let interruption = interruption.clone();
            let thread = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(interruption());
            });
            thread.join().unwrap();
        };
        Arc::new(Self { looks: AtomicU32::new(0), at, interruption: Box::new(interruption) })
    }
}

impl fmt::Debug for InterruptingClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InterruptingClock")
    }
}

impl Clock for InterruptingClock {
    fn now(&self) -> DateTime<Utc> {
        if self.looks.fetch_add(1, Ordering::SeqCst) == self.at {
            (self.interruption)();
        }
        DateTime::UNIX_EPOCH
    }
}

#[tokio::test]
async fn a_cancel_in_the_middle_stops_the_scatter() {
    let world = World::new().await;
    let execution = world.open("k", numbers_plan(50 * 128), 50 * 128).await;
    let (dynamodb, execution_id) = (world.dynamodb.clone(), execution.id);
    let clock = InterruptingClock::new(40, move || World::set_status(dynamodb.clone(), execution_id, "CANCELLING"));
    let answer = world.scatter_with_clock(clock).resume(execution_id, world.deadline()).await.unwrap();
    assert_eq!((answer.sealed, answer.status), (false, ExecutionStatus::Cancelling));
    assert!(answer.groups > 0 && answer.groups < 50, "{}", answer.groups);
}

#[tokio::test]
async fn groups_that_another_scatter_commits_and_leaves_behind_get_their_records() {
    let world = World::new().await;
    let segments = 20 * 128;
    let execution = world.open("k", numbers_plan(segments), segments).await;
    let execution_id = execution.id;
    // The second look is after this scatter has read that no group is committed.
    let clock = InterruptingClock::new(1, move || {
        let execution = execution.clone();
        async move {
            for group in 0..15 {
                execution.add_number_group(group, 128).await;
            }
        }
    });
    let answer = world.scatter_with_clock(clock).resume(execution_id, world.deadline()).await.unwrap();
    world.assert_complete(&answer, segments).await;
    world.assert_all_have_records(segments).await;
}
