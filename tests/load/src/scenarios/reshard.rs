//! A backlog of six hours on each shard, and a change of the shards after an hour; then an execution of a few segments.
//!
//! No record is put twice: not one that waits in a closed shard, and not one that waits in a child behind it.

use std::time::Duration;

use chrono::TimeDelta;
use control_table::policy::Policy;
use simulation::clock;
use simulation::work::WorkPlan;
use simulation::world::{Setup, World};

use crate::case::{Case, CaseError, ideal, request, times};
use crate::report::{Checks, Findings, Report, errors};

const SEGMENTS_OF_A_SHARD: u64 = 7_200;
const LATER: u64 = 12;
const EACH: Duration = Duration::from_secs(30);

/// A change of the stream's shards.
pub(super) struct Resharding {
    pub name: &'static str,
    /// Shards before it.
    pub shards: usize,
    pub reshard: fn(&World),
    /// The jobs of the executions before and after it.
    pub before: &'static str,
    pub after: &'static str,
}

pub(super) fn run(case: &Case, resharding: &Resharding) -> Result<Report, CaseError> {
    clock::run(|| play(case, resharding))?
}

async fn play(case: &Case, resharding: &Resharding) -> Result<Report, CaseError> {
    let lanes = case.lanes();
    let segments = lanes.of(SEGMENTS_OF_A_SHARD * resharding.shards as u64);
    let mut setup = Setup::new(case.seed, WorkPlan::of(EACH));
    lanes.apply(&mut setup);
    setup.parameters.stream.shards = resharding.shards;
    let world = case.world(setup);
    let first = request(&world, resharding.before, segments, Policy::default()).await?;
    world.until(TimeDelta::hours(1), |_| false).await;
    (resharding.reshard)(&world);
    let second = request(&world, resharding.after, LATER, Policy::default()).await?;
    let ideal_end = ideal(segments, lanes.lanes * resharding.shards, EACH);
    let done = |world: &World| [first, second].iter().all(|id| world.bus.completion(*id, 1).is_some());
    let all_done = world.until(times(ideal_end, 1.5), done).await;
    let (usage, stalls) = (world.usage(), world.bus.stalls().len());
    let mut checks = Checks::default();
    checks.holds("both end", all_done);
    checks.at_most("records for one segment", f64::from(usage.most_puts()), 1.0);
    checks.at_most("stalls reported", stalls as f64, 0.0);
    checks.at_most("errors of functions", errors(&usage) as f64, 0.0);
    let findings = Findings {
        scaled: lanes.note(),
        shards: 2,
        false_stalls: stalls,
        ..Findings::new(resharding.name, case, &world, usage, segments + LATER, ideal_end)
    };
    Ok(findings.report(checks))
}
