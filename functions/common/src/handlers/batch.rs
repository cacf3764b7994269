//! Batches as the worker's two events bring them: of a Kinesis stream, or of an SQS queue. The response names what must come again.

use aws_lambda_events::event::kinesis::{KinesisEvent, KinesisEventRecord};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_lambda_events::event::streams::KinesisEventResponse;
use runtime::{Delivery, Invocation, Worker};

/// Hands a batch of a stream to the worker. Kinesis must repeat the records that the response names.
pub async fn work_stream(worker: &Worker, event: KinesisEvent, invocation: Invocation) -> KinesisEventResponse {
    let numbers: Vec<String> = event.records.iter().map(|record| record.kinesis.sequence_number.clone()).collect();
    let again = worker.handle(event.records.into_iter().map(of_record).collect(), invocation).await;
    let mut response = KinesisEventResponse::default();
    response.set_failures(again.into_iter().filter_map(|place| numbers.get(place)));
    response
}

/// The same for messages of a queue: SQS must deliver those again that the response names.
pub async fn work_queue(worker: &Worker, event: SqsEvent, invocation: Invocation) -> SqsBatchResponse {
    let ids: Vec<String> = event.records.iter().map(|message| message.message_id.clone().unwrap_or_default()).collect();
    let again = worker.handle(event.records.into_iter().map(of_message).collect(), invocation).await;
    let mut response = SqsBatchResponse::default();
    response.set_failures(again.into_iter().filter_map(|place| ids.get(place)));
    response
}

/// It is named by its event ID, or its sequence number.
fn of_record(record: KinesisEventRecord) -> Delivery {
    let ids = [record.event_id, Some(record.kinesis.sequence_number)];
    Delivery { id: ids.into_iter().flatten().find(|id| !id.is_empty()), data: record.kinesis.data.0 }
}

/// It is named by its message ID, which it keeps when SQS delivers it again.
fn of_message(message: SqsMessage) -> Delivery {
    Delivery { id: message.message_id.filter(|id| !id.is_empty()), data: message.body.unwrap_or_default().into_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_named_by_what_a_repetition_keeps() {
        let mut record = KinesisEventRecord::default();
        record.kinesis.sequence_number = "17".to_owned();
        assert_eq!(of_record(record.clone()).id.as_deref(), Some("17"));
        record.event_id = Some("shardId-000000000000:17".to_owned());
        assert_eq!(of_record(record).id.as_deref(), Some("shardId-000000000000:17"));

        let mut message = SqsMessage::default();
        assert_eq!(of_message(message.clone()), Delivery { id: None, data: Vec::new() });
        message.message_id = Some("m-1".to_owned());
        message.receipt_handle = Some("another at each delivery".to_owned());
        message.body = Some("{}".to_owned());
        assert_eq!(of_message(message), Delivery { id: Some("m-1".to_owned()), data: b"{}".to_vec() });
    }
}
