//! The segment stream on Kinesis.

mod batch;
mod position;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use control_table::clock::Entropy;
use control_table::message::SegmentRecord;
use control_table::retry::Retry;
use control_table::sdk::Failure;
use engine::{DispatchError, Dispatcher, Transport};
use futures::future::BoxFuture;

/// Tries of a batch's remainder. A shard's quota is one of each second, so a longer wait than that would leave it idle. With the waits
/// between them the tries span 10 to 20 seconds: a stream that is too busy for longer has too few shards.
const BUSY: Retry = Retry::new(30, 100, 1_000);

/// Puts records on a Kinesis stream. Cheap to clone.
#[derive(Debug, Clone)]
pub struct KinesisDispatcher {
    kinesis: Client,
    stream: Arc<str>,
    entropy: Arc<Entropy>,
}

impl Dispatcher for KinesisDispatcher {
    /// In as few requests as Kinesis allows; of a request that was taken in part, the rest again.
    fn put<'a>(&'a self, records: &'a [SegmentRecord]) -> BoxFuture<'a, Result<(), DispatchError>> {
        Box::pin(async move {
            for batch in batch::batches(records, &self.stream) {
                self.put_batch(batch?).await?;
            }
            Ok(())
        })
    }
}

impl KinesisDispatcher {
    /// Puts on the stream of that name.
    #[must_use]
    pub fn new(kinesis: Client, stream: &str, entropy: Arc<Entropy>) -> Self {
        Self { kinesis, stream: stream.into(), entropy }
    }

    async fn put_batch(&self, entries: Vec<PutRecordsRequestEntry>) -> Result<(), DispatchError> {
        let (mut left, mut last_code) = (entries, String::new());
        let mut tries = BUSY.begin(&self.entropy);
        while tries.next().await {
            let request = self.kinesis.put_records().stream_name(&*self.stream).set_records(Some(left.clone()));
            let answers = match request.send().await {
                Ok(output) => output.records,
                Err(error) => {
                    let failure = Failure::of(&error);
                    if !failure.retryable {
                        return Err(self.refused(failure, Box::new(error)));
                    }
                    last_code = failure.code;
                    continue;
                }
            };
            let mut answers = answers.into_iter();
            // A record without an answer counts as one that failed.
            left.retain(|_| match answers.next().map(|answer| answer.error_code) {
                Some(None) => false,
                Some(Some(code)) => {
                    last_code = code;
                    true
                }
                None => true,
            });
            if left.is_empty() {
                return Ok(());
            }
            tracing::debug!(
                left = left.len(),
                code = last_code,
                tries = tries.made(),
                "Kinesis took a part of the records"
            );
        }
        let transport = self.transport();
        Err(DispatchError::StillBusy { transport, left: left.len(), code: last_code, attempts: BUSY.tries })
    }

    fn transport(&self) -> Transport {
        Transport::Kinesis(self.stream.to_string())
    }

    fn refused(&self, failure: Failure, source: Box<dyn std::error::Error + Send + Sync>) -> DispatchError {
        let transport = self.transport();
        if failure.is_missing() {
            return DispatchError::Missing { transport };
        }
        let Failure { code, message, .. } = failure;
        DispatchError::Refused { transport, code, message, source: Some(source) }
    }
}
