//! The functions' handlers, as the mappings want them.

use std::sync::Arc;

use aws_lambda_events::event::dynamodb::Event as DynamoDbEvent;
use aws_lambda_events::event::kinesis::KinesisEvent;
use aws_lambda_events::event::streams::{DynamoDbEventResponse, KinesisEventResponse};
use functions::handlers::{GatherHandler, work_stream};
use runtime::Worker;
use tokio::sync::watch;

use emulator::event_source::{DynamoDbHandler, HandlerError, Invocation, KinesisHandler};

/// The worker function.
pub(super) struct WorkerFunction(pub Worker);

impl KinesisHandler for WorkerFunction {
    async fn handle(&self, event: KinesisEvent, invocation: Invocation) -> Result<KinesisEventResponse, HandlerError> {
        let Invocation { request_id, deadline } = invocation;
        Ok(work_stream(&self.0, event, runtime::Invocation { request_id, deadline }).await)
    }
}

/// The gather function. After each batch it wakes the callers that wait for an execution.
pub(super) struct GatherFunction {
    pub gather: GatherHandler,
    pub finalized: Arc<watch::Sender<()>>,
}

impl DynamoDbHandler for GatherFunction {
    async fn handle(&self, event: DynamoDbEvent, _: Invocation) -> Result<DynamoDbEventResponse, HandlerError> {
        let response = self.gather.handle(event).await;
        self.finalized.send_replace(());
        Ok(response)
    }
}
