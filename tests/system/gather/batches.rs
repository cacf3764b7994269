//! Batches about several executions, and records that cannot be used.

use control_table::id::ExecutionId;
use control_table::rows::{ExecutionStatus, SegmentRow};
use serde_json::{Value, json};

use super::world::{DONE, Fault, START, World, image};

#[tokio::test]
async fn one_whose_bus_fails_is_named_by_its_first_record_and_holds_up_no_other() {
    let world = World::new().await;
    let (stuck, other) = (world.done(&[1]).await, world.done(&[1]).await);
    let images = [
        world.tally_image(other, 0).await,
        world.tally_image(stuck, 0).await,
        world.execution_image(other).await,
        world.execution_image(stuck).await,
    ];
    world.bus.fail_once(stuck, Fault::Refuses);
    assert_eq!(world.hear(&images).await, ["2"]);
    assert_eq!(world.bus.event().execution_id, other);
    let row = world.execution(stuck).await;
    assert_eq!((row.status, row.published_generation), (ExecutionStatus::Succeeded, 0));

    // The stream repeats from there.
    assert_eq!(world.hear(&images[1..]).await, DONE);
    let published: Vec<ExecutionId> = world.bus.events().iter().map(|event| event.execution_id).collect();
    assert_eq!(published, [other, stuck]);
    let again = world.execution(stuck).await;
    assert_eq!((again.published_generation, again.finished_at), (1, row.finished_at));
}

#[tokio::test]
async fn all_that_fail_are_named() {
    let world = World::new().await;
    let mut images = Vec::new();
    for _ in 0..3 {
        let id = world.done(&[1]).await;
        world.bus.fail_once(id, Fault::Refuses);
        images.extend([world.tally_image(id, 0).await, world.execution_image(id).await]);
    }
    let mut failed = world.hear(&images).await;
    failed.sort();
    assert_eq!(failed, ["1", "3", "5"]);
    assert_eq!(world.hear(&images).await, DONE);
    assert_eq!(world.bus.events().len(), 3);
}

#[tokio::test]
async fn what_cannot_be_read_or_says_nothing_is_passed_over() {
    let world = World::new().await;
    let id = world.done(&[1]).await;
    let (tally, execution) = (world.tally_image(id, 0).await, world.execution_image(id).await);
    let changed = |image: &Value, attribute: &str, value: Value| {
        let mut image = image.clone();
        image[attribute] = value;
        image
    };
    let passed_over = [
        changed(&tally, "pending", json!({ "S": "none" })),
        changed(&tally, "pk", json!({ "S": "another owner's" })),
        changed(&execution, "status", json!({ "S": "RESTING" })),
        json!({ "pk": { "S": id.to_string() }, "sk": { "S": "EXECUTION" } }),
        json!({ "pk": { "S": "KEY#job#key" }, "sk": { "S": "KEY" } }),
        json!({ "pk": { "S": "x" }, "sk": { "N": "1" } }),
        image(&SegmentRow::pending(id.segment(0), Value::Null, 1, START)),
        json!({}),
        // An item that expired.
        Value::Null,
    ];
    assert_eq!(world.hear(&passed_over).await, DONE);
    assert_eq!(world.execution(id).await.groups_done, 0);

    let mut images = passed_over.to_vec();
    images.extend([tally, execution]);
    assert_eq!(world.hear(&images).await, DONE);
    assert_eq!(world.bus.event().execution_id, id);
}

#[tokio::test]
async fn news_of_an_execution_that_is_gone_is_no_failure() {
    let (here, elsewhere) = (World::new().await, World::new().await);
    let id = elsewhere.done(&[1]).await;
    let images = [elsewhere.tally_image(id, 0).await, elsewhere.execution_image(id).await];
    assert_eq!(here.hear(&images).await, DONE);
    assert_eq!(here.bus.events(), []);
}

#[tokio::test]
async fn an_empty_batch_is_no_failure() {
    assert_eq!(World::new().await.hear(&[]).await, DONE);
}
