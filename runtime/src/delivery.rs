//! Records as the worker's two events bring them: of a Kinesis stream, or of an SQS queue.

use aws_lambda_events::event::kinesis::{KinesisEvent, KinesisEventRecord};
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};

/// A record, and the name of its delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// The same at each repetition, so that a repeated record takes its segment back from a worker that died. A record that was put
    /// twice has two.
    pub id: Option<String>,
    /// What scatter sent, if it is a segment's record.
    pub data: Vec<u8>,
}

/// A stream's records, in order. Each is named by its event ID, or its sequence number.
pub(crate) fn of_stream(event: KinesisEvent) -> Vec<Delivery> {
    event.records.into_iter().map(of_record).collect()
}

fn of_record(record: KinesisEventRecord) -> Delivery {
    let ids = [record.event_id, Some(record.kinesis.sequence_number)];
    Delivery { id: ids.into_iter().flatten().find(|id| !id.is_empty()), data: record.kinesis.data.0 }
}

/// A queue's messages. Each is named by its message ID, which it keeps when SQS delivers it again.
pub(crate) fn of_queue(event: SqsEvent) -> Vec<Delivery> {
    event.records.into_iter().map(of_message).collect()
}

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
