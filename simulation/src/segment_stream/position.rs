//! The simulated stream as one that takes probes.

use control_table::message::{Probe, ProbeRecord};
use engine::{PositionError, ProbedStream, StreamShard};
use futures::future::{BoxFuture, ready};

use super::dispatcher::{StreamDispatcher, hash};
use super::shard::{Shard, Stored};

impl ProbedStream for StreamDispatcher {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn hash(&self) -> fn(&str) -> u128 {
        |partition_key| hash(partition_key).into()
    }

    fn shards(&self) -> BoxFuture<'_, Result<Vec<StreamShard>, PositionError>> {
        Box::pin(ready(Ok(self.stream.shards().iter().map(|shard| stream_shard(shard)).collect())))
    }

    fn put_probes<'a>(
        &'a self,
        shard: &'a StreamShard,
        probes: Vec<Probe>,
    ) -> BoxFuture<'a, Result<(), PositionError>> {
        Box::pin(async move {
            let surroundings = &self.stream.surroundings;
            surroundings.wait(surroundings.parameters.latencies.put_records).await;
            let shards = self.stream.shards();
            let Some(shard) = shards.iter().find(|open| open.name() == shard.name) else { return Ok(()) };
            for probe in probes {
                let (hash, number, put_at) = (hash(&probe.partition_key()), probe.number, probe.put_at);
                let data = serde_json::to_vec(&ProbeRecord { probe }).unwrap_or_default();
                shard.push(Stored { segment: None, hash, sequence: u64::from(number), put_at, data: data.into() });
            }
            Ok(())
        })
    }
}

fn stream_shard(shard: &Shard) -> StreamShard {
    let hashes = shard.hashes();
    let hash_keys = Some(u128::from(*hashes.start())..=u128::from(*hashes.end()));
    StreamShard { name: shard.name(), hash_keys, is_open: shard.is_open() }
}
