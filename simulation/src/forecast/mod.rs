//! A user's own job before it runs: time to the end and dollars, by simulating it, or a part of it that takes as long.
//!
//! # Layout
//! - `part`: which part of a large job is simulated, and what it stands for
//! - `distributed_map`: the same job on Step Functions, by formula

mod distributed_map;
mod part;

use std::time::Duration;

use chrono::TimeDelta;
use control_table::policy::Policy;
use engine::EngineError;
use serde::Serialize;
use tracing::subscriber::{NoSubscriber, with_default};

pub use self::distributed_map::{OnStepFunctions, on_step_functions};
use self::part::Part;
use crate::bill::{Bill, Line};
use crate::clock;
use crate::event::of_segments;
use crate::parameters::Transport;
use crate::usage::Usage;
use crate::work::WorkPlan;
use crate::world::{Setup, World};

/// The job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Job {
    /// Segments, at least one.
    pub segments: u64,
    /// The shortest that a segment takes.
    pub shortest: Duration,
    /// The longest.
    pub longest: Duration,
    /// First attempts that fail and are tried again, in a million.
    pub failures: u64,
    /// Memory of the worker.
    pub megabytes: u64,
}

impl Job {
    fn mean_seconds(&self) -> f64 {
        f64::midpoint(self.shortest.as_secs_f64(), self.longest.as_secs_f64())
    }
}

/// The stack that it would run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stack {
    /// How records reach the workers.
    pub transport: Transport,
    /// Shards of ten lanes each; on SQS, tens of invocations at once.
    pub shards: usize,
    /// Segments of an invocation.
    pub batch_size: usize,
}

/// What to expect.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    /// `kinesis` or `sqs`.
    pub transport: &'static str,
    /// Shards, on Kinesis.
    pub shards: Option<usize>,
    /// Invocations of the worker at once, at most.
    pub workers: usize,
    /// Segments of an invocation.
    pub batch_size: usize,
    /// Hours until the completion event; `None` if it did not come in three times the ideal.
    pub hours: Option<f64>,
    /// Hours if nothing waited and nothing failed.
    pub ideal_hours: f64,
    /// Hours that a record waited, at most.
    pub oldest_record_hours: f64,
    /// Records put, by segment.
    pub puts_a_segment: f64,
    /// Invocations of all functions.
    pub invocations: u64,
    /// The bill without the work itself.
    pub lines: Vec<Line>,
    /// Its sum.
    pub dollars: f64,
    /// The work itself.
    pub work_dollars: f64,
    /// Segments that were simulated; the rest is reckoned from them.
    pub simulated_segments: u64,
}

