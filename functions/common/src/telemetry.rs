//! Logs and metrics of this process.

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::{emf, logs};

/// The variable that names the stack, a dimension of every metric; `infra/template.yaml` sets it. Without it there are no metrics.
pub const STACK_VARIABLE: &str = "METRICS_STACK";

/// Sets up logs and metrics, both on standard output, from where Lambda takes them. A program that has set up logs of its own keeps
/// them.
///
/// The level of the logs is that of `AWS_LAMBDA_LOG_LEVEL` or of `RUST_LOG`, and `info` if neither is set.
pub fn init() {
    if let Err(error) = tracing_subscriber::registry().with(logs::layer(std::io::stdout)).try_init() {
        tracing::debug!(%error, "logs are set up already");
    }
    let Some(stack) = std::env::var(STACK_VARIABLE).ok().filter(|stack| !stack.is_empty()) else { return };
    if let Err(error) = emf::install(stack, emf::to_stdout) {
        tracing::error!(%error, "there are no metrics of this process");
    }
}

/// Writes the metrics that were counted since the last time: at the end of each invocation, because Lambda may end the process after
/// any of them.
pub fn flush() {
    control_table::metric::flush();
}
