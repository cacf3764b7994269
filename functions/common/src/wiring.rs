//! An engine on AWS.

use std::sync::Arc;

use aws_config::SdkConfig;
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy};
use control_table::store::DynamoDbStore;
use engine::scatter::Sources;
use engine::{
    Dispatcher, Engine, EventBus, Parts, ProbedPosition, Settings, StreamPosition, StreamSettings, Transport,
};

use crate::sqs::SqsPosition;
use crate::{EventBridge, KinesisDispatcher, SqsDispatcher};

/// The names of a deployment's parts, and how its stream is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The control table.
    pub control_table: String,
    /// The segment stream, or the segment queue.
    pub transport: Transport,
    /// The segment stream. Of no use with a queue.
    pub stream: StreamSettings,
    /// The event bus; `None` for a function that publishes nothing and may not.
    pub event_bus: Option<String>,
}

/// An engine on those parts.
#[must_use]
pub fn engine(config: &SdkConfig, deployment: &Deployment, clock: Arc<dyn Clock>, entropy: Arc<Entropy>) -> Engine {
    let dynamodb = aws_sdk_dynamodb::Client::new(config);
    let bus: Arc<dyn EventBus> = match &deployment.event_bus {
        Some(name) => Arc::new(EventBridge::new(aws_sdk_eventbridge::Client::new(config), name)),
        None => Arc::new(engine::NoBus),
    };
    let store = DynamoDbStore::new(dynamodb.clone(), &deployment.control_table, Arc::clone(&entropy));
    let table = ControlTable::new(store);
    let (dispatcher, position) = transport(config, deployment, &table, &entropy);
    Engine::new(Parts {
        table,
        dispatcher,
        position,
        bus,
        sources: Sources::new(dynamodb),
        clock,
        entropy,
        settings: Settings::default(),
    })
}

/// What puts records on the stream or queue, and what knows how far it was read.
fn transport(
    config: &SdkConfig,
    deployment: &Deployment,
    table: &ControlTable,
    entropy: &Arc<Entropy>,
) -> (Arc<dyn Dispatcher>, Arc<dyn StreamPosition>) {
    let entropy = Arc::clone(entropy);
    match &deployment.transport {
        Transport::Kinesis(stream) => {
            let dispatcher = KinesisDispatcher::new(aws_sdk_kinesis::Client::new(config), stream, entropy);
            let position = ProbedPosition::new(dispatcher.clone(), table.clone(), deployment.stream);
            (Arc::new(dispatcher), Arc::new(position))
        }
        Transport::Sqs(url) => {
            let sqs = aws_sdk_sqs::Client::new(config);
            (Arc::new(SqsDispatcher::new(sqs.clone(), url, entropy)), Arc::new(SqsPosition::new(sqs, url)))
        }
    }
}
