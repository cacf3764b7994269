//! The gather function in Lambda: wires the handler to the table's stream and to the completion bus.

use std::sync::Arc;

use aws_lambda_events::event::dynamodb::Event;
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy, SystemClock};
use control_table::completion::CompletionEvent;
use gather::event_bridge::EventBridge;
use gather::{Counted, Gather, Settler};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use scatter::{Dispatcher, Handout};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let telemetry = telemetry::init();
    let (table, stream) = (telemetry::variable("CONTROL_TABLE")?, telemetry::variable("SEGMENT_STREAM")?);
    let bus = telemetry::variable("COMPLETION_BUS")?;
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let entropy = Arc::new(Entropy::from_system());
    let table = ControlTable::new(aws_sdk_dynamodb::Client::new(&config), &table, Arc::clone(&entropy));
    let dispatcher = Dispatcher::new(aws_sdk_kinesis::Client::new(&config), &stream, entropy);
    let bus = EventBridge::new(aws_sdk_eventbridge::Client::new(&config), &bus);
    let bus = Counted::new(bus, move |event: &CompletionEvent| telemetry.published(event, SystemClock.timestamp()));
    let settler = Settler::new(table.clone(), Arc::new(bus), Arc::new(SystemClock));
    let gather = Gather::new(table.clone(), settler, Handout::new(table, dispatcher));
    let handler = |event: LambdaEvent<Event>| async {
        let response = gather.handle(event.payload).await;
        telemetry.flush();
        Ok::<_, Error>(response)
    };
    lambda_runtime::run(service_fn(handler)).await
}
