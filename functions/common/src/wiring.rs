//! An engine on AWS.

use std::sync::Arc;

use aws_config::SdkConfig;
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy};
use control_table::store::DynamoDbStore;
use engine::scatter::Sources;
use engine::{Engine, EventBus, NothingWaits, Parts, Settings};

use crate::{EventBridge, KinesisDispatcher};

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
    Engine::new(Parts {
        table: ControlTable::new(store),
        dispatcher: Arc::new(KinesisDispatcher::new(kinesis, &deployment.segment_stream, Arc::clone(&entropy))),
        position: Arc::new(NothingWaits),
        bus,
        sources: Sources::new(dynamodb),
        clock,
        entropy,
        settings: Settings::default(),
    })
}
