//! The gather function in Lambda: wires the handler to the table's stream and to the completion bus.

use std::sync::Arc;

use aws_lambda_events::event::dynamodb::Event;
use control_table::ControlTable;
use control_table::clock::{Entropy, SystemClock};
use gather::event_bridge::EventBridge;
use gather::{Gather, Settler};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt().json().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let table = ControlTable::new(
        aws_sdk_dynamodb::Client::new(&config),
        &std::env::var("CONTROL_TABLE")?,
        Arc::new(Entropy::from_system()),
    );
    let bus = EventBridge::new(aws_sdk_eventbridge::Client::new(&config), &std::env::var("COMPLETION_BUS")?);
    let settler = Settler::new(table.clone(), Arc::new(bus), Arc::new(SystemClock));
    let gather = Gather::new(table, settler);
    let handler = |event: LambdaEvent<Event>| async { Ok::<_, Error>(gather.handle(event.payload).await) };
    lambda_runtime::run(service_fn(handler)).await
}
