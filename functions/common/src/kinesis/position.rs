//! The segment stream as one that takes probes.

use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, Shard};
use control_table::message::{Probe, ProbeRecord};
use control_table::sdk::Failure;
use engine::{OpenShard, PositionError, ProbedStream};
use futures::future::BoxFuture;

use super::KinesisDispatcher;

/// Pages of shards at most: 1,000 a page (Kinesis quota), and more shards than an account has by default.
const PAGES_MAX: usize = 100;

impl KinesisDispatcher {
    async fn list_open_shards(&self) -> Result<Vec<OpenShard>, PositionError> {
        let (mut shards, mut next) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let request = match next.take() {
                None => self.kinesis.list_shards().stream_name(&*self.stream),
                // A token stands for the stream, too.
                Some(token) => self.kinesis.list_shards().next_token(token),
            };
            let page = request.send().await.map_err(|error| self.unlisted(error))?;
            shards.extend(page.shards.unwrap_or_default().into_iter().filter(is_open).map(open_shard));
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

/// Whether records can be put in a shard: one that was split or merged has a last record.
fn is_open(shard: &Shard) -> bool {
    shard.sequence_number_range.as_ref().is_none_or(|range| range.ending_sequence_number.is_none())
}

fn open_shard(shard: Shard) -> OpenShard {
    OpenShard { name: shard.shard_id, first_hash_key: shard.hash_key_range.map(|range| range.starting_hash_key) }
}

impl ProbedStream for KinesisDispatcher {
    fn name(&self) -> &str {
        &self.stream
    }

    fn open_shards(&self) -> BoxFuture<'_, Result<Vec<OpenShard>, PositionError>> {
        Box::pin(self.list_open_shards())
    }

    fn put_probes<'a>(&'a self, shard: &'a OpenShard, probes: Vec<Probe>) -> BoxFuture<'a, Result<(), PositionError>> {
        let entries = probes.into_iter().filter_map(|probe| {
            let key = probe.partition_key();
            let data = serde_json::to_vec(&ProbeRecord { probe }).ok()?;
            let entry = PutRecordsRequestEntry::builder().data(Blob::new(data)).partition_key(key);
            entry.set_explicit_hash_key(shard.first_hash_key.clone()).build().ok()
        });
        let entries = entries.collect();
        Box::pin(async move { Ok(self.put_batch(entries).await?) })
    }
}
