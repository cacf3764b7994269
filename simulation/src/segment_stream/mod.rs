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

use control_table::clock::{Clock, Timestamp};
use control_table::id::SegmentId;

pub use self::dispatcher::StreamDispatcher;
pub use self::mapping::{Mapping, Workers};
use self::shard::{Shard, Stored};
use crate::surroundings::Surroundings;

/// What goes wrong with records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamFaults {
    /// Records that are taken and never read, in a million. Only the first record of a segment is lost.
    pub lost: u64,
}

/// A record that was taken and never read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LostRecord {
    /// The segment.
    pub segment: SegmentId,
    /// When its record was put.
    pub put_at: Timestamp,
    /// When a record of the segment was put again.
    pub put_again_at: Option<Timestamp>,
    /// When its shard had been read past the first record.
    pub read_past_at: Option<Timestamp>,
}

/// The stream.
#[derive(Debug)]
pub struct SegmentStream {
    surroundings: Surroundings,
    faults: StreamFaults,
    shards: Mutex<Vec<Arc<Shard>>>,
    lost: Mutex<Vec<LostRecord>>,
}

impl SegmentStream {
    /// A stream with the shards that the parameters give it.
    #[must_use]
    pub fn new(surroundings: Surroundings, faults: StreamFaults) -> Arc<Self> {
        let settings = surroundings.parameters.stream;
        let count = settings.shards.max(1) as u64;
        let width = u64::MAX / count;
        let shard = |number: u64| {
            let end = if number + 1 == count { u64::MAX } else { (number + 1) * width - 1 };
            Arc::new(Shard::new(number, number * width..=end, Vec::new(), settings.lanes))
        };
        let shards = Mutex::new((0..count).map(shard).collect());
        Arc::new(Self { surroundings, faults, shards, lost: Mutex::default() })
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

    /// The records that were lost.
    #[must_use]
    pub fn lost(&self) -> Vec<LostRecord> {
        self.lock_lost().clone()
    }

    /// Notes which lost records their shards were read past by now. The world calls it once a minute.
    pub fn note_positions(&self) {
        let (now, retention) = (self.surroundings.clock.timestamp(), self.surroundings.parameters.stream.retention);
        let read_until = self.shards().iter().map(|shard| shard.read_until(now, retention)).min().unwrap_or(now);
        for lost in self.lock_lost().iter_mut() {
            if lost.read_past_at.is_none() && lost.put_at < read_until {
                lost.read_past_at = Some(now);
            }
        }
    }

    /// Whether the record is lost. Notes it, or that a lost one was put again.
    fn loses(&self, record: &Stored, is_first: bool) -> bool {
        let Some(segment) = record.segment.filter(|_| self.faults.lost > 0) else { return false };
        let mut lost = self.lock_lost();
        if let Some(known) = lost.iter_mut().find(|lost| lost.segment == segment) {
            known.put_again_at.get_or_insert(record.put_at);
            return false;
        }
        let is_lost = is_first && self.surroundings.happens(self.faults.lost);
        if is_lost {
            let put_at = record.put_at;
            lost.push(LostRecord { segment, put_at, put_again_at: None, read_past_at: None });
        }
        is_lost
    }

    fn lock_shards(&self) -> MutexGuard<'_, Vec<Arc<Shard>>> {
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_lost(&self) -> MutexGuard<'_, Vec<LostRecord>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
