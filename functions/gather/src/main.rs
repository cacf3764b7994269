//! The gather function in Lambda.

use std::sync::Arc;

use aws_lambda_events::event::dynamodb::Event;
use control_table::clock::{Entropy, SystemClock};
use functions::environment::{stream_settings, transport, variable};
use functions::handlers::GatherHandler;
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
    let gather = &GatherHandler::new(wiring::engine(&clients::config().await, &deployment, clock, entropy));
    let handler = async |event: LambdaEvent<Event>| {
        let response = gather.handle(event.payload).await;
        telemetry::flush();
        Ok::<_, Error>(response)
    };
    lambda_runtime::run(service_fn(handler)).await
}
