//! A redrive of an execution of 78,125 groups with a failed segment in each, whose caller is killed at a moment that chance picks.
//!
//! It is done within 1.5 times an uninterrupted one (and the sweeper's patience), and a cancel during it is accepted in that time.

use std::time::Duration;

use chrono::TimeDelta;
use control_table::id::ExecutionId;
use control_table::policy::{OnTooManyFailures, Policy};
use control_table::rows::{ExecutionStatus, Selection, Stop};
use engine::NO_DEADLINE;
use simulation::clock;
use simulation::work::WorkPlan;
use simulation::world::{Setup, World};

use crate::case::{Case, CaseError, request, times};
use crate::report::{Checks, Findings, Report};

pub const NAME: &str = "redrive-of-78125-groups";

const SEGMENTS: u64 = 10_000_000;
const GROUP: u64 = 128;

/// Until the sweeper takes an interrupted redrive over: its patience, a tick, and a margin.
const TAKEN_OVER_WITHIN: TimeDelta = TimeDelta::minutes(8);

/// Lanes and a shard that are not what is measured.
const LANES: usize = 200;

pub fn run(case: &Case) -> Result<Report, CaseError> {
    clock::run(|| play(case))?
}

async fn play(case: &Case) -> Result<Report, CaseError> {
    let segments = case.of(SEGMENTS / GROUP) * GROUP;
    let work = WorkPlan { fails_every: GROUP, ..WorkPlan::of(Duration::from_millis(20)) };
    let mut setup = Setup::new(case.seed, work);
    setup.parameters.stream.lanes = LANES;
    setup.parameters.stream.batch_size = 10;
    setup.parameters.stream.records_a_second = 100_000;
    setup.parameters.stream.bytes_a_second *= 100;
    let world = case.world(setup);
    let policy = Policy { on_too_many_failures: OnTooManyFailures::Finish, ..Policy::default() };
    let id = request(&world, "redriven", segments, policy).await?;
    let mut checks = Checks::default();
    let at_most = TimeDelta::hours(24);
    checks.holds("the first generation ends", world.completed(id, 1, at_most).await.is_some());

    let begun = world.elapsed();
    world.engine().redrive(id, Selection::unsuccessful(), NO_DEADLINE).await?;
    let uninterrupted = world.elapsed() - begun;
    checks.holds("the second generation ends", world.completed(id, 2, at_most).await.is_some());

    let limit = times(uninterrupted, 1.5) + TAKEN_OVER_WITHIN;
    let begun = kill_a_redrive(&world, id, case.seed, uninterrupted).await;
    let is_over = |world: &World| world.execution(id).is_some_and(|row| row.status != ExecutionStatus::Redriving);
    let over = world.until(limit * 3, is_over).await.then(|| world.elapsed() - begun);
    checks.within("the interrupted redrive", over, limit);
    checks.holds("the third generation ends", world.completed(id, 3, at_most).await.is_some());

    let begun = kill_a_redrive(&world, id, case.seed + 1, uninterrupted).await;
    let accepted = cancel(&world, id, limit * 3).await.then(|| world.elapsed() - begun);
    checks.within("a cancel is accepted", accepted, limit);
    checks.holds("the cancelled generation ends", world.completed(id, 4, at_most).await.is_some());
    let findings = Findings {
        scaled: format!("{} groups", segments / GROUP),
        ..Findings::new(NAME, case, &world, world.usage(), segments, uninterrupted)
    };
    Ok(findings.report(checks))
}

/// Begins a redrive, and kills its caller between a tenth and nine tenths of its time. Returns when it began.
async fn kill_a_redrive(world: &World, id: ExecutionId, seed: u64, uninterrupted: TimeDelta) -> TimeDelta {
    let begun = world.elapsed();
    let engine = world.engine().clone();
    let caller = tokio::spawn(async move { engine.redrive(id, Selection::unsuccessful(), NO_DEADLINE).await.is_ok() });
    let share = (1 + seed % 9) as f64 / 10.0;
    world.pass(times(uninterrupted, share)).await;
    caller.abort();
    begun
}

/// Asks once a minute for a cancel, until it is accepted. Whether it was.
async fn cancel(world: &World, id: ExecutionId, at_most: TimeDelta) -> bool {
    let end = world.elapsed() + at_most;
    while world.elapsed() < end {
        if world.engine().cancel(id, Stop::Requested, NO_DEADLINE).await.is_ok() {
            return true;
        }
        world.pass(TimeDelta::minutes(1)).await;
    }
    false
}
