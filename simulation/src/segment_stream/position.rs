//! The simulated stream as one that takes probes.

use control_table::message::{Probe, ProbeRecord};
use engine::{OpenShard, PositionError, ProbedStream};
use futures::future::{BoxFuture, ready};

use super::dispatcher::{StreamDispatcher, hash};
use super::shard::Stored;

impl ProbedStream for StreamDispatcher {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn open_shards(&self) -> BoxFuture<'_, Result<Vec<OpenShard>, PositionError>> {
        let open = self.stream.shards().into_iter().filter(|shard| shard.is_open());
        let shards = open.map(|shard| OpenShard { name: shard.name(), first_hash_key: None }).collect();
        Box::pin(ready(Ok(shards)))
    }

    fn put_probes<'a>(&'a self, shard: &'a OpenShard, probes: Vec<Probe>) -> BoxFuture<'a, Result<(), PositionError>> {
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
