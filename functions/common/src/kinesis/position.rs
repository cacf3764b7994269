//! The segment stream as one that takes probes.

use std::ops::RangeInclusive;

use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{HashKeyRange, PutRecordsRequestEntry, Shard};
use control_table::message::{Probe, ProbeRecord};
use control_table::sdk::Failure;
use engine::{PositionError, ProbedStream, StreamShard};
use futures::future::BoxFuture;
use md5::{Digest as _, Md5};

use super::KinesisDispatcher;

/// Pages of shards at most: 1,000 a page (Kinesis quota), and more shards than an account has by default.
const PAGES_MAX: usize = 100;

impl KinesisDispatcher {
    async fn list_shards(&self) -> Result<Vec<StreamShard>, PositionError> {
        let (mut shards, mut next) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let request = match next.take() {
                None => self.kinesis.list_shards().stream_name(&*self.stream),
                // A token stands for the stream, too.
                Some(token) => self.kinesis.list_shards().next_token(token),
            };
            let page = request.send().await.map_err(|error| self.unlisted(error))?;
            shards.extend(page.shards.unwrap_or_default().into_iter().map(stream_shard));
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        Ok(shards)
    }

    fn unlisted<E>(&self, error: aws_sdk_kinesis::error::SdkError<E>) -> PositionError
    where
        E: aws_sdk_kinesis::error::ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let Failure { code, message, .. } = Failure::of(&error);
        PositionError::Shards { stream: self.stream.to_string(), code, message, source: Box::new(error) }
    }
}

fn stream_shard(shard: Shard) -> StreamShard {
    // One that was split or merged has a last record.
    let is_open = shard.sequence_number_range.is_none_or(|range| range.ending_sequence_number.is_none());
    StreamShard { name: shard.shard_id, hash_keys: shard.hash_key_range.as_ref().and_then(hash_keys), is_open }
}

fn hash_keys(range: &HashKeyRange) -> Option<RangeInclusive<u128>> {
    Some(range.starting_hash_key.parse().ok()?..=range.ending_hash_key.parse().ok()?)
}

/// Kinesis takes the MD5 of a partition key for its hash key
/// (<https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecord.html>).
fn hash_key(partition_key: &str) -> u128 {
    u128::from_be_bytes(Md5::digest(partition_key).into())
}

impl ProbedStream for KinesisDispatcher {
    fn name(&self) -> &str {
        &self.stream
    }

    fn hash(&self) -> fn(&str) -> u128 {
        hash_key
    }

    fn shards(&self) -> BoxFuture<'_, Result<Vec<StreamShard>, PositionError>> {
        Box::pin(self.list_shards())
    }

    fn put_probes<'a>(
        &'a self,
        shard: &'a StreamShard,
        probes: Vec<Probe>,
    ) -> BoxFuture<'a, Result<(), PositionError>> {
        let first_hash_key = shard.hash_keys.as_ref().map(|keys| keys.start().to_string());
        let entries = probes.into_iter().filter_map(|probe| {
            let key = probe.partition_key();
            let data = serde_json::to_vec(&ProbeRecord { probe }).ok()?;
            let entry = PutRecordsRequestEntry::builder().data(Blob::new(data)).partition_key(key);
            entry.set_explicit_hash_key(first_hash_key.clone()).build().ok()
        });
        let entries = entries.collect();
        Box::pin(async move { Ok(self.put_batch(entries).await?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_key_is_the_digest_as_one_number() {
        // `printf a | md5sum`
        assert_eq!(hash_key("a"), 0x0cc1_75b9_c0f1_b6a8_31c3_99e2_6977_2661);
    }

    #[test]
    fn a_shard_with_a_last_record_is_closed() {
        let range = HashKeyRange::builder().starting_hash_key("0").ending_hash_key("9").build().unwrap();
        let sequence = aws_sdk_kinesis::types::SequenceNumberRange::builder().starting_sequence_number("1");
        let shard = |last: Option<&str>| {
            let sequence = sequence.clone().set_ending_sequence_number(last.map(str::to_owned)).build().unwrap();
            let shard = Shard::builder().shard_id("shardId-0").hash_key_range(range.clone());
            stream_shard(shard.sequence_number_range(sequence).build().unwrap())
        };
        let open = StreamShard { name: "shardId-0".to_owned(), hash_keys: Some(0..=9), is_open: true };
        assert_eq!(shard(None), open);
        assert_eq!(shard(Some("7")), StreamShard { is_open: false, ..open });
    }
}
