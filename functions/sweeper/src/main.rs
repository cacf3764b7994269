//! The sweeper function in Lambda: wires the handler to its tick.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy, SystemClock, Timestamp};
use gather::Settler;
use gather::event_bridge::EventBridge;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use scatter::{Dispatcher, Scatter, Sources};
use sweeper::Sweeper;

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt().json().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let (clock, entropy): (Arc<dyn Clock>, _) = (Arc::new(SystemClock), Arc::new(Entropy::from_system()));
    let dynamodb = aws_sdk_dynamodb::Client::new(&config);
    let table = ControlTable::new(dynamodb.clone(), &std::env::var("CONTROL_TABLE")?, Arc::clone(&entropy));
    let kinesis = aws_sdk_kinesis::Client::new(&config);
    let dispatcher = Dispatcher::new(kinesis, &std::env::var("SEGMENT_STREAM")?, Arc::clone(&entropy));
    let bus = EventBridge::new(aws_sdk_eventbridge::Client::new(&config), &std::env::var("COMPLETION_BUS")?);
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
        Ok::<_, Error>(sweeper.sweep(deadline).await?)
    };
    lambda_runtime::run(service_fn(handler)).await
}
