//! The mapping is disabled for twelve hours while six hours of work wait, and is enabled again.
//!
//! Records are at most 1.01 a segment, and the work is done as fast as without the pause.

use std::time::Duration;

use chrono::TimeDelta;
use control_table::policy::Policy;
use simulation::clock;
use simulation::work::WorkPlan;
use simulation::world::Setup;

use crate::case::{Case, CaseError, ideal, request, times};
use crate::report::{Checks, Findings, Report, errors};

pub const NAME: &str = "mapping-disabled-for-12-h";

const SEGMENTS: u64 = 7_200;
const EACH: Duration = Duration::from_secs(30);
const PAUSE: TimeDelta = TimeDelta::hours(12);

/// Records a segment at which the scenario ends: the check has failed by then.
const STORM: u64 = 20;

pub fn run(case: &Case) -> Result<Report, CaseError> {
    clock::run(|| play(case))?
}

async fn play(case: &Case) -> Result<Report, CaseError> {
    let lanes = case.lanes();
    let segments = lanes.of(SEGMENTS);
    let mut setup = Setup::new(case.seed, WorkPlan::of(EACH));
    lanes.apply(&mut setup);
    let world = case.world(setup);
    world.mapping.enable(false);
    let id = request(&world, "paused", segments, Policy::default()).await?;
    let is_storm = |world: &simulation::world::World| world.look(|usage| usage.puts > STORM * segments);
    world.until(PAUSE, is_storm).await;
    world.mapping.enable(true);
    let ideal_end = PAUSE + ideal(segments, lanes.lanes, EACH);
    let done = |world: &simulation::world::World| world.bus.completion(id, 1).is_some() || is_storm(world);
    world.until(times(ideal_end, 1.5), done).await;
    let usage = world.usage();
    let mut checks = Checks::default();
    let end = world.bus.completion(id, 1).map(|published| published.at);
    checks.within("the end", end, PAUSE + times(ideal_end - PAUSE, 1.05));
    checks.at_most("records a segment", usage.puts as f64 / segments as f64, 1.01);
    checks.at_most("errors of functions", errors(&usage) as f64, 0.0);
    let findings = Findings {
        scaled: lanes.note(),
        // An operator who pauses for hours hears of it: that is no false alarm.
        false_stalls: 0,
        ..Findings::new(NAME, case, &world, usage, segments, ideal_end)
    };
    Ok(findings.report(checks))
}