/// Why there is no forecast.
#[derive(Debug, thiserror::Error)]
pub enum ForecastError {
    /// The engine refuses such an execution.
    #[error("{0}")]
    Refused(#[from] EngineError),
    /// No runtime.
    #[error("the operating system has no resources for a simulation: {0}. Try again")]
    Runtime(#[from] std::io::Error),
}

/// Simulates the job on that stack.
pub fn forecast(job: Job, stack: Stack, seed: u64) -> Result<Forecast, ForecastError> {
    let part = Part::of(job.segments, stack.workers());
    let setup = setup(job, stack, &part, seed);
    // The engine's warnings are about a stack that does not exist.
    let quiet = NoSubscriber::default();
    let simulated = with_default(quiet, || clock::run(|| simulate(setup, part.segments, part.ideal(&job))));
    let (usage, end) = simulated??;
    Ok(part.extend(job, stack, &usage, end))
}

impl Stack {
    /// Invocations of the worker at once, at most.
    #[must_use]
    pub const fn workers(&self) -> usize {
        self.shards * LANES
    }
}

/// Lanes of a shard: the template's `ParallelizationFactor`.
const LANES: usize = 10;

/// How many times its ideal a job may take before the simulation ends without an answer.
const PATIENCE: i32 = 3;

fn setup(job: Job, stack: Stack, part: &Part, seed: u64) -> Setup {
    let work =
        WorkPlan { shortest: job.shortest, longest: job.longest, failures: job.failures, ..WorkPlan::of(job.shortest) };
    let mut setup = Setup::new(seed, work);
    let parameters = &mut setup.parameters;
    parameters.transport = stack.transport;
    parameters.lambda.worker.megabytes = job.megabytes;
    parameters.lambda.concurrency = part.share_of(parameters.lambda.concurrency);
    parameters.queue.batch_size = stack.batch_size;
    parameters.queue.concurrency = part.workers();
    parameters.queue.retention = part.of_time(parameters.queue.retention);
    let stream = &mut parameters.stream;
    stream.batch_size = stack.batch_size;
    (stream.shards, stream.lanes) = (part.shards, part.lanes);
    stream.records_a_second = part.of_a_shard(stream.records_a_second);
    stream.bytes_a_second = part.of_a_shard(stream.bytes_a_second);
    stream.retention = part.of_time(stream.retention);
    setup
}

/// Runs an execution. Returns what was used, and its end if it came.
async fn simulate(setup: Setup, segments: u64, ideal: TimeDelta) -> Result<(Usage, Option<TimeDelta>), EngineError> {
    let world = World::begin(setup);
    let event = of_segments("forecast", segments, Policy::default())?;
    let (job, key) = (event.job.clone(), event.key_or("forecast")?);
    world.request(event);
    let id = world.opened(&job, &key).await;
    let completed = world.completed(id, 1, ideal * PATIENCE + TimeDelta::hours(1)).await;
    Ok((world.usage(), completed.map(|published| published.at)))
}

impl Part {
    /// What the simulated part says of the whole.
    fn extend(&self, job: Job, stack: Stack, usage: &Usage, end: Option<TimeDelta>) -> Forecast {
        let hours = end.map(|end| self.whole_time(hours_of(end)));
        let (whole, is_kinesis) = (self.whole(usage), stack.transport == Transport::Kinesis);
        let shard_hours = if is_kinesis { hours.unwrap_or(0.0) * stack.shards as f64 } else { 0.0 };
        let bill = Bill::of(&whole, shard_hours);
        Forecast {
            transport: if is_kinesis { "kinesis" } else { "sqs" },
            shards: is_kinesis.then_some(stack.shards),
            workers: stack.workers(),
            batch_size: stack.batch_size,
            hours,
            ideal_hours: self.whole_time(hours_of(self.ideal(&job))) / stack.batch_size.max(1) as f64,
            oldest_record_hours: self.whole_time(hours_of(usage.oldest_record)),
            puts_a_segment: usage.puts as f64 / self.segments.max(1) as f64,
            invocations: whole.invocations(),
            dollars: bill.orchestration(),
            work_dollars: bill.work.dollars,
            lines: bill.lines,
            simulated_segments: self.segments,
        }
    }
}

fn hours_of(time: TimeDelta) -> f64 {
    time.num_milliseconds() as f64 / 3_600_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: Stack = Stack { transport: Transport::Kinesis, shards: 1, batch_size: 1 };

    fn job(segments: u64, failures: u64) -> Job {
        let time = Duration::from_secs(10);
        Job { segments, shortest: time, longest: time, failures, megabytes: 512 }
    }

    #[test]
    fn a_small_job_takes_its_ideal_time_and_some_and_its_bill_is_that_of_its_usage() {
        let forecast = forecast(job(300, 0), STACK, 1).unwrap();
        let hours = forecast.hours.unwrap();
        assert!(hours >= forecast.ideal_hours && hours < forecast.ideal_hours * 1.5, "{forecast:?}");
        assert_eq!(forecast.simulated_segments, 300);
        assert!(forecast.lines.iter().all(|line| !line.item.starts_with("SQS")), "{forecast:?}");
        assert!((forecast.dollars - forecast.lines.iter().map(|line| line.dollars).sum::<f64>()).abs() < 1e-9);
        let work = 300.0 * 10.0 * 0.5 * 0.000_013_333_4;
        assert!((forecast.work_dollars - work).abs() < work / 10.0, "{forecast:?}");
    }

    #[test]
    fn failures_cost_puts_and_time() {
        let forecast = forecast(job(300, 200_000), STACK, 1).unwrap();
        assert!(forecast.puts_a_segment > 1.1 && forecast.hours.is_some(), "{forecast:?}");
    }

    #[test]
    fn the_queue_has_no_shard_hours() {
        let forecast = forecast(job(300, 0), Stack { transport: Transport::Sqs, ..STACK }, 1).unwrap();
        assert_eq!((forecast.transport, forecast.shards), ("sqs", None));
        assert!(forecast.lines.iter().all(|line| !line.item.starts_with("Kinesis")), "{forecast:?}");
    }
}
