//! The worker's event: records of the segment stream, or messages of the segment queue, by the stack's transport.

use aws_lambda_events::event::kinesis::KinesisEvent;
use aws_lambda_events::event::sqs::SqsEvent;
use runtime::{Invocation, Worker};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{work_queue, work_stream};
use crate::sqs::Visibility;

/// An event that is not the worker's. Nothing was done; a repetition does not help.
#[derive(Debug, thiserror::Error)]
pub enum WorkerEventError {
    /// It comes from something else, or from a person.
    #[error(
        "the event has no records of Kinesis or SQS: the worker takes a batch from its event source mapping. `scatterctl run`, or \
         the scatter function, starts an execution"
    )]
    Foreign,
    /// Its records are not of the shape that they claim.
    #[error("the event cannot be read as one of {source_name}: {source}")]
    Shape {
        /// The service that it names.
        source_name: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The answer has no JSON text.
    #[error("the answer cannot be written as JSON: {0} (a defect of this program)")]
    Answer(#[source] serde_json::Error),
}

/// The worker function's handler.
#[derive(Debug)]
pub struct WorkerHandler {
    worker: Worker,
    visibility: Option<Visibility>,
}

impl WorkerHandler {
    /// A handler that hands records to that worker. With `visibility`, a message that must come again does so after a backoff; without,
    /// after the queue's visibility timeout.
    #[must_use]
    pub const fn new(worker: Worker, visibility: Option<Visibility>) -> Self {
        Self { worker, visibility }
    }

    /// Handles a batch. The answer names the records that must come again.
    ///
    /// # Errors
    /// When the event is not the worker's.
    pub async fn handle(&self, event: Value, invocation: Invocation) -> Result<Value, WorkerEventError> {
        match event["Records"][0]["eventSource"].as_str() {
            Some("aws:kinesis") => {
                let event = read::<KinesisEvent>("Kinesis", event)?;
                answer(&work_stream(&self.worker, event, invocation).await)
            }
            Some("aws:sqs") => self.handle_messages(read("SQS", event)?, invocation).await,
            _ => Err(WorkerEventError::Foreign),
        }
    }

    async fn handle_messages(&self, event: SqsEvent, invocation: Invocation) -> Result<Value, WorkerEventError> {
        let receipts = Visibility::receipts(&event);
        let response = work_queue(&self.worker, event, invocation).await;
        if let Some(visibility) = &self.visibility {
            visibility.shorten(&receipts, &response).await;
        }
        answer(&response)
    }
}

fn read<T: DeserializeOwned>(source_name: &'static str, event: Value) -> Result<T, WorkerEventError> {
    serde_json::from_value(event).map_err(|source| WorkerEventError::Shape { source_name, source })
}

fn answer(response: &impl Serialize) -> Result<Value, WorkerEventError> {
    serde_json::to_value(response).map_err(WorkerEventError::Answer)
}
