//! The control table's stream.

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use control_table::message::StreamImage;
use engine::Engine;
use engine::gather::{DeadImage, GatherImage};

/// The gather function's handler. Cheap to clone.
#[derive(Debug, Clone)]
pub struct GatherHandler {
    engine: Engine,
}

impl GatherHandler {
    /// A handler with that engine.
    #[must_use]
    pub const fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// Handles a batch. The answer names the records that the stream must repeat from.
    pub async fn handle(&self, event: Event) -> DynamoDbEventResponse {
        let images = event.records.into_iter().map(image).collect();
        // Boxed, so that the futures of callers stay small.
        let again = Box::pin(self.engine.gather(images)).await;
        let mut response = DynamoDbEventResponse::default();
        response.batch_item_failures = again.into_iter().map(failure).collect();
        response
    }
}

fn image(record: EventRecord) -> GatherImage {
    let sequence_number = record.change.sequence_number.unwrap_or_default();
    let event_id = Some(record.event_id).filter(|id| !id.is_empty()).unwrap_or_else(|| sequence_number.clone());
    // Reading takes the image apart; it is small, and one that cannot be read has to be kept.
    let image = StreamImage::read(record.change.new_image.clone()).map_err(|error| {
        // As a value first: that brings its attributes into one order, whenever it comes.
        let payload = serde_json::to_value(&record.change.new_image).unwrap_or_default();
        DeadImage { reason: error.to_string(), payload: payload.to_string().into_bytes() }
    });
    GatherImage { sequence_number, event_id, image }
}

fn failure(sequence_number: String) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = Some(sequence_number);
    failure
}
