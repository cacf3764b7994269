//! Repair: what it corrects, what it leaves, and repair beside workers, gather and a redrive.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use control_table::ControlTable;
use control_table::id::ExecutionId;
use control_table::operation::{Fold, OverwriteIfUnchanged, OverwriteOutcome};
use control_table::policy::Policy;
use control_table::rows::{ExecutionRow, ExecutionStatus, ItemKey, PlanRow, Row, SegmentRow, Selection, TallyRow};
use engine::operate::{RepairMode, RepairReport};

use super::world::{LONG, Run, World, numbers};

impl World {
    async fn repair(&self, run: &Run, mode: RepairMode) -> RepairReport {
        self.sweeper().repair(run.id, mode).await.unwrap()
    }

    async fn overwrite<R: Row>(&self, seen: R, row: R) {
        let write = OverwriteIfUnchanged::new(Some(seen), row).unwrap();
        assert_eq!(self.table.execute(&write).await.unwrap(), OverwriteOutcome::Overwritten);
    }

    async fn damage_tally(&self, run: &Run, change: impl FnOnce(&mut TallyRow)) {
        let seen = run.tallies().await.remove(0);
        let mut damaged = seen.clone();
        change(&mut damaged);
        self.overwrite(seen, damaged).await;
    }

    async fn damage_execution(&self, run: &Run, change: impl FnOnce(&mut ExecutionRow)) {
        let seen = run.row().await;
        let mut damaged = seen.clone();
        change(&mut damaged);
        self.overwrite(seen, damaged).await;
    }

    /// A dry run reports differences in these fields and changes nothing; a correction reports the same; then nothing differs.
    async fn assert_repaired(&self, run: &Run, fields: &[&str]) {
        let found = self.repair(run, RepairMode::DryRun).await;
        let named: Vec<_> = found.differences.iter().map(|difference| &*difference.field).collect();
        assert_eq!((named, &found.unsettled), (fields.to_vec(), &vec![]));
        assert_eq!(self.repair(run, RepairMode::Correct).await, found);
        self.assert_agrees(run).await;
    }

    async fn assert_agrees(&self, run: &Run) {
        assert_eq!(self.repair(run, RepairMode::DryRun).await, RepairReport::default());
    }
}

async fn fold(table: &ControlTable, execution_id: ExecutionId, groups: std::ops::Range<u64>) {
    let tallies = table.tallies(execution_id, groups).await.unwrap();
    table.execute(&Fold { execution_id, generation: 1, tallies }).await.unwrap();
}

#[tokio::test]
async fn wrong_sums_of_a_tally_are_rebuilt_and_the_execution_completes() {
    let world = World::new().await;
    let run = world.run(2).await;
    run.succeed(0, 1).await;
    run.succeed(1, 5).await;
    world.advance(TimeDelta::seconds(61));
    world
        .damage_tally(&run, |tally| {
            (tally.pending, tally.counts.item_count) = (1, 77);
            tally.succeeded.remove(0);
        })
        .await;
    world.assert_repaired(&run, &["pending", "succeeded", "item_count"]).await;
    let event = world.bus.event();
    assert_eq!((event.status, event.succeeded, event.item_count), (ExecutionStatus::Succeeded, 2, 6));
}

#[tokio::test]
async fn a_lost_tally_is_created_again() {
    let world = World::new().await;
    let run = world.run(130).await;
    for index in 0..130 {
        run.succeed(index, 1).await;
    }
    let tallies = run.tallies().await;
    world.delete(TallyRow::key_of(run.id.group(0))).await;
    let found = world.repair(&run, RepairMode::Correct).await;
    let [lost] = found.differences.as_slice() else { panic!("{found:?}") };
    assert_eq!((&*lost.row, &*lost.field), (&*format!("tally {}#0", run.id), "row"));
    let created = run.tallies().await;
    assert_eq!(created[0], TallyRow { folded: 1, ..tallies[0].clone() }, "and completion follows");
    assert_eq!(world.bus.event().succeeded, 130);
    world.assert_agrees(&run).await;
}

