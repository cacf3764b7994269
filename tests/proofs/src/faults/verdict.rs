//! What must hold when a generation is complete.

use std::collections::BTreeMap;

use control_table::rows::ExecutionRow;
use engine::operate::RepairMode;

use super::world::World;
use test_support::{assert_invariants, events_of};

/// The design's invariants, one completion for each generation so far, and nothing for a repair to do.
pub(super) async fn check(world: &World, row: &ExecutionRow) -> Result<(), String> {
    let execution_id = row.execution_id;
    // It panics, which ends the execution of the seed as a violation.
    assert_invariants(&world.table, world.data_dir(), execution_id).await;
    one_completion_each(world, row)?;
    if !row.notifications.is_empty() || row.redrive.is_some() {
        return Err(format!("a complete execution has something left: {row:?}"));
    }
    let report = world.functions.engine.repair(execution_id, RepairMode::DryRun).await;
    let report = report.map_err(|error| format!("a repair cannot look: {error}"))?;
    if report.differences.is_empty() && report.unsettled.is_empty() {
        return Ok(());
    }
    Err(format!("a repair would find {report:?}"))
}

fn one_completion_each(world: &World, row: &ExecutionRow) -> Result<(), String> {
    let mut distinct = BTreeMap::new();
    for event in events_of(world.data_dir(), row.execution_id) {
        let first = distinct.entry(event.generation).or_insert_with(|| event.clone());
        if *first != event {
            return Err(format!("two completions of one generation: {first:?} and {event:?}"));
        }
    }
    let expected: Vec<u32> = (1..=row.generation).collect();
    let found: Vec<u32> = distinct.into_keys().collect();
    if found == expected { Ok(()) } else { Err(format!("completions of the generations {found:?}, not {expected:?}")) }
}
