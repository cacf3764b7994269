//! An execution of 10,000,000 segments that all wait is cancelled: the request only marks it, and the sweeper cancels.
//!
//! There is no pause between invocations of more than a tick, and none ends at its timeout.

use std::time::Duration;

use chrono::TimeDelta;
use control_table::policy::Policy;
use control_table::rows::ExecutionStatus;
use simulation::clock;
use simulation::work::WorkPlan;
use simulation::world::Setup;

use crate::case::{Case, CaseError, request, sealed};
use crate::report::{Checks, Findings, Report, errors, minutes};

pub const NAME: &str = "cancel-of-10-million";

const SEGMENTS: u64 = 10_000_000;

/// A shard that takes what a scatter gives: the scatter is not what is measured.
const RECORDS_A_SECOND: u64 = 100_000;

/// A tick of the sweeper, and what an invocation needs to begin.
const NO_PAUSE: TimeDelta = TimeDelta::seconds(75);

/// A group of 128 waiting rows: a query, eight rounds of sixteen updates, six tallies of 25.
const OF_A_GROUP: TimeDelta = TimeDelta::milliseconds(10 + 8 * 7 + 6 * 7);

pub fn run(case: &Case) -> Result<Report, CaseError> {
    clock::run(|| play(case))?
}

async fn play(case: &Case) -> Result<Report, CaseError> {
    // Twice as many: one hundredth would be cancelled by one invocation.
    let segments = case.of(2 * SEGMENTS).min(SEGMENTS);
    let mut setup = Setup::new(case.seed, WorkPlan::of(Duration::from_secs(1)));
    setup.parameters.stream.records_a_second = RECORDS_A_SECOND;
    setup.parameters.stream.bytes_a_second *= 100;
    let world = case.world(setup);
    world.mapping.enable(false);
    let id = request(&world, "cancelled", segments, Policy::default()).await?;
    let mut checks = Checks::default();
    checks.holds("it is sealed first", sealed(&world, id, TimeDelta::hours(12)).await);
    let begun = world.elapsed();
    world.restart_progress();
    world.engine().request_cancel(id).await?;
    let groups = i32::try_from(segments / 128).unwrap_or(i32::MAX);
    let ideal_end = OF_A_GROUP * groups;
    let completed = world.completed(id, 1, ideal_end * 10 + TimeDelta::hours(1)).await;
    let usage = world.usage();
    let status = completed.as_ref().map(|published| published.event.status);
    checks.holds("it ends CANCELLED", status == Some(ExecutionStatus::Cancelled));
    let took = completed.map(|published| published.at - begun);
    checks.within("the cancel", took, ideal_end * 3 / 2 + NO_PAUSE * 2);
    checks.at_most("the longest pause, minutes", minutes(usage.longest_gap), minutes(NO_PAUSE));
    checks.at_most("errors of functions", errors(&usage) as f64, 0.0);
    let findings =
        Findings { false_stalls: 0, ..Findings::new(NAME, case, &world, usage, segments, begun + ideal_end) };
    Ok(findings.report(checks))
}
