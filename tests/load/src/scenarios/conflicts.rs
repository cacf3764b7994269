//! Every tenth plain update of the table meets a transaction.
//!
//! No operation fails, and no function.

use std::time::Duration;

use chrono::TimeDelta;
use control_table::policy::Policy;
use control_table::rows::ExecutionStatus;
use simulation::clock;
use simulation::table::TableFaults;
use simulation::work::WorkPlan;
use simulation::world::Setup;

use crate::case::{Case, CaseError, ideal, request};
use crate::report::{Checks, Findings, Report, errors};

pub const NAME: &str = "conflict-on-every-tenth-update";

const LANES: usize = 10;
const SEGMENTS: u64 = 3_000;
const EACH: Duration = Duration::from_secs(1);

pub fn run(case: &Case) -> Result<Report, CaseError> {
    clock::run(|| play(case))?
}

async fn play(case: &Case) -> Result<Report, CaseError> {
    let mut setup = Setup::new(case.seed, WorkPlan { failures: 50_000, ..WorkPlan::of(EACH) });
    setup.table = TableFaults { conflict_every: 10, ..TableFaults::default() };
    let world = case.world(setup);
    let id = request(&world, "conflicts", SEGMENTS, Policy::default()).await?;
    let completed = world.completed(id, 1, TimeDelta::hours(2)).await;
    let usage = world.usage();
    let mut checks = Checks::default();
    let succeeded = completed.is_some_and(|published| published.event.status == ExecutionStatus::Succeeded);
    checks.holds("it succeeds", succeeded);
    checks.holds("there were conflicts", usage.conflicts > SEGMENTS / 10);
    checks.at_most("operations that failed", usage.table_failures as f64, 0.0);
    checks.at_most("errors of functions", errors(&usage) as f64, 0.0);
    Ok(Findings::new(NAME, case, &world, usage, SEGMENTS, ideal(SEGMENTS, LANES, EACH)).report(checks))
}
