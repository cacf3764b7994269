//! Puts the records of segments on the stream.
//!
//! A record says that a row is waiting, and nothing more: putting it twice is harmless, and one that is lost is put again
//! by the sweeper. So an error here is never about some records only: the caller puts all of them again.

mod batch;
mod error;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use control_table::clock::Entropy;
use control_table::record::SegmentRecord;

pub use self::error::DispatchError;
use crate::failure::Failure;

/// Tries of a batch's remainder, the first included. With the waits between them they span 10 to 20 seconds: a stream that
/// is too busy for longer has too few shards.
const TRIES: u32 = 10;

/// Full jitter: the wait before try n is drawn evenly from zero to `min(cap, base * 2^n)`.
const BACKOFF_BASE_MS: u64 = 50;
const BACKOFF_CAP_MS: u64 = 5_000;

/// Puts records on the segment stream. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Dispatcher {
    kinesis: Client,
    stream: Arc<str>,
    entropy: Arc<Entropy>,
}

impl Dispatcher {
    /// Puts on the stream of that name.
    #[must_use]
    pub fn new(kinesis: Client, stream: &str, entropy: Arc<Entropy>) -> Self {
        Self { kinesis, stream: stream.into(), entropy }
    }

    /// Puts every record, in as few requests as Kinesis allows; of a request that was taken in part, the rest again.
    ///
    /// On an error some of them may be on the stream. Putting all of them again is safe.
    pub async fn put(&self, records: &[SegmentRecord]) -> Result<(), DispatchError> {
        for batch in batch::batches(records) {
            self.put_batch(batch?).await?;
        }
        Ok(())
    }

    async fn put_batch(&self, entries: Vec<PutRecordsRequestEntry>) -> Result<(), DispatchError> {
        let mut left = entries;
        let mut last_code = String::new();
        for attempt in 0..TRIES {
            self.back_off(attempt).await;
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
            tracing::debug!(left = left.len(), code = last_code, attempt, "Kinesis took a part of the records");
        }
        Err(DispatchError::StillBusy {
            stream: self.stream.to_string(),
            left: left.len(),
            code: last_code,
            attempts: TRIES,
        })
    }

    fn refused(&self, failure: Failure, source: Box<dyn std::error::Error + Send + Sync>) -> DispatchError {
        let stream = self.stream.to_string();
        let Failure { code, message, .. } = failure;
        if code == "ResourceNotFoundException" {
            DispatchError::StreamMissing { stream }
        } else {
            DispatchError::Refused { stream, code, message, source }
        }
    }

    async fn back_off(&self, attempt: u32) {
        if attempt == 0 {
            return;
        }
        let ceiling = BACKOFF_BASE_MS.saturating_mul(1 << attempt.min(16)).min(BACKOFF_CAP_MS);
        tokio::time::sleep(Duration::from_millis(self.entropy.up_to(ceiling))).await;
    }
}

#[cfg(test)]
mod tests;
