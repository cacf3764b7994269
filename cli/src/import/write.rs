//! Puts batches into the table, several at once, and counts the items that they replace.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{KeysAndAttributes, PutRequest, WriteRequest};
use control_table::clock::Entropy;
use control_table::limits::WRITES_PER_BATCH;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinSet;

use super::batch::Batch;
use super::error::ImportError;
use super::row::Item;
use crate::user_table::{Cause, said};

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
    /// The attribute that is its key.
    pub key: Arc<str>,
    /// For the jitter.
    pub entropy: Arc<Entropy>,
}

/// Rows of the file that are in the table.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// All of them; rows with one key count each.
    pub rows: u64,
    /// Those that replaced an item with the same key: of the table, or of an earlier row.
    pub replaced: u64,
}

/// A batch that is in the table.
struct Landed {
    written: Written,
    keys: Vec<String>,
}

/// What is on its way.
#[derive(Default)]
struct Flight {
    tasks: JoinSet<Result<Landed, ImportError>>,
    keys: HashSet<String>,
    landed: Written,
}

impl Flight {
    /// Waits for one batch.
    async fn land_one(&mut self) -> Result<(), ImportError> {
        let Some(landed) = self.tasks.join_next().await else { return Ok(()) };
        let Landed { written, keys } = landed??;
        self.landed.rows += written.rows;
        self.landed.replaced += written.replaced;
        for key in keys {
            self.keys.remove(&key);
        }
        Ok(())
    }

    /// Two puts of one key must not be on their way together: which one stays would be a matter of luck.
    fn has_room_for(&self, batch: &Batch) -> bool {
        self.tasks.len() < IN_FLIGHT && !batch.rows().iter().any(|row| self.keys.contains(&row.key))
    }
}

impl Writer {
    /// Writes every batch that arrives; tells `progress` the rows written so far. After an error it takes no more batches, and counts
    /// those that were on their way.
    pub async fn write_all(
        &self,
        mut batches: Receiver<Batch>,
        progress: &impl Fn(u64),
    ) -> (Written, Result<(), ImportError>) {
        let mut flight = Flight::default();
        let mut ended = self.take_all(&mut batches, &mut flight, progress).await;
        drop(batches);
        while !flight.tasks.is_empty() {
            ended = ended.and(flight.land_one().await);
            progress(flight.landed.rows);
        }
        (flight.landed, ended)
    }

    async fn take_all(
        &self,
        batches: &mut Receiver<Batch>,
        flight: &mut Flight,
        progress: &impl Fn(u64),
    ) -> Result<(), ImportError> {
        while let Some(batch) = batches.recv().await {
            while !flight.has_room_for(&batch) {
                flight.land_one().await?;
                progress(flight.landed.rows);
            }
            flight.keys.extend(batch.rows().iter().map(|row| row.key.clone()));
            let writer = self.clone();
            flight.tasks.spawn(async move { writer.write(batch).await });
        }
        Ok(())
    }

    async fn write(&self, batch: Batch) -> Result<Landed, ImportError> {
        let lines = batch.rows().iter().map(|row| row.line);
        let (first, last) = (lines.clone().min().unwrap_or(0), lines.max().unwrap_or(0));
        let failed = |source| ImportError::Write { first, last, source };
        let busy = || ImportError::Busy { first, last, tries: TRIES };
        let written = Written { rows: batch.read, replaced: batch.replaced };
        let (mut keys, mut asked, mut puts) = (Vec::new(), Vec::new(), Vec::new());
        for row in batch.into_rows() {
            keys.push(row.key);
            let value = row.item.get(&*self.key).cloned();
            asked.extend(value.map(|value| HashMap::from([(self.key.to_string(), value)])));
            let put =
                PutRequest::builder().set_item(Some(row.item)).build().map_err(|error| failed(Box::new(error)))?;
            puts.push(WriteRequest::builder().put_request(put).build());
        }
        let present = self.count_present(asked).await.map_err(failed)?.ok_or_else(busy)?;
        let mut left = puts.into_iter();
        while left.len() > 0 {
            let puts = left.by_ref().take(WRITES_PER_BATCH).collect();
            self.put(puts).await.map_err(failed)?.ok_or_else(busy)?;
        }
        Ok(Landed { written: Written { replaced: written.replaced + present, ..written }, keys })
    }

    /// Puts the items; `None` if `DynamoDB` left some of them undone each time.
    async fn put(&self, mut left: Vec<WriteRequest>) -> Result<Option<()>, Cause> {
        for attempt in 0..TRIES {
            self.back_off(attempt).await;
            left = self.put_once(left).await?;
            if left.is_empty() {
                return Ok(Some(()));
            }
        }
        Ok(None)
    }

    /// One request; what it left undone.
    #[expect(clippy::disallowed_methods, reason = "the user's own table; no item of the control table is written here")]
    async fn put_once(&self, writes: Vec<WriteRequest>) -> Result<Vec<WriteRequest>, Cause> {
        let request = self.client.batch_write_item().request_items(&*self.table, writes);
        let output = request.send().await.map_err(said)?;
        Ok(output.unprocessed_items.unwrap_or_default().remove(&*self.table).unwrap_or_default())
    }

    /// How many of the keys have an item already; `None` if `DynamoDB` left some of them unread each time.
    async fn count_present(&self, mut left: Vec<Item>) -> Result<Option<u64>, Cause> {
        let mut present = 0;
        for attempt in 0..TRIES {
            self.back_off(attempt).await;
            let (found, unread) = self.count_present_once(left).await?;
            present += found;
            left = unread;
            if left.is_empty() {
                return Ok(Some(present));
            }
        }
        Ok(None)
    }

    /// One request; how many it found, and the keys that it left unread.
    #[expect(clippy::disallowed_methods, reason = "the user's own table; no item of the control table is read here")]
    async fn count_present_once(&self, keys: Vec<Item>) -> Result<(u64, Vec<Item>), Cause> {
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .projection_expression("#key")
            .expression_attribute_names("#key", &*self.key)
            .build()?;
        let output = self.client.batch_get_item().request_items(&*self.table, wanted).send().await.map_err(said)?;
        let found = output.responses.unwrap_or_default().remove(&*self.table).unwrap_or_default().len() as u64;
        let unread = output.unprocessed_keys.unwrap_or_default().remove(&*self.table);
        Ok((found, unread.map_or_else(Vec::new, |unread| unread.keys)))
    }

    async fn back_off(&self, attempt: u32) {
        if attempt > 0 {
            let ceiling = BACKOFF_BASE_MS.saturating_mul(1 << attempt.min(16)).min(BACKOFF_CAP_MS);
            tokio::time::sleep(Duration::from_millis(self.entropy.up_to(ceiling))).await;
        }
    }
}
