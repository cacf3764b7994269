//! One record in a hundred is lost on the way; otherwise the execution is healthy.
//!
//! Each is found, and a record is put again within 15 minutes after its shard was read past the lost one.

use std::time::Duration;

use chrono::TimeDelta;
use control_table::clock::Timestamp;
use control_table::policy::Policy;
use simulation::clock;
use simulation::segment_stream::{LostRecord, StreamFaults};
use simulation::work::WorkPlan;
use simulation::world::Setup;

use crate::case::{Case, CaseError, ideal, request, times};
use crate::report::{Checks, Findings, Report, errors};

pub const NAME: &str = "one-record-in-100-lost";

const LANES: usize = 10;
const SEGMENTS: u64 = 6_000;
const EACH: Duration = Duration::from_secs(30);
const LOST_IN_A_MILLION: u64 = 10_000;
const FOUND_WITHIN: TimeDelta = TimeDelta::minutes(15);

pub fn run(case: &Case) -> Result<Report, CaseError> {
    clock::run(|| play(case))?
}

async fn play(case: &Case) -> Result<Report, CaseError> {
    let mut setup = Setup::new(case.seed, WorkPlan::of(EACH));
    setup.stream = StreamFaults { lost: LOST_IN_A_MILLION };
    let world = case.world(setup);
    let id = request(&world, "lossy", SEGMENTS, Policy::default()).await?;
    let ideal_end = ideal(SEGMENTS, LANES, EACH);
    world.until(times(ideal_end, 2.0), |world| world.bus.completion(id, 1).is_some()).await;
    let (usage, lost, stalls) = (world.usage(), world.stream.lost(), world.bus.stalls().len());
    let mut checks = Checks::default();
    checks.holds("records were lost", !lost.is_empty());
    checks.holds("it ends", world.bus.completion(id, 1).is_some());
    let slowest = lost.iter().map(time_to_find).collect::<Option<Vec<_>>>().and_then(|times| times.into_iter().max());
    checks.within("the slowest to be found", slowest, FOUND_WITHIN);
    let other = usage.puts.saturating_sub(SEGMENTS + lost.len() as u64);
    checks.at_most("records put again that were not lost", other as f64, 0.0);
    checks.at_most("stalls reported", stalls as f64, 0.0);
    checks.at_most("errors of functions", errors(&usage) as f64, 0.0);
    let findings = Findings { false_stalls: stalls, ..Findings::new(NAME, case, &world, usage, SEGMENTS, ideal_end) };
    Ok(findings.report(checks))
}

/// From the moment at which the shard was read past the record until it was put again; nothing if that came first.
fn time_to_find(lost: &LostRecord) -> Option<TimeDelta> {
    let since = |past: Timestamp, again: Timestamp| TimeDelta::milliseconds(again.as_millis() - past.as_millis());
    match (lost.read_past_at, lost.put_again_at) {
        (_, None) => None,
        (None, Some(_)) => Some(TimeDelta::zero()),
        (Some(past), Some(again)) => Some(since(past, again).max(TimeDelta::zero())),
    }
}
