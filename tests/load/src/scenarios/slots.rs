//! An execution with a `max_concurrency` of 100, of segments of a second, on a queue with as many workers.
//!
//! It never has more segments in flight, keeps up the rate that docs/tuning.md gives, and no operation fails. A segment costs what is
//! written there.

use std::time::Duration;

use chrono::TimeDelta;
use control_table::policy::Policy;
use simulation::clock;
use simulation::parameters::Transport;
use simulation::work::WorkPlan;
use simulation::world::{Setup, World};

use crate::case::{Case, CaseError, ideal, request, times};
use crate::report::{Checks, Findings, Report, errors};

pub const NAME: &str = "max-concurrency-of-100";

const LIMIT: u32 = 100;
const SEGMENTS: u64 = 5_000;
const EACH: Duration = Duration::from_secs(1);

/// Between two segments a slot rests for a third of a second: until gather has read the release, and admitted the next.
const SLOT_RESTS: f64 = 1.5;

/// Write units a segment: one more for its release, and its share of an admission.
const UNITS: f64 = 5.3;

pub fn run(case: &Case) -> Result<Report, CaseError> {
    clock::run(|| play(case))?
}

async fn play(case: &Case) -> Result<Report, CaseError> {
    let mut setup = Setup::new(case.seed, WorkPlan::of(EACH));
    (setup.parameters.transport, setup.parameters.queue.concurrency) = (Transport::Sqs, LIMIT as usize);
    let world = case.world(setup);
    let policy = Policy { max_concurrency: Some(LIMIT), ..Policy::default() };
    let id = request(&world, "limited", SEGMENTS, policy).await?;
    let ideal_end = ideal(SEGMENTS, LIMIT as usize, EACH);
    let mut most_in_flight = 0;
    let watched = |world: &World| {
        most_in_flight = most_in_flight.max(world.execution(id).map_or(0, |row| row.in_flight.len()));
        world.bus.completion(id, 1).is_some()
    };
    world.until(TimeDelta::hours(2), watched).await;
    let (usage, end) = (world.usage(), world.bus.completion(id, 1).map(|published| published.at));
    let mut checks = Checks::default();
    checks.within("the end", end, times(ideal_end, SLOT_RESTS));
    checks.at_most("segments in flight", most_in_flight as f64, f64::from(LIMIT));
    checks.at_most("write units a segment", usage.write_units as f64 / SEGMENTS as f64, UNITS);
    checks.at_most("operations that failed", usage.table_failures as f64, 0.0);
    checks.at_most("errors of functions", errors(&usage) as f64, 0.0);
    let findings = Findings { shards: 0, ..Findings::new(NAME, case, &world, usage, SEGMENTS, ideal_end) };
    Ok(findings.report(checks))
}
