//! A shard of the embedded Kinesis, read and trimmed without the API.
//!
//! The API's `GetRecords` moves an iterator forward and leaves what it read in memory. A mapping in the same process can
//! do without iterators: what is in the shard is what is not consumed yet, because consuming a record deletes it.

use std::collections::HashSet;
use std::sync::Arc;

use aws_smithy_types::base64;

use super::kinesis::Service;
use super::{ACCOUNT, REGION};

/// A record of a shard.
#[derive(Debug, Clone, PartialEq)]
pub struct ShardRecord {
    /// What [`Shard::forget`] takes.
    pub key: String,
    /// Its place in the shard.
    pub sequence_number: String,
    /// What the producer chose to spread records by.
    pub partition_key: String,
    /// The payload.
    pub data: Vec<u8>,
    /// Milliseconds since 1970; the emulator counts whole seconds.
    pub arrived_at_ms: i64,
}

/// One shard of a stream. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shard {
    service: Arc<Service>,
    stream: String,
    index: u16,
}

impl Shard {
    pub(super) fn new(service: Arc<Service>, stream: &str, index: u16) -> Self {
        Self { service, stream: stream.to_owned(), index }
    }

    /// The shard's name, as event ids begin with it.
    pub fn id(&self) -> String {
        format!("shardId-{:012}", self.index)
    }

    /// The stream's ARN, as events name it.
    pub fn stream_arn(&self) -> String {
        format!("arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{}", self.stream)
    }

    /// The oldest records that are not in `taken`, at most `limit`.
    ///
    /// It always looks from the beginning of the shard, past what is taken: a record whose put was slower than its
    /// neighbour's, or whose number is lower because the clock was set back, is found all the same.
    pub async fn read(&self, taken: &HashSet<String>, limit: usize) -> Vec<ShardRecord> {
        let from = format!("{:08x}/", self.index);
        // '0' follows '/', so this ends the range behind every key of the shard.
        let to = format!("{:08x}0", self.index);
        let found = self.service.records(&self.stream, &from, &to, taken.len() + limit).await;
        found
            .into_iter()
            .filter(|(key, _)| !taken.contains(key))
            .take(limit)
            .map(|(key, record)| ShardRecord {
                sequence_number: key.rsplit('/').next().unwrap_or(&key).to_owned(),
                key,
                partition_key: record.partition_key,
                // The emulator refuses a put whose payload is no base64.
                data: base64::decode(record.data).unwrap_or_default(),
                arrived_at_ms: millis(record.approximate_arrival_timestamp),
            })
            .collect()
    }

    /// Drops consumed records from memory.
    pub async fn forget(&self, keys: &[String]) {
        self.service.forget(&self.stream, keys).await;
    }
}

#[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 as the emulator wrote them; a cast saturates")]
fn millis(seconds: f64) -> i64 {
    (seconds * 1_000.0) as i64
}
