//! What the functions say of themselves on Lambda: logs as JSON lines, and metrics in CloudWatch's embedded format.
//!
//! Both go to standard output, from where Lambda takes them to the log group; CloudWatch makes metrics of the lines that
//! are metrics. So nothing is sent, no permission is needed, and an invocation waits for nothing.
//!
//! # Layout
//! - `logs`: a line an event, with the fields of its spans beside its own
//! - `emf`: the metrics by name, and when they are written
//! - `events`: which events of the functions count in which metric
//! - `environment`: the variables without which a function does not start, and what it says then
//!
//! The functions' libraries know nothing of this crate: what they log anyway is what is counted. Only figures that are in no
//! event are handed over, by a `main`.

mod emf;
mod environment;
mod events;
mod logs;

use control_table::clock::Timestamp;
use control_table::completion::CompletionEvent;
use control_table::item::ExecutionStatus;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::emf::{Metric, Metrics};
pub use crate::environment::{Missing, variable};

/// The variable that says by which stack the metrics are told apart; `infra/template.yaml` sets it. Without it there are
/// no metrics.
pub const STACK_VARIABLE: &str = "METRICS_STACK";

/// The metrics of this process, if it has any. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Telemetry {
    metrics: Option<&'static Metrics>,
}

/// Sets up logs and metrics. A program that has set up logs of its own keeps them, and then has no metrics of segments.
///
/// The level is that of `AWS_LAMBDA_LOG_LEVEL` or of `RUST_LOG`, and `info` if neither is set.
#[must_use]
pub fn init() -> Telemetry {
    let stack = std::env::var(STACK_VARIABLE).ok().filter(|stack| !stack.is_empty());
    let metrics = stack.map(|stack| Metrics::install(stack, emf::to_stdout)).transpose();
    let counted = metrics.as_ref().ok().copied().flatten();
    // Metrics come from events that the level of the logs may leave out, so each of the two has a filter of its own.
    let layers = tracing_subscriber::registry().with(logs::layer(std::io::stdout)).with(counted.map(events::layer));
    if let Err(error) = layers.try_init() {
        tracing::debug!(%error, "logs are set up already");
    }
    if let Err(error) = metrics {
        tracing::error!(%error, "there are no metrics of this process");
    }
    Telemetry { metrics: counted }
}

impl Telemetry {
    /// Writes what was counted since the last time: at the end of each invocation, because Lambda may end the process after
    /// any of them.
    pub fn flush(&self) {
        if let Some(metrics) = self.metrics {
            metrics.flush();
        }
    }

    /// A completion event went out. It may be counted twice if it had to be put twice; never not at all.
    pub fn published(&self, event: &CompletionEvent, now: Timestamp) {
        let Some(metrics) = self.metrics else { return };
        match event.status {
            ExecutionStatus::Succeeded => metrics.count(Metric::ExecutionsSucceeded, 1),
            ExecutionStatus::Failed => metrics.count(Metric::ExecutionsFailed, 1),
            ExecutionStatus::Cancelled => metrics.count(Metric::ExecutionsCancelled, 1),
            ExecutionStatus::Scattering
            | ExecutionStatus::Running
            | ExecutionStatus::Cancelling
            | ExecutionStatus::Redriving => {}
        }
        metrics.count(Metric::SegmentsCancelled, event.cancelled);
        metrics.observe(Metric::CompletionLagMs, now.millis_since(event.finished_at.into()));
    }

    /// A sweep is over: records that it put, and segments it recorded as failed because their workers were lost.
    pub fn swept(&self, records_put: u64, given_up: u64) {
        let Some(metrics) = self.metrics else { return };
        metrics.count(Metric::SweepRecordsPut, records_put);
        metrics.count(Metric::SegmentsFailed, given_up);
    }
}

#[cfg(test)]
mod tests;
