//! Repair beside whoever writes at the same time, and what it costs.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use control_table::ControlTable;
use control_table::id::ExecutionId;
use control_table::rows::{ExecutionStatus, TallyRow};
use control_table::operation::{Fold, OverwriteIfUnchanged, OverwriteOutcome};
use control_table::policy::Policy;
use control_table::recount::Seen;
use engine::sweep::{RepairMode, RepairReport};

use crate::world::{LONG, Run, World, numbers};

impl World {
    async fn repair(&self, run: &Run, mode: RepairMode) -> RepairReport {
        self.sweeper().repair(run.id, mode).await.unwrap()
    }
}

async fn fold(table: &ControlTable, execution_id: ExecutionId, groups: std::ops::Range<u64>) {
    let tallies = table.tallies(execution_id, groups).await.unwrap();
    table.execute(&Fold { execution_id, generation: 1, tallies }).await.unwrap();
}

/// Somebody writes other failed segments into the execution.
async fn damage_execution(world: &World, run: &Run, failed: u64) {
    let execution = run.row().await;
    let mut damaged = execution.clone();
    damaged.failed = failed;
    let restore = OverwriteIfUnchanged::of(Some(&Seen::from(execution)), damaged);
    assert_eq!(world.table.execute(&restore).await.unwrap(), OverwriteOutcome::Restored);
}

#[tokio::test]
async fn counts_what_a_worker_finished_and_did_not_count() {
    let world = World::new().await;
    let run = world.run(2).await;
    run.succeed(0, 1).await;
    run.finish(1, 5).await;
    assert_eq!(world.repair(&run, RepairMode::DryRun).await, RepairReport::default(), "it is in flight");
    assert_eq!(run.tallies().await[0].pending, 1, "a dry run counts nothing");
    assert_eq!(world.repair(&run, RepairMode::Correct).await, RepairReport::default());
    let row = run.row().await;
    assert_eq!((row.status, row.counts.item_count), (ExecutionStatus::Succeeded, 6), "completion follows");
    assert_eq!(world.bus.event().succeeded, 2);
}

#[tokio::test]
async fn says_that_a_row_was_not_counted_once_nobody_is_about_to() {
    let world = World::new().await;
    let run = world.run(2).await;
    run.finish(1, 5).await;
    world.advance(TimeDelta::seconds(61));
    let report = world.repair(&run, RepairMode::DryRun).await;
    assert!(report.differences.iter().any(|found| found.field == "succeeded"), "{report:?}");
    assert_eq!(world.repair(&run, RepairMode::Correct).await, report);
    assert_eq!(world.repair(&run, RepairMode::DryRun).await, RepairReport::default());
    assert_eq!(run.tallies().await[0].pending, 1);
}

#[tokio::test]
async fn a_fold_in_between_is_neither_damage_nor_undone() {
    // Of a dry run, after it has read the tallies; of a correction, just before it is written.
    for (mode, moment) in [(RepairMode::DryRun, "Query"), (RepairMode::Correct, "UpdateItem")] {
        let world = World::new().await;
        let run = world.run(257).await;
        for index in 0..256 {
            run.succeed(index, 1).await;
        }
        fold(&world.table, run.id, 0..1).await;
        damage_execution(&world, &run, 4).await;
        let (table, id) = (world.table.clone(), run.id);
        let sweeper = world.sweeper_interrupted(moment, async move { fold(&table, id, 1..2).await });
        let report = sweeper.repair(run.id, mode).await.unwrap();
        let fields: Vec<_> = report.differences.iter().map(|found| found.field.as_str()).collect();
        assert_eq!((fields, report.unsettled.len()), (vec!["failed"], 0), "{mode:?}");
        let failed = if mode == RepairMode::Correct { 0 } else { 4 };
        let row = run.row().await;
        assert_eq!((row.failed, row.succeeded, row.groups_done), (failed, 256, 2), "{mode:?}");
    }
}

#[tokio::test]
async fn a_correction_that_meets_another_row_is_counted_again() {
    let world = World::new().await;
    let run = world.run(3).await;
    run.succeed(0, 1).await;
    let seen = run.tallies().await.remove(0);
    let damaged = TallyRow { attempts: 9, ..seen.clone() };
    world.table.execute(&OverwriteIfUnchanged::of(Some(&Seen::from(seen)), damaged)).await.unwrap();
    // Just before the correction is written, a worker counts another segment.
    let worker = run.clone();
    let sweeper = world.sweeper_interrupted("UpdateItem", async move {
        worker.succeed(1, 1).await;
    });
    let report = sweeper.repair(run.id, RepairMode::Correct).await.unwrap();
    let [attempts] = report.differences.as_slice() else { panic!("{report:?}") };
    assert_eq!((&attempts.found, &attempts.expected), (&10.into(), &2.into()));
    let tally = run.tallies().await.remove(0);
    assert_eq!((tally.attempts, tally.pending, tally.counts.item_count), (2, 1, 2));
    assert_eq!(world.repair(&run, RepairMode::DryRun).await, RepairReport::default());
}

#[tokio::test]
async fn goes_on_with_a_run_that_stood_still_because_of_the_damage() {
    let world = World::new().await;
    let run = world.run(2).await;
    run.claim(0, "lost", TimeDelta::zero()).await;
    run.succeed(1, 1).await;
    damage_execution(&world, &run, 4).await;
    world.repair(&run, RepairMode::Correct).await;
    assert_eq!(world.put().await, [run.id.segment(0)], "its record goes out again at once");
    assert!(run.row().await.due.is_some_and(|due| due.due_at <= world.now()), "and the sweeper looks at it");
}

#[tokio::test]
async fn reads_a_healthy_execution_once() {
    let world = World::new().await;
    let run = world.run(257).await;
    run.claim(3, "a record", LONG).await;
    let (sweeper, requests) = world.counted_sweeper();
    sweeper.repair(run.id, RepairMode::DryRun).await.unwrap();
    // Plan, execution twice, key; tallies for the groups, and those beyond, twice; each group's rows once.
    let expected = [("BatchGetItem", 4), ("GetItem", 4), ("Query", 3)];
    let expected: BTreeMap<_, _> = expected.map(|(name, count)| (name.to_owned(), count)).into();
    assert_eq!(requests.made(), expected);
}

#[tokio::test]
async fn what_never_was_is_said_not_to_be() {
    let world = World::new().await;
    let run = world.open(numbers(0), 0, Policy::default()).await;
    let other = "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b".parse().unwrap();
    assert_ne!(run.id, other);
    let report = world.sweeper().repair(other, RepairMode::Correct).await.unwrap();
    let [gone] = report.differences.as_slice() else { panic!("{report:?}") };
    assert!(gone.correction.contains("look whether the ID is right") && !gone.repairable, "{gone}");
}
