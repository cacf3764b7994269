//! When a message that failed comes again.
//!
//! The queue's visibility timeout is longer than a worker may run, by AWS's rule six times as long. That is right for a worker that
//! died, and far too long for a message whose worker lives and could not reach the control table.

use std::sync::Arc;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry;
use control_table::clock::Entropy;
use control_table::policy::Backoff;
use control_table::sdk::Failure;
use tracing::warn;

/// The wait before a message comes again, by how often it was received: an outage of seconds delays it by seconds, and the queue's
/// `maxReceiveCount` of 20 outlasts one of about two hours.
const BACKOFF: Backoff = Backoff { base_ms: 5_000, cap_ms: 900_000 };

/// Entries of one `ChangeMessageVisibilityBatch`
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html>).
const MAX_ENTRIES: usize = 10;

/// A message as SQS wants it named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Receipt {
    message_id: String,
    handle: String,
    /// How often it was received, this time included.
    received: u32,
}

/// Shortens the time until failed messages of a queue come again.
#[derive(Debug, Clone)]
pub struct Visibility {
    sqs: Client,
    queue_url: Arc<str>,
    entropy: Arc<Entropy>,
}

impl Visibility {
    /// For messages of the queue at that URL.
    #[must_use]
    pub fn new(sqs: Client, queue_url: &str, entropy: Arc<Entropy>) -> Self {
        Self { sqs, queue_url: queue_url.into(), entropy }
    }

    /// The receipts of an event's messages.
    pub(crate) fn receipts(event: &SqsEvent) -> Vec<Receipt> {
        event.records.iter().filter_map(receipt).collect()
    }

    /// Makes the messages that the response names come again after a backoff. A message of which that fails comes again after the
    /// queue's visibility timeout.
    pub(crate) async fn shorten(&self, receipts: &[Receipt], response: &SqsBatchResponse) {
        let failed = |receipt: &&Receipt| {
            response.batch_item_failures.iter().any(|failure| failure.item_identifier == receipt.message_id)
        };
        let failed: Vec<&Receipt> = receipts.iter().filter(failed).collect();
        for receipts in failed.chunks(MAX_ENTRIES) {
            let entries =
                receipts.iter().enumerate().filter_map(|(place, receipt)| self.entry(place, receipt)).collect();
            let request =
                self.sqs.change_message_visibility_batch().queue_url(&*self.queue_url).set_entries(Some(entries));
            match request.send().await {
                Ok(answer) if answer.failed.is_empty() => {}
                Ok(answer) => warn!(messages = answer.failed.len(), "come again after the queue's visibility timeout"),
                Err(error) => {
                    let Failure { code, message, .. } = Failure::of(&error);
                    warn!(messages = receipts.len(), code, message, "come again after the queue's visibility timeout");
                }
            }
        }
    }

    fn entry(&self, place: usize, receipt: &Receipt) -> Option<ChangeMessageVisibilityBatchRequestEntry> {
        let wait = BACKOFF.wait(receipt.received, &self.entropy).num_seconds();
        ChangeMessageVisibilityBatchRequestEntry::builder()
            .id(place.to_string())
            .receipt_handle(&receipt.handle)
            .visibility_timeout(i32::try_from(wait).unwrap_or(0))
            .build()
            .ok()
    }
}

fn receipt(message: &SqsMessage) -> Option<Receipt> {
    let received = message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok());
    Some(Receipt {
        message_id: message.message_id.clone()?,
        handle: message.receipt_handle.clone()?,
        received: received.unwrap_or(1),
    })
}
