//! Segments of 14 minutes on ten lanes, in lockstep: nothing has an outcome for longer than the engine's patience.
//!
//! No record is put twice.

use std::time::Duration;

use control_table::policy::Policy;
use simulation::clock;
use simulation::work::WorkPlan;
use simulation::world::Setup;

use crate::case::{Case, CaseError, ideal, request, times};
use crate::report::{Checks, Findings, Report, errors};

pub const NAME: &str = "segments-of-14-minutes";

const LANES: usize = 10;
const SEGMENTS: u64 = 600;
const EACH: Duration = Duration::from_mins(14);

/// Lanes of 60 segments each differ by some; the longest of ten has about a fifth more.
const UNEVEN: f64 = 1.35;

pub fn run(case: &Case) -> Result<Report, CaseError> {
    clock::run(|| play(case))?
}

async fn play(case: &Case) -> Result<Report, CaseError> {
    let world = case.world(Setup::new(case.seed, WorkPlan::of(EACH)));
    let id = request(&world, "long", SEGMENTS, Policy::default()).await?;
    let ideal_end = ideal(SEGMENTS, LANES, EACH);
    world.until(times(ideal_end, 2.0), |world| world.bus.completion(id, 1).is_some()).await;
    let (usage, stalls) = (world.usage(), world.bus.stalls().len());
    let mut checks = Checks::default();
    let end = world.bus.completion(id, 1).map(|published| published.at);
    checks.within("the end", end, times(ideal_end, UNEVEN));
    checks.at_most("records for one segment", f64::from(usage.most_puts()), 1.0);
    checks.at_most("stalls reported", stalls as f64, 0.0);
    checks.at_most("errors of functions", errors(&usage) as f64, 0.0);
    let findings = Findings { false_stalls: stalls, ..Findings::new(NAME, case, &world, usage, SEGMENTS, ideal_end) };
    Ok(findings.report(checks))
}
