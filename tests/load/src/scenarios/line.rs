//! Five executions of six hours each are requested at once, on one shard of ten lanes.
//!
//! No record is put twice, but those that expired. No stall is reported while an execution waits its turn.

use std::time::Duration;

use chrono::TimeDelta;
use control_table::policy::Policy;
use simulation::clock;
use simulation::work::WorkPlan;
use simulation::world::Setup;

use crate::case::{Case, CaseError, ideal, request, times};
use crate::report::{Checks, Findings, Report, errors};

pub const NAME: &str = "five-in-a-line";

const EXECUTIONS: u64 = 5;
const SEGMENTS: u64 = 7_200;
const EACH: Duration = Duration::from_secs(30);

/// Records a segment at which the scenario ends: the check has failed by then.
const STORM: u64 = 20;

pub fn run(case: &Case) -> Result<Report, CaseError> {
    clock::run(|| play(case))?
}

async fn play(case: &Case) -> Result<Report, CaseError> {
    let lanes = case.lanes();
    let (each, segments) = (lanes.of(SEGMENTS), lanes.of(SEGMENTS) * EXECUTIONS);
    let mut setup = Setup::new(case.seed, WorkPlan::of(EACH));
    lanes.apply(&mut setup);
    let world = case.world(setup);
    let mut ids = Vec::new();
    for number in 0..EXECUTIONS {
        ids.push(request(&world, &format!("in-line-{number}"), each, Policy::default()).await?);
    }
    let ideal_end = ideal(segments, lanes.lanes, EACH);
    let all_done = world
        .until(times(ideal_end, 1.5), |world| {
            let is_done = ids.iter().all(|id| world.bus.completion(*id, 1).is_some());
            is_done || world.look(|usage| usage.puts > STORM * segments)
        })
        .await;
    let (usage, stalls) = (world.usage(), world.bus.stalls().len());
    let ends = ids.iter().map(|id| world.bus.completion(*id, 1).map(|published| published.at));
    let last = ends.collect::<Option<Vec<TimeDelta>>>().and_then(|ends| ends.into_iter().max());
    let mut checks = Checks::default();
    checks.holds("all end", all_done);
    checks.within("the last end", last, times(ideal_end, 1.05));
    let twice = usage.puts.saturating_sub(usage.expired + segments);
    checks.at_most("records put twice that had not expired", twice as f64, 0.0);
    checks.at_most("stalls reported", stalls as f64, 0.0);
    checks.at_most("errors of functions", errors(&usage) as f64, 0.0);
    let findings = Findings {
        scaled: lanes.note(),
        false_stalls: stalls,
        ..Findings::new(NAME, case, &world, usage, segments, ideal_end)
    };
    Ok(findings.report(checks))
}
