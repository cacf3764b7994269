//! The segments of one group name 400 counters, more than an expression of DynamoDB has room for.
//!
//! The execution completes; a segment whose counters are too many fails with an error that says so.

use std::time::Duration;

use chrono::TimeDelta;
use control_table::policy::{OnTooManyFailures, Policy};
use simulation::clock;
use simulation::table::TableFaults;
use simulation::work::WorkPlan;
use simulation::world::{Setup, World};

use crate::case::{Case, CaseError, ideal, request};
use crate::report::{Checks, Findings, Report, errors};

pub const NAME: &str = "400-counters-in-one-group";

const LANES: usize = 10;
const SEGMENTS: u64 = 128;
const COUNTERS: u64 = 400;
const EACH: Duration = Duration::from_secs(1);

pub fn run(case: &Case) -> Result<Report, CaseError> {
    clock::run(|| play(case))?
}

async fn play(case: &Case) -> Result<Report, CaseError> {
    let mut setup = Setup::new(case.seed, WorkPlan { counters: COUNTERS, ..WorkPlan::of(EACH) });
    setup.table = TableFaults { measure_expressions: true, ..TableFaults::default() };
    // Batches, so that outcomes are counted together.
    setup.parameters.stream.batch_size = 25;
    let world = case.world(setup);
    let policy = Policy { on_too_many_failures: OnTooManyFailures::Finish, ..Policy::default() };
    let id = request(&world, "counters", SEGMENTS, policy).await?;
    let completed = world.completed(id, 1, TimeDelta::hours(3)).await;
    let usage = world.usage();
    let mut checks = Checks::default();
    checks.holds("it completes", completed.is_some());
    checks.holds("a segment's error names the counters", has_clear_error(&world));
    checks.at_most("requests that the table refused", usage.table_failures as f64, 0.0);
    checks.at_most("errors of functions", errors(&usage) as f64, 0.0);
    Ok(Findings::new(NAME, case, &world, usage, SEGMENTS, ideal(SEGMENTS, LANES, EACH)).report(checks))
}

fn has_clear_error(world: &World) -> bool {
    let table = world.table.rows().lock();
    table.segments.values().filter_map(|row| row.error.as_ref()).any(|error| error.message.contains("counter"))
}
