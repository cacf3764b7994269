//! Runs damaged on purpose: a dry run says what is wrong and changes nothing, a repair puts it right, and the run goes on to
//! an end that all invariants hold for. And nothing is found in a run that only the protocol wrote.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(clippy::disallowed_methods, reason = "whoever damages a table does not know the protocol")]

#[path = "repair/cases.rs"]
mod cases;
#[path = "repair/runs.rs"]
mod runs;
#[path = "repair/world.rs"]
mod world;

use std::collections::BTreeSet;

use control_table::id::ExecutionId;
use control_table::rows::{ErrorKind, ExecutionStatus, Selection};
use engine::operate::RepairMode;
use system_tests::assert_invariants;

use crate::cases::{Case, End};
use crate::runs::{Run, Templates};
use crate::world::{Damage, Of, World};

/// How a report names an item.
fn name(id: ExecutionId, of: Of) -> String {
    match of {
        Of::Execution => format!("execution {id}"),
        Of::Plan => format!("plan {id}"),
        Of::Key => "key key of job job".to_owned(),
        Of::Tally(group) => format!("tally {id}#{group}"),
        Of::Segment(index) => format!("segment {id}#{index}"),
    }
}

/// Damages a run, and looks at what a repair makes of it.
async fn check(templates: &mut Templates, case: Case) {
    let Case { run, damage, expected, end } = case;
    let what = format!("{run:?}, {damage:?}");
    let (world, id) = templates.copy(run).await;
    world.damage(id, &damage).await;
    let before = world.snapshot().await;
    let expected: BTreeSet<_> = expected.into_iter().map(|(of, field)| (name(id, of), field.to_owned())).collect();

    let dry = world.repair(id, RepairMode::DryRun).await.differences;
    let found: BTreeSet<_> = dry.iter().map(|found| (found.item.clone(), found.field.clone())).collect();
    assert_eq!(found, expected, "{what}: {dry:#?}");
    assert_eq!(found.len(), dry.len(), "{what}: nothing is said twice");
    assert!(world.snapshot().await == before, "{what}: a dry run changes nothing");

    let corrected = world.repair(id, RepairMode::Correct).await.differences;
    assert_eq!(corrected, dry, "{what}: what was to be corrected is");
    assert_eq!(world.repair(id, RepairMode::DryRun).await.differences, [], "{what}: it is right now");
    world.run_to_the_end(id).await;
    if end == End::Told {
        world.redrive_all(id).await;
    }
    assert_invariants(&world.table, world.dir.path(), id).await;
    assert_eq!(world.repair(id, RepairMode::DryRun).await.differences, [], "{what}: at its end");
}

#[tokio::test]
async fn tallies_are_made_what_their_rows_say() {
    let mut templates = Templates::default();
    for case in cases::tallies() {
        check(&mut templates, case).await;
    }
}

#[tokio::test]
async fn segments_are_made_again_or_given_up() {
    let mut templates = Templates::default();
    for case in cases::segments() {
        check(&mut templates, case).await;
    }
}

#[tokio::test]
async fn executions_are_made_what_their_tallies_say() {
    let mut templates = Templates::default();
    for case in cases::executions() {
        check(&mut templates, case).await;
    }
}

