//! 100,000 retries of one execution are due at the same moment, as after an outage of what the work calls.
//!
//! All are put within 15 minutes. Deadlines, stalls, unpublished completions and interrupted scatters of other executions, some in each
//! partition of the due index, are handled within two ticks.

use std::time::Duration;

use chrono::TimeDelta;
use control_table::clock::Timestamp;
use control_table::id::ExecutionId;
use control_table::policy::Policy;
use control_table::rows::{Due, SegmentStatus};
use engine::NO_DEADLINE;
use simulation::clock;
use simulation::event::of_segments;
use simulation::work::WorkPlan;
use simulation::world::{Setup, World};

use crate::case::{Case, CaseError, request, sealed};
use crate::report::{Checks, Findings, Report, errors};

pub const NAME: &str = "100000-retries-at-once";

const RETRIES: u64 = 100_000;

/// Four times the partitions of the due index, so that each of them very likely has some.
const OTHERS: u64 = 32;

/// Shards that take what the retries need: what is measured is the sweeper.
const SHARDS: usize = 4;

const PUT_WITHIN: TimeDelta = TimeDelta::minutes(15);

/// Two ticks, and the time that a tick may take.
const HANDLED_WITHIN: TimeDelta = TimeDelta::seconds(2 * 60 + 55);

/// From the beginning of the others until all of them and the retries are due.
const LEAD: TimeDelta = TimeDelta::minutes(10);

pub fn run(case: &Case) -> Result<Report, CaseError> {
    clock::run(|| play(case))?
}

/// The executions that must not wait.
struct Others {
    late: Vec<ExecutionId>,
    stalled: Vec<ExecutionId>,
    interrupted: Vec<ExecutionId>,
}

async fn play(case: &Case) -> Result<Report, CaseError> {
    let mut setup = Setup::new(case.seed, WorkPlan::of(Duration::from_secs(1)));
    setup.parameters.stream.shards = SHARDS;
    let world = case.world(setup);
    world.mapping.enable(false);
    // All of them at one hundredth of the size: fewer would starve nothing.
    let retries = case.of(100 * RETRIES).min(RETRIES);
    let flood = request(&world, "flood", retries, Policy::default()).await?;
    let mut checks = Checks::default();
    checks.holds("the flood is sealed", sealed(&world, flood, TimeDelta::minutes(14)).await);
    let (begun, due_at) = (world.elapsed(), Timestamp::from(world.now() + LEAD));
    let others = open_others(&world).await?;
    make_due(&world, flood, retries, due_at);
    let due = begun + LEAD;
    world.until(LEAD + HANDLED_WITHIN, |_| false).await;
    check_others(&world, &others, &mut checks);
    let all_put = |world: &World| put_again(world, flood) >= retries;
    let put = world.until(PUT_WITHIN * 3, all_put).await.then(|| world.elapsed() - due);
    checks.within("all retries put", put, PUT_WITHIN + TimeDelta::minutes(1));
    let usage = world.usage();
    checks.at_most("errors of functions", errors(&usage) as f64, 0.0);
    let findings = Findings {
        shards: SHARDS,
        false_stalls: 0,
        ..Findings::new(NAME, case, &world, usage, retries, due + PUT_WITHIN)
    };
    Ok(findings.report(checks))
}

/// Opens executions that are late, stalled or interrupted when the retries are due.
async fn open_others(world: &World) -> Result<Others, CaseError> {
    let lead = u64::try_from(LEAD.num_milliseconds()).unwrap_or(0);
    let late = Policy { execution_timeout_ms: Some(lead), ..Policy::default() };
    let stalled = Policy { stall_after_ms: lead, ..Policy::default() };
    let mut others = Others { late: Vec::new(), stalled: Vec::new(), interrupted: Vec::new() };
    for number in 0..OTHERS {
        others.late.push(request(world, &format!("late-{number}"), 1, late).await?);
        let id = request(world, &format!("stalled-{number}"), 1, stalled).await?;
        others.stalled.push(id);
        others.interrupted.push(interrupt(world, number).await?);
    }
    for id in &others.stalled {
        sealed(world, *id, TimeDelta::minutes(1)).await;
        lose_its_worker(world, *id);
    }
    Ok(others)
}

/// Opens an execution whose scatter dies in the middle of it.
async fn interrupt(world: &World, number: u64) -> Result<ExecutionId, CaseError> {
    let key = format!("interrupted-{number}");
    let event = of_segments(&key, 4_000, Policy::default())?;
    let (engine, job, key) = (world.engine().clone(), event.job.clone(), event.key_or(&key)?);
    let scatter = tokio::spawn(async move { engine.scatter(event, "request", NO_DEADLINE).await.is_ok() });
    let id = world.opened(&job, &key).await;
    world.until(TimeDelta::minutes(5), |world| world.execution(id).is_some_and(|row| row.groups > 1)).await;
    scatter.abort();
    Ok(id)
}

/// A worker claimed the only segment, and is lost: its lease lasts for longer than the scenario.
fn lose_its_worker(world: &World, id: ExecutionId) {
    let until = Timestamp::from(world.now() + LEAD * 10);
    let mut table = world.table.rows().lock();
    if let Some(row) = table.segments.get_mut(&id.segment(0)) {
        (row.status, row.attempt, row.lease_until) = (SegmentStatus::Running, 1, Some(until));
    }
}

/// Every segment of the flood has failed once, and is due for its retry at that moment.
fn make_due(world: &World, flood: ExecutionId, retries: u64, due_at: Timestamp) {
    {
        let mut table = world.table.rows().lock();
        for index in 0..retries {
            let id = flood.segment(index);
            if let Some(row) = table.segments.get_mut(&id) {
                (row.attempt, row.retry_at, row.due) = (1, Some(due_at), Some(Due::retry(id, due_at)));
            }
        }
    }
    world.table.index_again();
}

fn put_again(world: &World, flood: ExecutionId) -> u64 {
    world.look(|usage| {
        let of_flood = usage.puts_of.iter().filter(|(segment, _)| segment.execution_id == flood);
        of_flood.filter(|(_, puts)| **puts > 1).count() as u64
    })
}

fn check_others(world: &World, others: &Others, checks: &mut Checks) {
    let stalls = world.bus.stalls();
    let missing = |ids: &[ExecutionId], is_handled: &dyn Fn(ExecutionId) -> bool| {
        ids.iter().filter(|id| !is_handled(**id)).count() as f64
    };
    let is_stopped = |id| world.execution(id).is_some_and(|row| row.stopped.is_some());
    checks.at_most("deadlines missed by two ticks", missing(&others.late, &is_stopped), 0.0);
    let is_reported = |id| stalls.iter().any(|published| published.event.execution_id == id);
    checks.at_most("stalls not reported after two ticks", missing(&others.stalled, &is_reported), 0.0);
    let is_sealed = |id| world.execution(id).is_some_and(|row| row.sealed_at.is_some());
    checks.at_most("interrupted scatters not continued", missing(&others.interrupted, &is_sealed), 0.0);
}
