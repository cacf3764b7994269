//! A gather that died between two steps, and the stream that repeats its batch.

use chrono::TimeDelta;
use control_table::id::ExecutionId;
use control_table::message::CompletionEvent;
use control_table::operation::{Complete, CompleteOutcome, Fold, FoldOutcome, MarkPublished, MarkPublishedOutcome};
use control_table::rows::{ExecutionRow, ExecutionStatus};
use serde_json::Value;

use super::world::{DONE, Fault, START, World};

/// An execution that is done, and what the stream says of it.
async fn done(world: &World) -> (ExecutionId, Vec<Value>) {
    let id = world.done(&[2, 1]).await;
    let images = vec![world.tally_image(id, 0).await, world.tally_image(id, 1).await, world.execution_image(id).await];
    (id, images)
}

async fn fold(world: &World, execution_id: ExecutionId) {
    let tallies = world.table.tallies(execution_id, 0..2).await.unwrap();
    let fold = Fold { execution_id, generation: 1, tallies };
    assert_eq!(world.table.execute(&fold).await.unwrap(), FoldOutcome::Folded(2));
}

async fn complete(world: &World, id: ExecutionId) -> ExecutionRow {
    let seen = Box::new(world.execution(id).await);
    let complete = Complete { seen, generation: 1, now: START, due_at: START };
    match world.table.execute(&complete).await.unwrap() {
        CompleteOutcome::Completed(row) => *row,
        other => panic!("{other:?}"),
    }
}

/// The repeated batch ends what was begun, with the counts of each segment once.
async fn assert_repeated(world: &World, id: ExecutionId, images: &[Value]) {
    world.advance(TimeDelta::minutes(1));
    for _ in 0..2 {
        assert_eq!(world.hear(images).await, DONE);
    }
    let row = world.execution(id).await;
    assert_eq!((row.status, row.published_generation, row.due), (ExecutionStatus::Succeeded, 1, None));
    assert_eq!((row.groups_done, row.succeeded, row.attempts, row.counts.item_count), (2, 3, 3, 129));
    assert_eq!(world.bus.events().pop().unwrap(), CompletionEvent::of(&row).unwrap());
}

#[tokio::test]
async fn between_two_folds() {
    let world = World::new().await;
    let (id, images) = done(&world).await;
    let tallies = vec![world.tally_row(id, 1).await];
    world.table.execute(&Fold { execution_id: id, generation: 1, tallies }).await.unwrap();
    assert_repeated(&world, id, &images).await;
    assert_eq!(world.bus.events().len(), 1);
}

#[tokio::test]
async fn between_fold_and_complete() {
    let world = World::new().await;
    let (id, images) = done(&world).await;
    fold(&world, id).await;
    assert_repeated(&world, id, &images).await;
    assert_eq!(world.bus.events().len(), 1);
}

#[tokio::test]
async fn between_complete_and_publish() {
    let world = World::new().await;
    let (id, images) = done(&world).await;
    fold(&world, id).await;
    let complete = complete(&world, id).await;
    assert_repeated(&world, id, &images).await;
    assert_eq!(world.bus.event(), CompletionEvent::of(&complete).unwrap());
}

#[tokio::test]
async fn between_publish_and_mark() {
    let world = World::new().await;
    let (id, images) = done(&world).await;
    world.bus.fail_once(id, Fault::LosesAnswer);
    assert_eq!(world.hear(&images).await, ["1"]);
    let row = world.execution(id).await;
    assert_eq!((row.status, row.published_generation), (ExecutionStatus::Succeeded, 0));
    let first = world.bus.event();

    assert_repeated(&world, id, &images).await;
    // The same event with the same ID, and no other.
    assert_eq!(world.bus.events(), [first.clone(), first]);
    assert_eq!(world.execution(id).await.finished_at, row.finished_at);
}

#[tokio::test]
async fn after_the_mark() {
    let world = World::new().await;
    let (id, images) = done(&world).await;
    fold(&world, id).await;
    complete(&world, id).await;
    let mark = MarkPublished { execution_id: id, generation: 1, expires_at: None };
    assert_eq!(world.table.execute(&mark).await.unwrap(), MarkPublishedOutcome::Marked);
    assert_eq!(world.hear(&images).await, DONE);
    assert_eq!(world.bus.events(), []);
}

#[tokio::test]
async fn the_completed_item_alone_is_enough_to_publish() {
    let world = World::new().await;
    let (id, _) = done(&world).await;
    fold(&world, id).await;
    complete(&world, id).await;
    let completed = world.execution_image(id).await;
    assert_repeated(&world, id, &[completed]).await;
    assert_eq!(world.bus.events().len(), 1);
}
