//! One shard: records in the order in which they came, in as many lanes as batches are processed at once.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use control_table::clock::Timestamp;
use control_table::id::SegmentId;
use tokio::sync::Notify;

/// A record of the stream.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    /// The segment; `None` for a probe.
    pub segment: Option<SegmentId>,
    /// The hash of its partition key.
    pub hash: u64,
    pub sequence: u64,
    pub put_at: Timestamp,
    pub data: Arc<[u8]>,
}

/// The records of some of a shard's partition keys. Lambda keeps their order.
#[derive(Debug, Default)]
pub(super) struct Lane {
    queue: Mutex<VecDeque<Stored>>,
    /// When the oldest record was put that an invocation has.
    in_hand: Mutex<Option<Timestamp>>,
    news: Notify,
}

impl Lane {
    /// Waits for records, and takes at most `limit`. Counts those that expired.
    pub async fn take(&self, limit: usize, expired_before: impl Fn() -> Timestamp) -> (Vec<Stored>, u64) {
        let news = self.news.notified();
        let (batch, expired) = self.take_now(limit, expired_before());
        if batch.is_empty() && expired == 0 {
            news.await;
        }
        (batch, expired)
    }

    fn take_now(&self, limit: usize, expired_before: Timestamp) -> (Vec<Stored>, u64) {
        let (mut batch, mut expired) = (Vec::new(), 0);
        let mut queue = self.lock();
        while batch.len() < limit {
            match queue.pop_front() {
                Some(record) if record.put_at < expired_before => expired += 1,
                Some(record) => batch.push(record),
                None => break,
            }
        }
        *self.lock_in_hand() = batch.first().map(|record| record.put_at);
        (batch, expired)
    }

    /// How many records wait.
    pub fn waiting(&self) -> usize {
        self.lock().len()
    }

    /// The batch that an invocation had is done.
    pub fn done(&self) {
        *self.lock_in_hand() = None;
    }

    fn push(&self, record: Stored) {
        self.lock().push_back(record);
        self.news.notify_one();
    }

