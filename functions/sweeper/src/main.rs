//! The sweeper function in Lambda: wires the handler to its tick.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy, SystemClock, Timestamp};
use control_table::completion::CompletionEvent;
use gather::event_bridge::EventBridge;
use gather::{Counted, Settler};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use scatter::{Dispatcher, Scatter, Sources};
use sweeper::Sweeper;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let telemetry = telemetry::init();
    let (table, stream) = (telemetry::variable("CONTROL_TABLE")?, telemetry::variable("SEGMENT_STREAM")?);
    let bus = telemetry::variable("COMPLETION_BUS")?;
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let (clock, entropy): (Arc<dyn Clock>, _) = (Arc::new(SystemClock), Arc::new(Entropy::from_system()));
    let dynamodb = aws_sdk_dynamodb::Client::new(&config);
    let table = ControlTable::new(dynamodb.clone(), &table, Arc::clone(&entropy));
    let dispatcher = Dispatcher::new(aws_sdk_kinesis::Client::new(&config), &stream, Arc::clone(&entropy));
    let bus = EventBridge::new(aws_sdk_eventbridge::Client::new(&config), &bus);
    let bus = Counted::new(bus, move |event: &CompletionEvent| telemetry.published(event, SystemClock.timestamp()));
    let settler = Settler::new(table.clone(), Arc::new(bus), Arc::clone(&clock));
    let scatter = Scatter::new(
        table.clone(),
        dispatcher.clone(),
        Sources::new(dynamodb),
        Arc::clone(&clock),
        entropy,
        scatter::Settings::default(),
    );
    let sweeper = Sweeper::new(table, dispatcher, Arc::new(scatter), settler, clock, sweeper::Settings::default());
    let sweeper = &sweeper;
    let handler = |event: LambdaEvent<serde_json::Value>| async move {
        let deadline = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
        let deadline: DateTime<Utc> = Timestamp::from_millis(deadline).to_datetime();
        let swept = sweeper.sweep(deadline).await;
        if let Ok(report) = &swept {
            telemetry.swept(report.records_put, report.given_up);
        }
        telemetry.flush();
        Ok::<_, Error>(swept?)
    };
    lambda_runtime::run(service_fn(handler)).await
}
