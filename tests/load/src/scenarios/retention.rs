//! An execution of 35 days with a `retention` of 30.
//!
//! It completes, and its rows are kept until 30 days after that, and not much longer.

use std::time::Duration;

use chrono::TimeDelta;
use control_table::policy::Policy;
use control_table::rows::ExecutionStatus;
use simulation::clock;
use simulation::work::WorkPlan;
use simulation::world::{Setup, World};

use crate::case::{Case, CaseError, ideal, request, times};
use crate::report::{Checks, Findings, Report, errors};

pub const NAME: &str = "35-days-kept-for-30";

const SEGMENTS: u64 = 3_600;
const EACH: Duration = Duration::from_mins(14);
const DAYS: u32 = 30;

/// Records a segment at which the wait for the completion ends: 35 times after a day, and as many again.
const STORM: u64 = 70;

/// What DynamoDB takes to delete an expired row, and the sweeper to find it.
const DELETED_WITHIN: TimeDelta = TimeDelta::days(4);

pub fn run(case: &Case) -> Result<Report, CaseError> {
    clock::run(|| play(case))?
}

async fn play(case: &Case) -> Result<Report, CaseError> {
    let mut setup = Setup::new(case.seed, WorkPlan::of(EACH));
    setup.parameters.stream.lanes = 1;
    let world = case.world(setup);
    let policy = Policy { retention_days: Some(DAYS), ..Policy::default() };
    let id = request(&world, "kept", SEGMENTS, policy).await?;
    let ideal_end = ideal(SEGMENTS, 1, EACH);
    let ended =
        |world: &World| world.bus.completion(id, 1).is_some() || world.look(|usage| usage.puts > STORM * SEGMENTS);
    world.until(times(ideal_end, 1.2), ended).await;
    let completed = world.bus.completion(id, 1);
    let succeeded = completed.as_ref().is_some_and(|published| published.event.status == ExecutionStatus::Succeeded);
    let mut checks = Checks::default();
    checks.holds("it completes and succeeds", succeeded);
    checks.at_most("errors of functions", errors(&world.usage()) as f64, 0.0);
    let end = world.elapsed();
    if succeeded {
        check_expiry(&world, &mut checks).await;
    }
    let findings = Findings { end, ..Findings::new(NAME, case, &world, world.usage(), SEGMENTS, ideal_end) };
    Ok(findings.report(checks))
}

/// The rows are kept for their days, and deleted soon after.
async fn check_expiry(world: &World, checks: &mut Checks) {
    world.pass(TimeDelta::days(i64::from(DAYS)) - TimeDelta::hours(1)).await;
    checks.holds("its rows are there an hour before their 30 days are over", rows(world) > SEGMENTS);
    world.pass(DELETED_WITHIN).await;
    checks.at_most("rows that are left four days later", rows(world) as f64, 0.0);
}

/// Rows of executions, tallies and segments.
fn rows(world: &World) -> u64 {
    let table = world.table.rows().lock();
    (table.executions.len() + table.tallies.len() + table.segments.len()) as u64
}
