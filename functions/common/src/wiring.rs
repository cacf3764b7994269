//! An engine on AWS.

use std::sync::Arc;

use aws_config::SdkConfig;
use chrono::TimeDelta;
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy};
use control_table::store::DynamoDbStore;
use engine::scatter::Sources;
use engine::{Engine, EventBus, Parts, Settings};

use crate::kinesis::KinesisPosition;
use crate::{EventBridge, KinesisDispatcher};

/// How long the segment stream keeps a record: `RetentionPeriodHours` in `infra/template.yaml`.
const STREAM_RETENTION: TimeDelta = TimeDelta::hours(24);

/// The names of a deployment's parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The control table.
    pub control_table: String,
    /// The segment stream.
    pub segment_stream: String,
    /// The event bus; `None` for a function that publishes nothing and may not.
    pub event_bus: Option<String>,
}

/// An engine on those parts.
#[must_use]
pub fn engine(config: &SdkConfig, deployment: &Deployment, clock: Arc<dyn Clock>, entropy: Arc<Entropy>) -> Engine {
    let dynamodb = aws_sdk_dynamodb::Client::new(config);
    let kinesis = aws_sdk_kinesis::Client::new(config);
    let bus: Arc<dyn EventBus> = match &deployment.event_bus {
        Some(name) => Arc::new(EventBridge::new(aws_sdk_eventbridge::Client::new(config), name)),
        None => Arc::new(engine::NoBus),
    };
    let store = DynamoDbStore::new(dynamodb.clone(), &deployment.control_table, Arc::clone(&entropy));
    let table = ControlTable::new(store);
    let dispatcher = KinesisDispatcher::new(kinesis, &deployment.segment_stream, Arc::clone(&entropy));
    let position = KinesisPosition::new(dispatcher.clone(), table.clone(), STREAM_RETENTION);
    Engine::new(Parts {
        table,
        dispatcher: Arc::new(dispatcher),
        position: Arc::new(position),
        bus,
        sources: Sources::new(dynamodb),
        clock,
        entropy,
        settings: Settings::default(),
    })
}
