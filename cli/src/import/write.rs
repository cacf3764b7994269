//! Puts batches into the table, several at once.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use control_table::clock::Entropy;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinSet;

use super::batch::Batch;
use super::error::{ImportError, said};

/// Batches on their way at once: hides the latency of a table on AWS; memory for at most these.
pub const IN_FLIGHT: usize = 8;

/// Tries of what `DynamoDB` left undone, the first included: some ten seconds with the backoff.
const TRIES: u32 = 12;
const BACKOFF_BASE_MS: u64 = 20;
const BACKOFF_CAP_MS: u64 = 2_000;

/// Where batches go.
#[derive(Clone)]
pub struct Writer {
    /// The database.
    pub client: Client,
    /// The table.
    pub table: Arc<str>,
    /// For the jitter.
    pub entropy: Arc<Entropy>,
}

/// What is on its way.
#[derive(Default)]
struct Flight {
    tasks: JoinSet<Result<(u64, Vec<String>), ImportError>>,
    keys: HashSet<String>,
}

impl Flight {
    /// Waits for one batch; the number of the file's rows in it.
    async fn land_one(&mut self) -> Result<u64, ImportError> {
        let Some(landed) = self.tasks.join_next().await else { return Ok(0) };
        let (read, keys) = landed??;
        for key in keys {
            self.keys.remove(&key);
        }
        Ok(read)
    }

    /// Two puts of one key must not be on their way together: which one stays would be a matter of luck.
    fn has_room_for(&self, batch: &Batch) -> bool {
        self.tasks.len() < IN_FLIGHT && !batch.rows().iter().any(|row| self.keys.contains(&row.key))
    }
}

impl Writer {
    /// Writes every batch that arrives; tells `progress` the rows written so far.
    pub async fn write_all(&self, mut batches: Receiver<Batch>, progress: &impl Fn(u64)) -> Result<u64, ImportError> {
        let (mut flight, mut written) = (Flight::default(), 0);
        while let Some(batch) = batches.recv().await {
            while !flight.has_room_for(&batch) {
                written += flight.land_one().await?;
                progress(written);
            }
            flight.keys.extend(batch.rows().iter().map(|row| row.key.clone()));
            let writer = self.clone();
            flight.tasks.spawn(async move { writer.write(batch).await });
        }
        while !flight.tasks.is_empty() {
            written += flight.land_one().await?;
            progress(written);
        }
        Ok(written)
    }

    async fn write(&self, batch: Batch) -> Result<(u64, Vec<String>), ImportError> {
        let read = batch.read;
        let lines = batch.rows().iter().map(|row| row.line);
        let (first, last) = (lines.clone().min().unwrap_or(0), lines.max().unwrap_or(0));
        let (mut keys, mut left) = (Vec::new(), Vec::new());
        for row in batch.into_rows() {
            let put = PutRequest::builder().set_item(Some(row.item)).build();
            let put = put.map_err(|error| ImportError::Write { first, last, source: Box::new(error) })?;
            left.push(WriteRequest::builder().put_request(put).build());
            keys.push(row.key);
        }
        for attempt in 0..TRIES {
            self.back_off(attempt).await;
            left = self.request(left).await.map_err(|source| ImportError::Write { first, last, source })?;
            if left.is_empty() {
                return Ok((read, keys));
            }
        }
        Err(ImportError::Busy { first, last, tries: TRIES })
    }

    /// One request; what it left undone.
    #[expect(clippy::disallowed_methods, reason = "the user's own table; no item of the control table is written here")]
    async fn request(
        &self,
        writes: Vec<WriteRequest>,
    ) -> Result<Vec<WriteRequest>, Box<dyn std::error::Error + Send + Sync>> {
        let request = self.client.batch_write_item().request_items(&*self.table, writes);
        let output = request.send().await.map_err(said)?;
        Ok(output.unprocessed_items.unwrap_or_default().remove(&*self.table).unwrap_or_default())
    }

    async fn back_off(&self, attempt: u32) {
        if attempt > 0 {
            let ceiling = BACKOFF_BASE_MS.saturating_mul(1 << attempt.min(16)).min(BACKOFF_CAP_MS);
            tokio::time::sleep(Duration::from_millis(self.entropy.up_to(ceiling))).await;
        }
    }
}
