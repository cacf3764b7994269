//! A scatter of 10,000,000 segments to one shard, which takes 1,000 records a second: three hours, a dozen invocations.
//!
//! It is sealed within 1.2 of that, with no pause between invocations, and raises no alarm.

use std::time::Duration;

use chrono::TimeDelta;
use control_table::policy::Policy;
use simulation::clock;
use simulation::work::WorkPlan;
use simulation::world::Setup;

use crate::case::{Case, CaseError, request, sealed, times};
use crate::report::{Checks, Findings, Report, errors, minutes};

pub const NAME: &str = "scatter-of-10-million";

const SEGMENTS: u64 = 10_000_000;
const RECORDS_A_SECOND: u64 = 1_000;

/// A tick of the sweeper, and what an invocation needs to begin.
const NO_PAUSE: TimeDelta = TimeDelta::seconds(90);

pub fn run(case: &Case) -> Result<Report, CaseError> {
    clock::run(|| play(case))?
}

async fn play(case: &Case) -> Result<Report, CaseError> {
    // Fewer segments to a shard that takes as many fewer a second take as long. Not below a tenth: the groups that a scatter puts at
    // once must go in before its tries end.
    let rate = case.of(10 * RECORDS_A_SECOND).min(RECORDS_A_SECOND);
    let segments = case.of(10 * SEGMENTS).min(SEGMENTS);
    let mut setup = Setup::new(case.seed, WorkPlan::of(Duration::from_secs(1)));
    setup.parameters.stream.records_a_second = rate;
    let world = case.world(setup);
    world.mapping.enable(false);
    let id = request(&world, "large", segments, Policy::default()).await?;
    let ideal_end = TimeDelta::seconds(i64::try_from(segments / rate).unwrap_or(i64::MAX));
    let is_sealed = sealed(&world, id, times(ideal_end, 12.0)).await;
    let usage = world.usage();
    let mut checks = Checks::default();
    checks.within("the seal", is_sealed.then(|| world.elapsed()), times(ideal_end, 1.2) + NO_PAUSE);
    checks.at_most("the longest pause, minutes", minutes(usage.longest_put_gap), minutes(NO_PAUSE));
    checks.at_most("errors of functions", errors(&usage) as f64, 0.0);
    checks.at_most("requests that Lambda gave up on", usage.failed_requests as f64, 0.0);
    let findings = Findings {
        scaled: if rate == RECORDS_A_SECOND { String::new() } else { format!("a shard of {rate} records/s") },
        false_stalls: 0,
        ..Findings::new(NAME, case, &world, usage, segments, ideal_end)
    };
    Ok(findings.report(checks))
}