#[tokio::test]
async fn a_segment_of_which_nothing_is_known_fails_and_says_so() {
    let (world, id) = Run::Sealed.make().await;
    let source = Damage::Text(Of::Plan, "source", r#"{"type":"external"}"#);
    world.damage(id, &[source, Damage::Delete(Of::Segment(40))]).await;
    let report = world.repair(id, RepairMode::Correct).await;
    let said = report.differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(said.contains("spec is null") && said.contains("row_lost"), "{said}");
    let row = world.segment(id, 40).await;
    assert_eq!(row.error.map(|error| error.kind), Some(ErrorKind::RowLost));

    let (world, id) = Run::Sealed.make().await;
    world.damage(id, &[Damage::Delete(Of::Segment(40))]).await;
    world.repair(id, RepairMode::Correct).await;
    let row = world.segment(id, 40).await;
    assert_eq!(row.spec, serde_json::json!({ "from": 40, "to": 41 }), "its source still knows");
}

#[tokio::test]
async fn what_a_tally_knows_of_a_lost_row_is_in_the_new_one() {
    let (world, id) = Run::Succeeded.make().await;
    let lost = world.segment(id, 129).await;
    world.damage(id, &[Damage::Delete(Of::Segment(129))]).await;
    world.repair(id, RepairMode::Correct).await;
    let row = world.segment(id, 129).await;
    assert_eq!((row.status, row.attempt, &row.counts), (lost.status, lost.attempt, &lost.counts));
    assert_eq!(row.spec, lost.spec);
}

#[tokio::test]
async fn what_consumers_were_told_otherwise_is_said() {
    let (world, id) = Run::Failed.make().await;
    let damage = [Damage::Text(Of::Execution, "status", "SUCCEEDED"), Damage::Number(Of::Execution, "failed", 0)];
    world.damage(id, &damage).await;
    let report = world.repair(id, RepairMode::Correct).await;
    let status = report.differences.iter().find(|difference| difference.field == "status").unwrap();
    assert!(status.correction.contains("consumers were told SUCCEEDED"), "{status}");
    assert_eq!(system_tests::events_of(world.dir.path(), id).len(), 1, "no second event of the generation");
}

#[tokio::test]
async fn a_tolerance_that_was_changed_afterwards_is_no_damage() {
    let (world, id) = Run::Succeeded.make().await;
    let tolerated_failures = Some("0".parse().unwrap());
    let set = control_table::operation::SetPolicy { execution_id: id, max_concurrency: None, tolerated_failures };
    world.table.execute(&set).await.unwrap();
    assert_eq!(world.repair(id, RepairMode::DryRun).await.differences, []);
}

#[tokio::test]
async fn counts_below_zero_are_said_with_what_mends_them_and_a_repair_does() {
    let (world, id) = Run::Running.make().await;
    let damages = [
        Damage::Number(Of::Tally(1), "pending", -2),
        Damage::Number(Of::Tally(1), "duration_ms", -7),
        Damage::Number(Of::Execution, "succeeded", -1),
    ];
    world.damage(id, &damages).await;
    let mends = format!("`repair {id}`");
    let of_execution = world.table.execution(id).await.unwrap_err();
    let text = of_execution.to_string();
    assert!(text.contains(&mends) && text.contains("succeeded is -1") && text.contains("EXECUTION"), "{text}");
    let of_tally = world.table.tallies(id, 0..2).await.unwrap_err();
    let text = of_tally.to_string();
    assert!(text.contains(&mends) && text.contains(&format!("{id}#1")) && text.contains("TALLY"), "{text}");
    assert!(!of_execution.is_retryable() && !of_tally.is_retryable());

    // The sweeper meets it as well: the execution, and a segment of it that waits for its retry. They stay due.
    world.advance(chrono::TimeDelta::minutes(10));
    let report = world.sweeper.sweep(world.now().to_datetime() + chrono::TimeDelta::minutes(15)).await.unwrap();
    assert_eq!((report.due, report.failed), (2, 2), "{report:?}");

    let report = world.repair(id, RepairMode::Correct).await;
    let fields: BTreeSet<_> = report.differences.iter().map(|difference| &*difference.field).collect();
    assert!(fields.is_superset(&BTreeSet::from(["pending", "duration_ms", "succeeded"])), "{report:?}");
    world.run_to_the_end(id).await;
    assert_invariants(&world.table, world.dir.path(), id).await;
}

#[tokio::test]
async fn an_execution_that_is_gone_is_said_to_be() {
    let (world, id) = Run::Running.make().await;
    world.damage(id, &[Damage::Delete(Of::Execution)]).await;
    let before = world.snapshot().await;
    let differences = world.repair(id, RepairMode::Correct).await.differences;
    let [gone] = differences.as_slice() else { panic!("{differences:?}") };
    assert!(!gone.repairable && gone.correction.contains("Run the job again with another key"), "{gone}");
    assert!(world.snapshot().await == before);
}

#[tokio::test]
async fn a_plan_that_is_gone_is_said_to_be_and_the_rest_is_corrected() {
    let (world, id) = Run::Running.make().await;
    world.damage(id, &[Damage::Delete(Of::Plan), Damage::Number(Of::Execution, "failed", -1)]).await;
    let differences = world.repair(id, RepairMode::Correct).await.differences;
    let [plan, failed] = differences.as_slice() else { panic!("{differences:?}") };
    assert!(!plan.repairable && plan.correction.contains("cannot be put on the stream again"), "{plan}");
    assert!(failed.repairable && failed.field == "failed");
    let differences = world.repair(id, RepairMode::Correct).await.differences;
    assert_eq!(differences, std::slice::from_ref(plan), "it stays lost");
    // Records that are on the stream carry all that a worker needs.
    world.advance(chrono::TimeDelta::hours(2));
    world.work_on(id, 0..runs::SEGMENTS, |_| false).await;
    world.repair(id, RepairMode::Correct).await;
    assert_eq!(world.execution(id).await.status, ExecutionStatus::Succeeded);
}

impl World {
    /// What failed goes again, in the next generation, until its end.
    async fn redrive_all(&self, id: ExecutionId) {
        let deadline = self.now().to_datetime() + chrono::TimeDelta::minutes(15);
        self.sweeper.redrive(id, Selection::unsuccessful(), deadline).await.unwrap();
        self.run_to_the_end(id).await;
    }
}

#[tokio::test]
async fn finds_nothing_in_a_run_that_only_the_protocol_wrote() {
    for run in Run::ALL {
        let (world, id) = run.make().await;
        let before = world.snapshot().await;
        let report = world.repair(id, RepairMode::DryRun).await;
        assert_eq!(report.differences, [], "{run:?}");
        assert_eq!(world.snapshot().await, before, "{run:?}: a dry run changes nothing");
        let report = world.repair(id, RepairMode::Correct).await;
        assert_eq!(report.differences, [], "{run:?}");
        let report = world.repair(id, RepairMode::DryRun).await;
        assert_eq!(report.differences, [], "{run:?}: after completion followed");
        world.run_to_the_end(id).await;
        assert_invariants(&world.table, world.dir.path(), id).await;
        assert_eq!(world.repair(id, RepairMode::DryRun).await.differences, [], "{run:?}: at its end");
    }
}
