//! Backlogs of six hours on two shards, which are merged after an hour; then an execution of a few segments on their child.
//!
//! No record is put twice: not one that waits in a closed shard, and not one that waits in the child behind both.

use std::time::Duration;

use chrono::TimeDelta;
use control_table::policy::Policy;
use simulation::clock;
use simulation::work::WorkPlan;
use simulation::world::{Setup, World};

use crate::case::{Case, CaseError, ideal, request, times};
use crate::report::{Checks, Findings, Report, errors};

pub const NAME: &str = "shards-merged-under-a-backlog";

const SHARDS: usize = 2;
const SEGMENTS: u64 = 7_200 * SHARDS as u64;
const LATER: u64 = 12;
const EACH: Duration = Duration::from_secs(30);

pub fn run(case: &Case) -> Result<Report, CaseError> {
    clock::run(|| play(case))?
}

async fn play(case: &Case) -> Result<Report, CaseError> {
    let lanes = case.lanes();
    let segments = lanes.of(SEGMENTS);
    let mut setup = Setup::new(case.seed, WorkPlan::of(EACH));
    lanes.apply(&mut setup);
    setup.parameters.stream.shards = SHARDS;
    let world = case.world(setup);
    let first = request(&world, "before-the-merge", segments, Policy::default()).await?;
    world.until(TimeDelta::hours(1), |_| false).await;
    world.mapping.merge();
    let second = request(&world, "after-the-merge", LATER, Policy::default()).await?;
    let ideal_end = ideal(segments, lanes.lanes * SHARDS, EACH);
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
        shards: SHARDS,
        false_stalls: stalls,
        ..Findings::new(NAME, case, &world, usage, segments + LATER, ideal_end)
    };
    Ok(findings.report(checks))
}
