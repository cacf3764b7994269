//! Records, cut into requests that SQS takes.

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use control_table::message::SegmentRecord;
use engine::{DispatchError, Transport};

/// Messages of one `SendMessageBatch`
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>).
pub(super) const MAX_MESSAGES: usize = 10;

/// Bytes of one `SendMessageBatch`, and of one message (the same page): 1 MiB.
pub(super) const MAX_BYTES: usize = 1_048_576;

/// The records in order, as requests; each is built when it is asked for.
pub(super) fn batches(
    records: &[SegmentRecord],
    queue_url: &str,
) -> impl Iterator<Item = Result<Vec<SendMessageBatchRequestEntry>, DispatchError>> {
    let mut entries = records.iter().map(move |record| Message::of(record, queue_url)).peekable();
    std::iter::from_fn(move || {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let fits = |next: &Result<Message, _>, bytes: usize| match next {
            Ok(next) => bytes + next.body.len() <= MAX_BYTES,
            Err(_) => true,
        };
        while batch.len() < MAX_MESSAGES {
            match entries.next_if(|next| fits(next, bytes)) {
                Some(Ok(next)) => {
                    bytes += next.body.len();
                    match next.entry(batch.len()) {
                        Ok(entry) => batch.push(entry),
                        Err(error) => return Some(Err(error)),
                    }
                }
                Some(Err(error)) => return Some(Err(error)),
                None => break,
            }
        }
        (!batch.is_empty()).then_some(Ok(batch))
    })
}

struct Message<'a> {
    record: &'a SegmentRecord,
    body: String,
}

impl<'a> Message<'a> {
    fn of(record: &'a SegmentRecord, queue_url: &str) -> Result<Self, DispatchError> {
        let segment = record.segment();
        let body = serde_json::to_string(record)
            .map_err(|source| DispatchError::Unwritable { segment, source: Box::new(source) })?;
        let body = escaped(body);
        if body.len() > MAX_BYTES {
            let transport = Transport::Sqs(queue_url.to_owned());
            return Err(DispatchError::RecordTooLarge { segment, transport, bytes: body.len(), limit: MAX_BYTES });
        }
        Ok(Self { record, body })
    }

    /// The entry with that place in its request. Its group is its execution: on a standard queue SQS then serves executions with few
    /// messages in flight first, so that a long one does not hold them up.
    fn entry(self, place: usize) -> Result<SendMessageBatchRequestEntry, DispatchError> {
        let segment = self.record.segment();
        SendMessageBatchRequestEntry::builder()
            .id(place.to_string())
            .message_body(self.body)
            .message_group_id(self.record.execution_id.to_string())
            .build()
            .map_err(|source| DispatchError::Unwritable { segment, source: Box::new(source) })
    }
}

/// SQS refuses a message with U+FFFE or U+FFFF in it, which JSON allows; JSON has them within strings only, where an escape is the
/// same character. JSON escapes the control characters that SQS refuses.
fn escaped(json: String) -> String {
    if json.contains(['\u{fffe}', '\u{ffff}']) {
        json.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")
    } else {
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_sqs_refuses_is_escaped_and_reads_the_same() {
        let text = "a\u{fffe}b\u{ffff}c\u{0}d";
        let json = escaped(serde_json::to_string(text).unwrap());
        let allowed =
            |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(json.chars().all(allowed), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
