//! The segment queue on SQS.

mod batch;
mod position;
#[cfg(test)]
mod tests;
mod visibility;

use std::sync::Arc;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchOutput;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use control_table::clock::Entropy;
use control_table::message::SegmentRecord;
use control_table::retry::Retry;
use control_table::sdk::{Failure, is_busy};
use engine::{DispatchError, Dispatcher, Transport};
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

pub use self::position::SqsPosition;
pub use self::visibility::Visibility;

/// Tries of a batch's remainder. With the waits between them they span 10 to 20 seconds.
const BUSY: Retry = Retry::new(10, 100, 5_000);

/// Requests at once. A group of 128 records is 13 requests, so it takes as long as two after each other.
const REQUESTS_AT_ONCE: usize = 8;

/// Sends records to an SQS queue. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SqsDispatcher {
    sqs: Client,
    queue_url: Arc<str>,
    entropy: Arc<Entropy>,
}

impl Dispatcher for SqsDispatcher {
    /// In as few requests as SQS allows, some at once; of a request that was taken in part, the rest again.
    fn put<'a>(&'a self, records: &'a [SegmentRecord]) -> BoxFuture<'a, Result<(), DispatchError>> {
        let sent =
            stream::iter(batch::batches(records, &self.queue_url)).map(|batch| async { self.send(batch?).await });
        Box::pin(sent.buffer_unordered(REQUESTS_AT_ONCE).try_collect())
    }
}

impl SqsDispatcher {
    /// Sends to the queue at that URL.
    #[must_use]
    pub fn new(sqs: Client, queue_url: &str, entropy: Arc<Entropy>) -> Self {
        Self { sqs, queue_url: queue_url.into(), entropy }
    }

    async fn send(&self, entries: Vec<SendMessageBatchRequestEntry>) -> Result<(), DispatchError> {
        let (mut left, mut last_code) = (entries, String::new());
        let mut tries = BUSY.begin(&self.entropy);
        while tries.next().await {
            let request = self.sqs.send_message_batch().queue_url(&*self.queue_url).set_entries(Some(left.clone()));
            match request.send().await {
                Ok(answer) => {
                    // An entry without an answer counts as one that failed.
                    left.retain(|entry| !answer.successful.iter().any(|sent| sent.id == entry.id));
                    if left.is_empty() {
                        return Ok(());
                    }
                    last_code = self.refused_in_part(&answer)?;
                }
                Err(error) => {
                    let failure = Failure::of(&error);
                    if !failure.retryable {
                        return Err(self.refused(failure, Box::new(error)));
                    }
                    last_code = failure.code;
                }
            }
            tracing::debug!(
                left = left.len(),
                code = last_code,
                tries = tries.made(),
                "SQS took a part of the records"
            );
        }
        let transport = self.transport();
        Err(DispatchError::StillBusy { transport, left: left.len(), code: last_code, attempts: BUSY.tries })
    }

    /// The code of a refusal that passes; an error for one that does not.
    fn refused_in_part(&self, answer: &SendMessageBatchOutput) -> Result<String, DispatchError> {
        let refused = answer.failed.iter().find(|failed| failed.sender_fault && !is_busy(&failed.code));
        match refused {
            None => Ok(answer.failed.last().map_or_else(|| "no answer".to_owned(), |failed| failed.code.clone())),
            Some(failed) => Err(DispatchError::Refused {
                transport: self.transport(),
                code: failed.code.clone(),
                message: failed.message.clone().unwrap_or_default(),
                source: None,
            }),
        }
    }

    fn refused(&self, failure: Failure, source: Box<dyn std::error::Error + Send + Sync>) -> DispatchError {
        let transport = self.transport();
        if failure.is_missing() {
            return DispatchError::Missing { transport };
        }
        let Failure { code, message, .. } = failure;
        DispatchError::Refused { transport, code, message, source: Some(source) }
    }

    fn transport(&self) -> Transport {
        Transport::Sqs(self.queue_url.to_string())
    }
}
