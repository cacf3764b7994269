//! The HTTP API in Lambda. AWS checks who calls, before this function is invoked.

use std::sync::Arc;
use std::time::Duration;

use api::{Parts, Place};
use aws::{Deployed, Outputs};
use control_table::clock::{Entropy, SystemClock};
use functions::environment::{optional, transport, variable};
use functions::telemetry;
use lambda_http::Error;

/// How long a caller waits for the execution that it starts. The function's own time is 60 seconds (infra/template.yaml).
const START_WAIT: Duration = Duration::from_secs(25);

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let stack = variable("METRICS_STACK")?;
    let outputs = Outputs {
        control_table: variable("CONTROL_TABLE")?,
        transport: transport()?,
        completion_bus: variable("COMPLETION_BUS")?,
        scatter_function: variable("SCATTER_FUNCTION")?,
        sweeper_function: variable("SWEEPER_FUNCTION")?,
    };
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(Entropy::from_system()));
    let deployed = Deployed::of(&stack, outputs, Arc::clone(&clock) as _, Arc::clone(&entropy)).await;
    let deployed = deployed.with_start_wait(START_WAIT);
    let place = Place {
        system: "scatter-gather".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        stack: Some(stack),
        read_only: optional("READ_ONLY").as_deref() == Some("true"),
        cli: None,
    };
    let parts = Parts { operator: Arc::new(deployed), machine: None, is_streaming: false, place, clock, entropy };
    lambda_http::run(api::router(parts)).await
}
