//! Segments of 14 minutes on ten lanes, in lockstep: nothing has an outcome for longer than the engine's patience.
//!
//! No record is put twice.

use std::time::Duration;

use control_table::policy::Policy;
use simulation::clock;
use simulation::parameters::Transport;
use simulation::work::WorkPlan;
use simulation::world::Setup;

use crate::case::{Case, CaseError, ideal, request, times};
use crate::report::{Checks, Findings, Report, errors};

pub const NAME: &str = "segments-of-14-minutes";
pub const ON_SQS: &str = "segments-of-14-minutes-on-sqs";

const LANES: usize = 10;
const SEGMENTS: u64 = 600;
const EACH: Duration = Duration::from_mins(14);

/// Lanes of 60 segments each differ by some; the longest of ten has about a fifth more. A queue has no lanes.
const UNEVEN: f64 = 1.35;
const EVEN: f64 = 1.05;

pub fn run(case: &Case) -> Result<Report, CaseError> {
    clock::run(|| play(case, NAME, Transport::Kinesis))?
}

pub fn run_on_sqs(case: &Case) -> Result<Report, CaseError> {
    clock::run(|| play(case, ON_SQS, Transport::Sqs))?
}

async fn play(case: &Case, name: &'static str, transport: Transport) -> Result<Report, CaseError> {
    let mut setup = Setup::new(case.seed, WorkPlan::of(EACH));
    setup.parameters.transport = transport;
    let world = case.world(setup);
    let id = request(&world, "long", SEGMENTS, Policy::default()).await?;
    let ideal_end = ideal(SEGMENTS, LANES, EACH);
    world.until(times(ideal_end, 2.0), |world| world.bus.completion(id, 1).is_some()).await;
    let (usage, stalls) = (world.usage(), world.bus.stalls().len());
    let mut checks = Checks::default();
    let end = world.bus.completion(id, 1).map(|published| published.at);
    let factor = if transport == Transport::Sqs { EVEN } else { UNEVEN };
    checks.within("the end", end, times(ideal_end, factor));
    checks.at_most("records for one segment", f64::from(usage.most_puts()), 1.0);
    checks.at_most("stalls reported", stalls as f64, 0.0);
    checks.at_most("errors of functions", errors(&usage) as f64, 0.0);
    let shards = usize::from(transport == Transport::Kinesis);
    let findings =
        Findings { shards, false_stalls: stalls, ..Findings::new(name, case, &world, usage, SEGMENTS, ideal_end) };
    Ok(findings.report(checks))
}
