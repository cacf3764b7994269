//! 1,000,000 segments of 30 s on one shard of ten lanes, whose records are kept for a day: 34.7 days of work.
//!
//! It ends within 1.05 of that; records beyond those that expired are at most 1.05 a segment; no stall is reported.

use std::time::Duration;

use chrono::TimeDelta;
use control_table::policy::Policy;
use control_table::rows::ExecutionStatus;
use simulation::clock;
use simulation::work::WorkPlan;
use simulation::world::Setup;

use crate::case::{Case, CaseError, ideal, request, times};
use crate::report::{Checks, Findings, Report, errors};

pub const NAME: &str = "a-month-of-segments";

const SEGMENTS: u64 = 1_000_000;
const EACH: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_hours(24);

/// Records a segment at which the scenario ends: the check has failed by then.
const STORM: u64 = 50;

pub fn run(case: &Case) -> Result<Report, CaseError> {
    clock::run(|| play(case))?
}

async fn play(case: &Case) -> Result<Report, CaseError> {
    let lanes = case.lanes();
    let segments = case.of(SEGMENTS);
    let ideal_end = ideal(segments, lanes.lanes, EACH);
    let share = ideal_end.num_seconds() as f64 / ideal(SEGMENTS, 10, EACH).num_seconds() as f64;
    let mut setup = Setup::new(case.seed, WorkPlan::of(EACH));
    lanes.apply(&mut setup);
    setup.parameters.stream.retention = DAY.mul_f64(share);
    let world = case.world(setup);
    let id = request(&world, "month", segments, Policy::default()).await?;
    world
        .until(times(ideal_end, 1.5), |world| {
            world.bus.completion(id, 1).is_some() || world.look(|usage| usage.puts > STORM * segments)
        })
        .await;
    let completion = world.bus.completion(id, 1);
    let (usage, stalls) = (world.usage(), world.bus.stalls().len());
    let mut checks = Checks::default();
    checks.within("the end", completion.as_ref().map(|published| published.at), times(ideal_end, 1.05));
    let succeeded = completion.is_some_and(|published| published.event.status == ExecutionStatus::Succeeded);
    checks.holds("it succeeds", succeeded);
    let unexpired = usage.puts.saturating_sub(usage.expired) as f64;
    checks.at_most("records that did not expire, a segment", unexpired / segments as f64, 1.05);
    checks.at_most("stalls reported", stalls as f64, 0.0);
    checks.at_most("errors of functions", errors(&usage) as f64, 0.0);
    let scaled = format!("{}; records kept for {:.1} h", lanes.note(), 24.0 * share);
    let findings = Findings {
        scaled: if case.scale < 1.0 { scaled } else { String::new() },
        false_stalls: stalls,
        ..Findings::new(NAME, case, &world, usage, segments, ideal_end.max(TimeDelta::seconds(1)))
    };
    Ok(findings.report(checks))
}
