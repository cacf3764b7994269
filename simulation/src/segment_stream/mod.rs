//! The segment stream on Kinesis, and its event source mapping.
//!
//! # Layout
//! - `shard`: the records of a shard in lanes, what it takes a second, and how far it was read
//! - `dispatcher`: `PutRecords`, as the engine's dispatcher sends it
//! - `position`: how far it was read, by probes
//! - `mapping`: batches to the worker function, lane by lane

mod dispatcher;
mod mapping;
mod position;
mod shard;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use control_table::clock::Clock;

pub use self::dispatcher::StreamDispatcher;
use self::dispatcher::hash;
pub use self::mapping::{Mapping, Workers};
use self::shard::Shard;
use crate::losses::Losses;
use crate::surroundings::Surroundings;

/// The stream.
#[derive(Debug)]
pub struct SegmentStream {
    surroundings: Surroundings,
    losses: Losses,
    shards: Mutex<Vec<Arc<Shard>>>,
}

impl SegmentStream {
    /// A stream with the shards that the parameters give it.
    #[must_use]
    pub fn new(surroundings: Surroundings, losses: Losses) -> Arc<Self> {
        let settings = surroundings.parameters.stream;
        let count = settings.shards.max(1) as u64;
        let width = u64::MAX / count;
        let shard = |number: u64| {
            let end = if number + 1 == count { u64::MAX } else { (number + 1) * width - 1 };
            Arc::new(Shard::new(number, number * width..=end, Vec::new(), settings.lanes))
        };
        let shards = Mutex::new((0..count).map(shard).collect());
        Arc::new(Self { surroundings, losses, shards })
    }

    /// Every shard, closed ones too.
    fn shards(&self) -> Vec<Arc<Shard>> {
        self.lock_shards().clone()
    }

    /// Splits every open shard in two. Lambda works a closed shard to its end before its children.
    fn split(&self) -> Vec<Arc<Shard>> {
        let lanes = self.surroundings.parameters.stream.lanes;
        let mut shards = self.lock_shards();
        let parents: Vec<_> = shards.iter().filter(|shard| shard.close()).cloned().collect();
        let mut children = Vec::new();
        for parent in parents {
            for range in parent.halves() {
                let number = (shards.len() + children.len()) as u64;
                children.push(Arc::new(Shard::new(number, range, vec![Arc::clone(&parent)], lanes)));
            }
        }
        shards.extend(children.iter().cloned());
        children
    }

    /// Merges each two neighbours of the open shards. Lambda works both to their end before the child.
    fn merge(&self) -> Vec<Arc<Shard>> {
        let lanes = self.surroundings.parameters.stream.lanes;
        let mut shards = self.lock_shards();
        let open: Vec<_> = shards.iter().filter(|shard| shard.is_open()).cloned().collect();
        let mut children = Vec::new();
        for pair in open.chunks_exact(2) {
            for parent in pair {
                parent.close();
            }
            let range = *pair[0].hashes().start()..=*pair[1].hashes().end();
            let number = (shards.len() + children.len()) as u64;
            children.push(Arc::new(Shard::new(number, range, pair.to_vec(), lanes)));
        }
        shards.extend(children.iter().cloned());
        children
    }

    /// Notes which lost records their shards were read past by now.
    pub(crate) fn note_positions(&self) {
        let (now, retention) = (self.surroundings.clock.timestamp(), self.surroundings.parameters.stream.retention);
        let shards: Vec<_> =
            self.shards().iter().map(|shard| (shard.hashes().clone(), shard.read_until(now, retention))).collect();
        self.losses.note(|segment| {
            let hash = hash(&segment.partition_key());
            let of_record = shards.iter().filter(|(hashes, _)| hashes.contains(&hash));
            of_record.map(|(_, read_until)| *read_until).min().unwrap_or(now)
        });
    }

    fn lock_shards(&self) -> MutexGuard<'_, Vec<Arc<Shard>>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
