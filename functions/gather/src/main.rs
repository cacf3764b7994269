//! The gather function in Lambda: wires the handler to the table's stream and to the completion bus.

use std::sync::Arc;

use aws_lambda_events::event::dynamodb::Event;
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy, SystemClock};
use control_table::completion::CompletionEvent;
use control_table::notice::NoticeEvent;
use futures::future::BoxFuture;
use gather::event_bridge::EventBridge;
use gather::{CompletionBus, Gather, PublishError, Settler};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use scatter::{Dispatcher, Handout};
use telemetry::Telemetry;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let telemetry = telemetry::init();
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let entropy = Arc::new(Entropy::from_system());
    let dynamodb = aws_sdk_dynamodb::Client::new(&config);
    let table = ControlTable::new(dynamodb, &std::env::var("CONTROL_TABLE")?, Arc::clone(&entropy));
    let kinesis = aws_sdk_kinesis::Client::new(&config);
    let dispatcher = Dispatcher::new(kinesis, &std::env::var("SEGMENT_STREAM")?, entropy);
    let bus = EventBridge::new(aws_sdk_eventbridge::Client::new(&config), &std::env::var("COMPLETION_BUS")?);
    let settler = Settler::new(table.clone(), Arc::new(Counted { bus, telemetry }), Arc::new(SystemClock));
    let gather = Gather::new(table.clone(), settler, Handout::new(table, dispatcher));
    let handler = |event: LambdaEvent<Event>| async {
        let response = gather.handle(event.payload).await;
        telemetry.flush();
        Ok::<_, Error>(response)
    };
    lambda_runtime::run(service_fn(handler)).await
}

/// The bus, with the completions counted that went out.
struct Counted {
    bus: EventBridge,
    telemetry: Telemetry,
}

impl CompletionBus for Counted {
    fn publish<'a>(&'a self, event: &'a CompletionEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            self.bus.publish(event).await?;
            self.telemetry.published(event, SystemClock.timestamp());
            Ok(())
        })
    }

    fn notify<'a>(&'a self, event: &'a NoticeEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        self.bus.notify(event)
    }
}
