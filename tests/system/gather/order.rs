//! From the stream's records to one event, in whatever order and however often they come.

use control_table::policy::Policy;
use control_table::rows::{ExecutionRow, ExecutionStatus, TallyOutcome, TallyRow};
use futures::future::join;

use super::world::{DONE, World, event, failures, image};

#[tokio::test]
async fn finished_tallies_are_folded_and_the_completion_is_published() {
    let world = World::new().await;
    let id = world.open(&[2, 1]).await;
    world.tally(id, 0, TallyOutcome::Succeeded).await;
    world.tally(id, 1, TallyOutcome::Failed).await;
    world.tally(id, 128, TallyOutcome::Succeeded).await;
    world.seal(id).await;
    let images = [world.tally_image(id, 0).await, world.tally_image(id, 1).await, world.execution_image(id).await];
    assert_eq!(world.hear(&images).await, DONE);

    let row = world.execution(id).await;
    assert_eq!((row.status, row.published_generation, row.due), (ExecutionStatus::Failed, 1, None));
    assert_eq!((row.groups_done, row.succeeded, row.failed, row.cancelled), (2, 2, 1, 0));
    assert_eq!((row.attempts, row.counts.item_count, row.counts.duration_ms), (3, 129, 30));
    let event = world.bus.event();
    assert_eq!((event.status, event.segments, event.succeeded, event.failed), (ExecutionStatus::Failed, 3, 2, 1));
    assert_eq!((event.attempts, event.item_count, event.counters["sum"]), (3, 129, 129));
    assert_eq!(world.tally_row(id, 0).await.folded, 1);
}

#[tokio::test]
async fn failures_that_are_tolerated_fail_nothing() {
    let world = World::new().await;
    let id = world
        .open_with(&[2], Policy { tolerated_failures: control_table::policy::Tolerance::Count(1), ..Policy::default() })
        .await;
    world.tally(id, 0, TallyOutcome::Failed).await;
    world.tally(id, 1, TallyOutcome::Cancelled).await;
    world.seal(id).await;
    assert_eq!(world.hear(&[world.tally_image(id, 0).await]).await, DONE);
    let event = world.bus.event();
    assert_eq!((event.status, event.failed, event.cancelled), (ExecutionStatus::Succeeded, 1, 1));
}

#[tokio::test]
async fn no_segments_at_all_complete_by_the_seal() {
    let world = World::new().await;
    let id = world.open(&[]).await;
    world.seal(id).await;
    assert_eq!(world.hear(&[world.execution_image(id).await]).await, DONE);
    assert_eq!((world.bus.event().status, world.bus.event().segments), (ExecutionStatus::Succeeded, 0));
}

#[tokio::test]
async fn the_last_news_completes_in_whatever_order_it_comes() {
    const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let world = World::new().await;
    for (before, order) in ORDERS.into_iter().enumerate() {
        let id = world.done(&[1, 2]).await;
        let images = [world.tally_image(id, 0).await, world.tally_image(id, 1).await, world.execution_image(id).await];
        for (heard, &index) in order.iter().enumerate() {
            // The seal is in the table from the beginning, so the last of the tallies completes.
            let last_tally = order.iter().rposition(|&index| index < 2).unwrap();
            assert_eq!(world.hear(&[images[index].clone(), images[index].clone()]).await, DONE);
            assert_eq!(world.bus.events().len(), before + usize::from(heard >= last_tally), "{order:?}");
        }
        assert_eq!(world.execution(id).await.groups_done, 2);
    }
}

#[tokio::test]
async fn nothing_completes_before_the_seal() {
    let world = World::new().await;
    let id = world.open(&[1, 1]).await;
    for index in [0, 128] {
        world.tally(id, index, TallyOutcome::Succeeded).await;
    }
    assert_eq!(world.hear(&[world.tally_image(id, 1).await, world.tally_image(id, 0).await]).await, DONE);
    let row = world.execution(id).await;
    assert_eq!((row.status, row.groups_done), (ExecutionStatus::Scattering, 2));
    assert_eq!(world.bus.events(), []);
    world.seal(id).await;
    assert_eq!(world.hear(&[world.execution_image(id).await]).await, DONE);
    assert_eq!(world.bus.event().succeeded, 2);
}

#[tokio::test]
async fn what_is_repeated_adds_nothing() {
    let world = World::new().await;
    let id = world.done(&[2, 1]).await;
    let unfinished = image(&TallyRow::fresh(id.group(0), 2, 1));
    let mut images = vec![
        unfinished,
        world.tally_image(id, 0).await,
        world.tally_image(id, 1).await,
        world.execution_image(id).await,
    ];
    assert_eq!(world.hear(&images).await, DONE);
    let row = world.execution(id).await;
    // What the gather itself wrote is on the stream, too.
    images.extend([world.tally_image(id, 0).await, image(&row)]);
    for _ in 0..2 {
        assert_eq!(world.hear(&images).await, DONE);
        for image in &images {
            assert_eq!(world.hear(std::slice::from_ref(image)).await, DONE);
        }
        images.reverse();
    }
    assert_eq!(world.execution(id).await, row);
    assert_eq!(world.bus.event().succeeded, 3);
}

#[tokio::test]
async fn two_at_once_agree() {
    let world = World::new().await;
    let id = world.done(&[1, 1, 1]).await;
    let images = [
        world.tally_image(id, 0).await,
        world.tally_image(id, 1).await,
        world.tally_image(id, 2).await,
        world.execution_image(id).await,
    ];
    let (one, other) = (world.gather.handle(event(&images)), world.gather.handle(event(&images[1..])));
    let (one, other) = Box::pin(join(one, other)).await;
    assert_eq!((failures(one), failures(other)), (DONE, DONE));
    let row = world.execution(id).await;
    assert_eq!((row.status, row.groups_done, row.succeeded), (ExecutionStatus::Succeeded, 3, 3));
    let events = world.bus.events();
    assert!(!events.is_empty() && events.iter().all(|event| *event == events[0]), "{events:?}");
}

#[tokio::test]
async fn what_another_generation_counted_is_not_added() {
    let world = World::new().await;
    let id = world.done(&[1]).await;
    let now = world.tally_row(id, 0).await;
    let before: ExecutionRow = world.execution(id).await;
    for generation in [2, 7] {
        assert_eq!(world.hear(&[image(&TallyRow { generation, ..now.clone() })]).await, DONE);
    }
    assert_eq!(world.execution(id).await, before);
    assert_eq!(world.hear(&[image(&now), image(&TallyRow { generation: 2, ..now.clone() })]).await, DONE);
    assert_eq!(world.bus.event().succeeded, 1);
}

#[tokio::test]
async fn more_tallies_than_a_transaction_takes_are_folded() {
    let world = World::new().await;
    let id = world.done(&[1; 150]).await;
    let mut images = Vec::new();
    for group in 0..150 {
        images.push(world.tally_image(id, group).await);
    }
    assert_eq!(world.hear(&images).await, DONE);
    let event = world.bus.event();
    assert_eq!((event.succeeded, event.item_count), (150, (0..150).map(|group| group * 128).sum()));
}