#[tokio::test]
async fn wrong_sums_of_an_execution_are_rebuilt_from_its_tallies() {
    let world = World::new().await;
    let run = world.run(130).await;
    for index in 0..128 {
        run.succeed(index, 1).await;
    }
    fold(&world.table, run.id, 0..1).await;
    world
        .damage_execution(&run, |row| {
            (row.groups_done, row.failed) = (2, 9);
            row.counts.counters.0.insert("rows".to_owned(), 3);
        })
        .await;
    world.assert_repaired(&run, &["groups_done", "failed", "counter:rows"]).await;
    world.damage_execution(&run, |row| (row.groups, row.segments) = (1, 128)).await;
    world.assert_repaired(&run, &["groups", "segments"]).await;
}

#[tokio::test]
async fn an_outcome_that_its_worker_did_not_count_differs_after_a_minute() {
    let world = World::new().await;
    let run = world.run(2).await;
    run.succeed(0, 1).await;
    run.finish(1, 5).await;
    world.assert_agrees(&run).await;
    world.advance(TimeDelta::seconds(61));
    world.assert_repaired(&run, &["pending", "attempts", "succeeded", "item_count", "duration_ms"]).await;
    assert_eq!(world.bus.event().item_count, 6);
}

#[tokio::test]
async fn what_a_recount_cannot_tell_is_named_and_left() {
    let world = World::new().await;
    let run = world.run(3).await;
    run.succeed(0, 1).await;
    let tally = run.tallies().await;
    for (key, row) in [
        (SegmentRow::key_of(run.id.segment(1)), format!("segment {}#1", run.id)),
        (PlanRow::key_of(run.id), format!("plan {}", run.id)),
    ] {
        world.delete(key).await;
        let found = world.repair(&run, RepairMode::Correct).await;
        assert!(found.differences.iter().any(|lost| lost.row == row && !lost.repairable), "{found:?}");
    }
    assert_eq!(run.tallies().await, tally, "the tally may know the outcome of the lost segment");
    let other: ExecutionId = "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b".parse().unwrap();
    let report = world.sweeper().repair(other, RepairMode::Correct).await.unwrap();
    let [lost] = report.differences.as_slice() else { panic!("{report:?}") };
    assert!(lost.correction.contains("check the ID") && !lost.repairable, "{lost}");
}

#[tokio::test]
async fn a_count_that_no_row_can_hold_is_named_and_the_other_groups_are_repaired() {
    let world = World::new().await;
    let run = world.run(257).await;
    run.succeed(0, 1).await;
    world.damage_tally(&run, |tally| tally.attempts = 9).await;
    world.set_number(TallyRow::key_of(run.id.group(1)), "pending", "-1").await;
    let found = world.repair(&run, RepairMode::Correct).await;
    let [attempts, corrupt] = found.differences.as_slice() else { panic!("{found:?}") };
    assert_eq!((&*attempts.field, attempts.repairable), ("attempts", true));
    let text = corrupt.to_string();
    assert!(text.contains(&format!("tally {}#1", run.id)) && text.contains("attribute pending"), "{text}");
    // As the text says: without the item, the tally is created again.
    world.delete(TallyRow::key_of(run.id.group(1))).await;
    assert_eq!(world.repair(&run, RepairMode::Correct).await.differences.len(), 1);
    world.assert_agrees(&run).await;
}

#[tokio::test]
async fn a_fold_in_between_is_neither_a_difference_nor_undone() {
    // Of a dry run, after it has read the tallies; of a correction, just before it is written.
    for (mode, moment) in [(RepairMode::DryRun, "Query"), (RepairMode::Correct, "UpdateItem")] {
        let world = World::new().await;
        let run = world.run(257).await;
        for index in 0..256 {
            run.succeed(index, 1).await;
        }
        fold(&world.table, run.id, 0..1).await;
        world.damage_execution(&run, |row| row.failed = 4).await;
        let (table, id) = (world.table.clone(), run.id);
        let engine = world.sweeper_interrupted(moment, async move { fold(&table, id, 1..2).await });
        let report = engine.repair(run.id, mode).await.unwrap();
        let fields: Vec<_> = report.differences.iter().map(|found| &*found.field).collect();
        assert_eq!((fields, report.unsettled.len()), (vec!["failed"], 0), "{mode:?}");
        let failed = if mode == RepairMode::Correct { 0 } else { 4 };
        let row = run.row().await;
        assert_eq!((row.failed, row.succeeded, row.groups_done), (failed, 256, 2), "{mode:?}");
    }
}