    /// When the oldest record was put that waits or that an invocation has, if it is not older than that moment.
    fn oldest(&self, expired_before: Timestamp) -> Option<Timestamp> {
        let in_hand = *self.lock_in_hand();
        let waiting = || self.lock().iter().map(|record| record.put_at).find(|put_at| *put_at >= expired_before);
        in_hand.or_else(waiting)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Stored>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_in_hand(&self) -> MutexGuard<'_, Option<Timestamp>> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a shard took in the present second.
#[derive(Debug, Default)]
struct Taken {
    second: u64,
    records: u64,
    bytes: u64,
    is_closed: bool,
}

/// A shard.
#[derive(Debug)]
pub(super) struct Shard {
    pub number: u64,
    hashes: RangeInclusive<u64>,
    pub parents: Vec<Arc<Shard>>,
    pub lanes: Vec<Arc<Lane>>,
    taken: Mutex<Taken>,
}

impl Shard {
    pub fn new(number: u64, hashes: RangeInclusive<u64>, parents: Vec<Arc<Self>>, lanes: usize) -> Self {
        let lanes = (0..lanes.max(1)).map(|_| Arc::default()).collect();
        Self { number, hashes, parents, lanes, taken: Mutex::default() }
    }

    /// Whether a record with that hash belongs here.
    pub fn takes(&self, hash: u64) -> bool {
        self.hashes.contains(&hash) && !self.lock().is_closed
    }

    /// Takes a record, if the shard takes one more in this second.
    pub fn put(&self, record: Stored, second: u64, limits: (u64, u64)) -> bool {
        let (records, bytes) = limits;
        let mut taken = self.lock();
        if taken.second != second {
            *taken = Taken { second, is_closed: taken.is_closed, ..Taken::default() };
        }
        let length = record.data.len() as u64;
        if taken.records >= records || taken.bytes + length > bytes {
            return false;
        }
        taken.records += 1;
        taken.bytes += length;
        drop(taken);
        self.push(record);
        true
    }

    /// Takes no more records. `false` if it did not before.
    pub fn close(&self) -> bool {
        !std::mem::replace(&mut self.lock().is_closed, true)
    }

    /// Whether it is closed and every record is done.
    pub fn is_drained(&self, expired_before: Timestamp) -> bool {
        self.lock().is_closed && self.lanes.iter().all(|lane| lane.oldest(expired_before).is_none())
    }

    /// The hashes of the partition keys of its records.
    pub const fn hashes(&self) -> &RangeInclusive<u64> {
        &self.hashes
    }

    /// The hashes of its two children.
    pub fn halves(&self) -> [RangeInclusive<u64>; 2] {
        let (begin, end) = (*self.hashes.start(), *self.hashes.end());
        let middle = begin + (end - begin) / 2;
        [begin..=middle, middle + 1..=end]
    }

    /// The moment up to which every record was read and done, or has expired.
    pub fn read_until(&self, now: Timestamp, retention: Duration) -> Timestamp {
        let kept = TimeDelta::from_std(retention).unwrap_or(TimeDelta::MAX);
        let expired_before = now.plus(-kept);
        self.lanes.iter().filter_map(|lane| lane.oldest(expired_before)).min().unwrap_or(now)
    }

    /// The shard's ID.
    pub fn name(&self) -> String {
        format!("shardId-{:012}", self.number)
    }

    pub fn is_open(&self) -> bool {
        !self.lock().is_closed
    }

    /// Takes a record in its lane, whatever it took in this second.
    pub fn push(&self, record: Stored) {
        self.lane(record.hash).push(record);
    }

    fn lane(&self, hash: u64) -> &Lane {
        // The hash of a key within the shard's range is even over the lanes only if its low bits decide.
        let place = usize::try_from(hash % self.lanes.len() as u64).unwrap_or(0);
        &self.lanes[place]
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use control_table::id::ExecutionId;

    use super::*;

    fn record(sequence: u64, put_at: i64) -> Stored {
        let segment = ExecutionId::new(uuid::Uuid::from_u128(1)).segment(sequence);
        Stored {
            segment: Some(segment),
            hash: sequence,
            sequence,
            put_at: Timestamp::from_millis(put_at),
            data: Arc::from([0_u8; 10]),
        }
    }

    fn shard(lanes: usize) -> Shard {
        Shard::new(0, 0..=u64::MAX, Vec::new(), lanes)
    }

    #[test]
    fn a_shard_takes_so_many_records_and_bytes_a_second() {
        let shard = shard(1);
        let taken: Vec<bool> = (0..4).map(|number| shard.put(record(number, 0), 1, (3, 1_000))).collect();
        assert_eq!(taken, [true, true, true, false]);
        assert!(shard.put(record(4, 0), 2, (3, 10)) && !shard.put(record(5, 0), 2, (3, 10)));
    }

    #[tokio::test]
    async fn a_lane_keeps_order_and_leaves_out_what_expired() {
        let shard = shard(2);
        for number in 0..6 {
            assert!(shard.put(record(number, i64::try_from(number).unwrap()), 1, (10, 1_000)));
        }
        let (batch, expired) = shard.lanes[0].take(9, || Timestamp::from_millis(2)).await;
        assert_eq!((batch.iter().map(|record| record.sequence).collect::<Vec<_>>(), expired), (vec![2, 4], 1));
        let far = Duration::from_mins(1);
        assert_eq!(shard.read_until(Timestamp::from_millis(9), far), Timestamp::from_millis(1), "of the other lane");
        shard.lanes[0].done();
        let (rest, _) = shard.lanes[1].take(9, || Timestamp::EPOCH).await;
        assert_eq!(rest.len(), 3);
        assert!(!shard.is_drained(Timestamp::EPOCH));
        shard.lanes[1].done();
        assert!(shard.close() && !shard.close() && shard.is_drained(Timestamp::EPOCH));
        assert!(!shard.takes(1));
    }

    #[test]
    fn two_halves_are_the_whole() {
        let [low, high] = shard(1).halves();
        assert_eq!((*low.start(), low.end() + 1, *high.end()), (0, *high.start(), u64::MAX));
    }
}
