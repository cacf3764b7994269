//! An execution with a `max_concurrency` of 1,000, the largest, of segments of 15 seconds, on as many lanes.
//!
//! It never has more segments in flight, keeps up the rate that docs/tuning.md gives, and no operation fails. Each segment costs what is
//! written there: its slot is a number in the execution's row.

use std::time::Duration;

use chrono::TimeDelta;
use control_table::limits::MAX_CONCURRENCY;
use control_table::policy::Policy;
use simulation::clock;
use simulation::work::WorkPlan;
use simulation::world::{Setup, World};

use crate::case::{Case, CaseError, ideal, request};
use crate::report::{Checks, Findings, Report, errors};

pub const NAME: &str = "max-concurrency-of-1000";

const SEGMENTS: u64 = 10_000;
const SHARDS: usize = 100;
const EACH: Duration = Duration::from_secs(15);

/// Segments a second that docs/tuning.md promises at that limit.
const A_SECOND: u32 = 60;

/// Write units a segment that it names: 12 beyond those of a segment without a slot.
const UNITS: f64 = 16.5;

pub fn run(case: &Case) -> Result<Report, CaseError> {
    clock::run(|| play(case))?
}

async fn play(case: &Case) -> Result<Report, CaseError> {
    let mut setup = Setup::new(case.seed, WorkPlan::of(EACH));
    setup.parameters.stream.shards = SHARDS;
    let world = case.world(setup);
    let policy = Policy { max_concurrency: Some(MAX_CONCURRENCY), ..Policy::default() };
    let id = request(&world, "limited", SEGMENTS, policy).await?;
    let ideal_end = ideal(SEGMENTS, MAX_CONCURRENCY as usize, EACH);
    let mut most_in_flight = 0;
    let watched = |world: &World| {
        most_in_flight = most_in_flight.max(world.execution(id).map_or(0, |row| row.in_flight.len()));
        world.bus.completion(id, 1).is_some()
    };
    world.until(TimeDelta::hours(2), watched).await;
    let (usage, end) = (world.usage(), world.bus.completion(id, 1).map(|published| published.at));
    let mut checks = Checks::default();
    let at_rate = ideal(SEGMENTS, 1, Duration::from_secs(1) / A_SECOND);
    checks.within("the end", end, at_rate + ideal_end);
    checks.at_most("segments in flight", most_in_flight as f64, f64::from(MAX_CONCURRENCY));
    checks.at_most("write units a segment", usage.write_units as f64 / SEGMENTS as f64, UNITS);
    checks.at_most("operations that failed", usage.table_failures as f64, 0.0);
    checks.at_most("errors of functions", errors(&usage) as f64, 0.0);
    let findings = Findings { shards: SHARDS, ..Findings::new(NAME, case, &world, usage, SEGMENTS, ideal_end) };
    Ok(findings.report(checks))
}
