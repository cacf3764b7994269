//! A tenth of the first attempts fail, behind a backlog of 23.5 hours.
//!
//! A retry is put at most twice.

use std::time::Duration;

use control_table::policy::Policy;
use simulation::clock;
use simulation::parameters::Transport;
use simulation::work::WorkPlan;
use simulation::world::Setup;

use crate::case::{Case, CaseError, ideal, request, times};
use crate::report::{Checks, Findings, Report, errors};

pub const NAME: &str = "retries-behind-a-day";
pub const ON_SQS: &str = "retries-behind-a-day-on-sqs";

/// Half an hour less than the stream keeps a record: the last first attempt is in time.
const SEGMENTS: u64 = 28_200;
const EACH: Duration = Duration::from_secs(30);
const FAILURES_IN_A_MILLION: u64 = 100_000;

/// The record of the first attempt, and at most two of its retry.
const MOST_PUTS: f64 = 3.0;

/// Records a segment at which the scenario ends: the check has failed by then.
const STORM: u64 = 20;

pub fn run(case: &Case) -> Result<Report, CaseError> {
    clock::run(|| play(case, NAME, Transport::Kinesis))?
}

pub fn run_on_sqs(case: &Case) -> Result<Report, CaseError> {
    clock::run(|| play(case, ON_SQS, Transport::Sqs))?
}

async fn play(case: &Case, name: &'static str, transport: Transport) -> Result<Report, CaseError> {
    let lanes = case.lanes();
    let segments = lanes.of(SEGMENTS);
    let mut setup = Setup::new(case.seed, WorkPlan { failures: FAILURES_IN_A_MILLION, ..WorkPlan::of(EACH) });
    lanes.apply(&mut setup);
    (setup.parameters.transport, setup.parameters.queue.concurrency) = (transport, lanes.lanes);
    let world = case.world(setup);
    let id = request(&world, "failing", segments, Policy::default()).await?;
    let attempts = segments + segments * FAILURES_IN_A_MILLION / 1_000_000;
    let ideal_end = ideal(attempts, lanes.lanes, EACH);
    world
        .until(times(ideal_end, 1.5), |world| {
            world.bus.completion(id, 1).is_some() || world.look(|usage| usage.puts > STORM * segments)
        })
        .await;
    let (usage, stalls) = (world.usage(), world.bus.stalls().len());
    let mut checks = Checks::default();
    checks.within("the end", world.bus.completion(id, 1).map(|published| published.at), times(ideal_end, 1.05));
    checks.at_most("records for one segment", f64::from(usage.most_puts()), MOST_PUTS);
    checks.at_most("stalls reported", stalls as f64, 0.0);
    checks.at_most("errors of functions", errors(&usage) as f64, 0.0);
    let findings = Findings {
        scaled: lanes.note(),
        shards: usize::from(transport == Transport::Kinesis),
        false_stalls: stalls,
        ..Findings::new(name, case, &world, usage, segments, ideal_end)
    };
    Ok(findings.report(checks))
}
