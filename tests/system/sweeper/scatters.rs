//! Scatters that died.

use chrono::TimeDelta;
use control_table::policy::Policy;
use control_table::rows::ExecutionStatus;
use engine::sweep::SweepReport;
use serde_json::json;

use super::world::{PATIENCE, World, numbers};

const RESUMED: SweepReport = SweepReport {
    resumed: 0,
    stopped: 0,
    stalled: 0,
    due: 1,
    scatters_resumed: 1,
    records_put: 0,
    given_up: 0,
    tallied: 0,
    folded: 0,
    published: 0,
    expired: 0,
    failed: 0,
};

#[tokio::test]
async fn one_that_died_is_gone_on_with_and_sealed() {
    let world = World::new().await;
    let run = world.open(numbers(300), 300, Policy::default()).await;
    run.add_number_group(0, 128).await;

    world.advance(PATIENCE - TimeDelta::milliseconds(1));
    world.sweep_idle().await;
    assert_eq!(run.row().await.groups, 1);

    world.advance(TimeDelta::milliseconds(1));
    assert_eq!(world.sweep().await, RESUMED);
    let row = run.row().await;
    assert_eq!((row.status, row.groups, row.segments), (ExecutionStatus::Running, 3, 300));
    assert_eq!(row.due.unwrap().due_at, world.now().plus(PATIENCE));
    assert_eq!(world.put().await, (0..300).map(|index| run.id.segment(index)).collect::<Vec<_>>());
    assert_eq!(run.tallies().await.iter().map(|tally| tally.pending).sum::<u64>(), 300);
    world.sweep_idle().await;
}

#[tokio::test]
async fn one_that_commits_is_alive() {
    let world = World::new().await;
    let run = world.open(numbers(300), 300, Policy::default()).await;
    for group in 0..2 {
        world.advance(PATIENCE - TimeDelta::milliseconds(1));
        assert_eq!(world.sweep().await.scatters_resumed, 0);
        run.add_number_group(group, 128).await;
    }
    world.advance(PATIENCE - TimeDelta::milliseconds(1));
    assert_eq!(world.sweep().await.scatters_resumed, 0);
    assert_eq!(run.row().await.status, ExecutionStatus::Scattering);
    world.advance(PATIENCE);
    assert_eq!(world.sweep().await.scatters_resumed, 1, "and then silent");
}

#[tokio::test]
async fn one_that_cannot_go_on_is_tried_again_later_and_holds_up_no_other() {
    let world = World::new().await;
    let gone = json!({ "type": "list", "file": "/no/such/file", "sha256": "", "count": 1 });
    let stuck = world.open(gone, 1, Policy::default()).await;
    let run = world.open(numbers(1), 1, Policy::default()).await;
    world.advance(PATIENCE);
    assert_eq!(world.sweep().await, SweepReport { due: 2, failed: 1, ..RESUMED });
    assert_eq!(run.row().await.status, ExecutionStatus::Running);
    let row = stuck.row().await;
    assert_eq!(row.status, ExecutionStatus::Scattering);
    assert_eq!(row.due.unwrap().due_at, world.now().plus(PATIENCE));
    world.sweep_idle().await;
}
