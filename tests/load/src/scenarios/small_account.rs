//! An account with ten concurrent invocations, and more work than its workers can do: segments of 14 minutes on ten lanes.
//!
//! Gather and the sweeper, which have a reservation, run all the time: a group is folded and a tick swept without delay.

use std::time::Duration;

use chrono::TimeDelta;
use control_table::clock::Timestamp;
use control_table::id::ExecutionId;
use control_table::policy::Policy;
use simulation::clock;
use simulation::work::WorkPlan;
use simulation::world::{Setup, World};

use crate::case::{Case, CaseError, ideal, request, times};
use crate::report::{Checks, Findings, Report, errors};

pub const NAME: &str = "account-of-ten-invocations";

const CONCURRENCY: usize = 10;
const SEGMENTS: u64 = 200;
const EACH: Duration = Duration::from_mins(14);

/// From the last outcome to the completion event.
const COMPLETED_WITHIN: TimeDelta = TimeDelta::minutes(1);

pub fn run(case: &Case) -> Result<Report, CaseError> {
    clock::run(|| play(case))?
}

async fn play(case: &Case) -> Result<Report, CaseError> {
    let mut setup = Setup::new(case.seed, WorkPlan::of(EACH));
    let lambda = &mut setup.parameters.lambda;
    lambda.concurrency = CONCURRENCY;
    (lambda.gather.reserved, lambda.sweeper.reserved) = (Some(1), Some(1));
    let world = case.world(setup);
    // Two executions, so that workers are busy when the first one ends.
    let first = request(&world, "first", SEGMENTS, Policy::default()).await?;
    let second = request(&world, "second", SEGMENTS, Policy::default()).await?;
    let ideal_end = ideal(2 * SEGMENTS, CONCURRENCY - 2, EACH);
    let mut lags = Vec::new();
    for id in [first, second] {
        world.until(times(ideal_end, 2.0), |world| world.bus.completion(id, 1).is_some()).await;
        let completed = world.bus.completion(id, 1).map(|published| Timestamp::from(published.event.finished_at));
        lags.push(completed.zip(last_outcome(&world, id)).map(|(completed, last)| since(last, completed)));
    }
    let usage = world.usage();
    let mut checks = Checks::default();
    for lag in lags {
        checks.within("from the last outcome to the completion", lag, COMPLETED_WITHIN);
    }
    let ticks = world.elapsed().num_minutes() as f64;
    checks.at_most("ticks that were not swept", ticks - usage.function("sweeper").invocations as f64, 1.0);
    checks.at_most("throttled sweeps", usage.function("sweeper").throttles as f64, 0.0);
    checks.at_most("throttled gathers", usage.function("gather").throttles as f64, 4.0 * ticks);
    checks.at_most("errors of functions", errors(&usage) as f64, 0.0);
    Ok(Findings::new(NAME, case, &world, usage, 2 * SEGMENTS, ideal_end).report(checks))
}

/// When the last segment of an execution had its outcome.
fn last_outcome(world: &World, id: ExecutionId) -> Option<Timestamp> {
    let table = world.table.rows().lock();
    table.segments.values().filter(|row| row.group.execution_id == id).filter_map(|row| row.finished_at).max()
}

fn since(earlier: Timestamp, later: Timestamp) -> TimeDelta {
    TimeDelta::milliseconds(later.as_millis() - earlier.as_millis())
}