#[tokio::test]
async fn a_redrive_in_between_is_no_difference() {
    for (mode, moment) in [(RepairMode::DryRun, "Query"), (RepairMode::Correct, "Query")] {
        let world = World::new().await;
        let run = world.run(3).await;
        run.succeed(0, 1).await;
        run.fail(1).await;
        run.fail(2).await;
        world.sweep_after_standstill().await;
        let (engine, id, deadline) = (world.sweeper(), run.id, world.deadline());
        let redrive = async move {
            engine.redrive(id, Selection::unsuccessful(), deadline).await.unwrap();
        };
        let report = world.sweeper_interrupted(moment, redrive).repair(run.id, mode).await.unwrap();
        assert_eq!(report, RepairReport::default(), "{mode:?}");
        assert_eq!(run.row().await.generation, 2);
    }
}

#[tokio::test]
async fn a_correction_that_meets_a_changed_row_is_recounted() {
    let world = World::new().await;
    let run = world.run(3).await;
    run.succeed(0, 1).await;
    world.damage_tally(&run, |tally| tally.attempts = 9).await;
    // Just before the correction is written, a worker counts another segment.
    let worker = run.clone();
    let engine = world.sweeper_interrupted("UpdateItem", async move {
        worker.succeed(1, 1).await;
    });
    let report = engine.repair(run.id, RepairMode::Correct).await.unwrap();
    let [attempts] = report.differences.as_slice() else { panic!("{report:?}") };
    assert_eq!((&attempts.found, &attempts.expected), (&10.into(), &2.into()));
    let tally = run.tallies().await.remove(0);
    assert_eq!((tally.attempts, tally.pending, tally.counts.item_count), (2, 1, 2));
    world.assert_agrees(&run).await;
}

#[tokio::test]
async fn an_execution_that_stood_still_because_of_a_difference_continues() {
    let world = World::new().await;
    let run = world.run(2).await;
    run.claim(0, "lost", TimeDelta::zero()).await;
    run.succeed(1, 1).await;
    world.damage_execution(&run, |row| row.failed = 4).await;
    world.repair(&run, RepairMode::Correct).await;
    assert_eq!(world.put().await, [run.id.segment(0)], "its record is sent again at once");
    assert!(run.row().await.due.is_some_and(|due| due.due_at <= world.now()), "and it is due");
}

#[tokio::test]
async fn a_healthy_execution_is_read_once() {
    let world = World::new().await;
    let run = world.run(257).await;
    run.claim(3, "a record", LONG).await;
    let (engine, requests) = world.counted_sweeper();
    engine.repair(run.id, RepairMode::DryRun).await.unwrap();
    // Plan, execution twice; tallies of the groups, and of those beyond, twice; each group's rows once.
    let expected = [("BatchGetItem", 4), ("GetItem", 3), ("Query", 3)];
    let expected: BTreeMap<_, _> = expected.map(|(name, count)| (name.to_owned(), count)).into();
    assert_eq!(requests.made(), expected);
    let opened = world.open(numbers(0), 0, Policy::default()).await;
    world.assert_agrees(&opened).await;
}

#[expect(clippy::disallowed_methods, reason = "damage behind the protocol")]
impl World {
    async fn delete(&self, key: ItemKey) {
        let delete = self.dynamodb_client().delete_item().table_name("control").set_key(Some(key.to_item()));
        delete.send().await.unwrap();
    }

    async fn set_number(&self, key: ItemKey, attribute: &str, number: &str) {
        let update = self.dynamodb_client().update_item().table_name("control").set_key(Some(key.to_item()));
        let update = update.update_expression("SET #a = :n").expression_attribute_names("#a", attribute);
        let number = aws_sdk_dynamodb::types::AttributeValue::N(number.to_owned());
        update.expression_attribute_values(":n", number).send().await.unwrap();
    }
}
