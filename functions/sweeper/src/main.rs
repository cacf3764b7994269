//! The sweeper function in Lambda: one tick an invocation.

use std::sync::Arc;

use chrono::DateTime;
use control_table::clock::{Entropy, SystemClock};
use functions::environment::{stream_settings, transport, variable};
use functions::wiring::{self, Deployment};
use functions::{clients, telemetry};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let (control_table, transport) = (variable("CONTROL_TABLE")?, transport()?);
    let deployment = Deployment {
        control_table,
        transport,
        stream: stream_settings(),
        event_bus: Some(variable("COMPLETION_BUS")?),
    };
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(Entropy::from_system()));
    let engine = &wiring::engine(&clients::config().await, &deployment, clock, entropy);
    let handler = async |event: LambdaEvent<serde_json::Value>| {
        // Boxed, because the future of a sweep is large.
        let swept = Box::pin(engine.sweep(DateTime::from(event.context.deadline()))).await;
        telemetry::flush();
        Ok::<_, Error>(swept?)
    };
    lambda_runtime::run(service_fn(handler)).await
}
