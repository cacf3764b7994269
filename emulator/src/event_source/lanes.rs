//! The lanes of a shard: as many batches at a time as the parallelisation factor says, with records of one partition key
//! in one lane and so in order.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::batch::Batch;
use crate::embedded::ShardRecord;

/// Records that were read from a shard and are not done.
#[derive(Debug)]
pub(super) struct Lanes {
    all: Vec<Lane>,
    batch_size: usize,
    /// Keys of all records in here or in an invocation, so that the shard is not read for them again.
    taken: HashSet<String>,
    waiting: usize,
}

#[derive(Debug, Default)]
struct Lane {
    /// What failed goes first: it is older than anything that waits.
    again: VecDeque<Batch<ShardRecord>>,
    fresh: VecDeque<ShardRecord>,
    busy: bool,
}

impl Lane {
    fn has_work(&self) -> bool {
        !self.again.is_empty() || !self.fresh.is_empty()
    }
}

impl Lanes {
    pub(super) fn new(count: usize, batch_size: usize) -> Self {
        let lanes = (0..count.max(1)).map(|_| Lane::default()).collect();
        Self { all: lanes, batch_size: batch_size.max(1), taken: HashSet::new(), waiting: 0 }
    }

    /// How many records wait for their first invocation.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn taken(&self) -> &HashSet<String> {
        &self.taken
    }

    /// Takes a record in, in the lane of its partition key.
    pub(super) fn add(&mut self, record: ShardRecord) {
        let mut hasher = DefaultHasher::new();
        record.partition_key.hash(&mut hasher);
        let count = self.all.len() as u64;
        let index = usize::try_from(hasher.finish() % count).unwrap_or(0);
        if let Some(lane) = self.all.get_mut(index)
            && self.taken.insert(record.key.clone())
        {
            lane.fresh.push_back(record);
            self.waiting += 1;
        }
    }

    /// The next batch of a lane that has none in an invocation, with the lane's number.
    pub(super) fn next(&mut self) -> Option<(usize, Batch<ShardRecord>)> {
        let batch_size = self.batch_size;
        let free = |lane: &Lane| !lane.busy && lane.has_work();
        let (index, lane) = self.all.iter_mut().enumerate().find(|(_, lane)| free(lane))?;
        lane.busy = true;
        let batch = lane.again.pop_front().unwrap_or_else(|| {
            let count = batch_size.min(lane.fresh.len());
            self.waiting -= count;
            Batch::fresh(lane.fresh.drain(..count).collect())
        });
        Some((index, batch))
    }

    /// Frees a lane, and gives it back what is to be repeated.
    pub(super) fn free(&mut self, index: usize, again: Vec<Batch<ShardRecord>>) {
        if let Some(lane) = self.all.get_mut(index) {
            lane.busy = false;
            for batch in again.into_iter().rev() {
                lane.again.push_front(batch);
            }
        }
    }

    /// Forgets records that were deleted from the shard.
    pub(super) fn release(&mut self, keys: &[String]) {
        for key in keys {
            self.taken.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: &str, partition_key: &str) -> ShardRecord {
        ShardRecord {
            key: key.to_owned(),
            sequence_number: key.to_owned(),
            partition_key: partition_key.to_owned(),
            data: Vec::new(),
            arrived_at_ms: 0,
        }
    }

    fn keys(batch: &Batch<ShardRecord>) -> Vec<&str> {
        batch.records.iter().map(|record| record.key.as_str()).collect()
    }

    #[test]
    fn one_partition_key_is_one_lane_and_one_batch_at_a_time() {
        let mut lanes = Lanes::new(4, 2);
        for key in ["1", "2", "3"] {
            lanes.add(record(key, "same"));
        }
        let (lane, first) = lanes.next().expect("a batch");
        assert_eq!(keys(&first), ["1", "2"]);
        assert!(lanes.next().is_none(), "the lane is busy");
        lanes.free(lane, vec![Batch { records: first.records, retries: 1 }]);
        let (lane, repeated) = lanes.next().expect("a batch");
        assert_eq!((keys(&repeated), repeated.retries), (vec!["1", "2"], 1));
        lanes.free(lane, Vec::new());
        assert_eq!(keys(&lanes.next().expect("a batch").1), ["3"]);
    }

    #[test]
    fn many_partition_keys_fill_every_lane() {
        let mut lanes = Lanes::new(4, 1);
        for n in 0..100 {
            lanes.add(record(&n.to_string(), &n.to_string()));
        }
        let busy: HashSet<_> = std::iter::from_fn(|| lanes.next()).map(|(lane, _)| lane).collect();
        assert_eq!(busy.len(), 4);
        assert_eq!(lanes.waiting(), 96);
    }

    #[test]
    fn a_record_is_taken_once_until_it_is_released() {
        let mut lanes = Lanes::new(1, 1);
        lanes.add(record("1", "a"));
        lanes.add(record("1", "a"));
        assert_eq!(lanes.waiting(), 1);
        lanes.release(&["1".to_owned()]);
        assert!(lanes.taken().is_empty());
    }
}
