//! `PutRecords`: the engine's dispatcher, with the same requests and retries as the one on Kinesis.

use std::sync::Arc;

use control_table::clock::Clock;
use control_table::message::SegmentRecord;
use control_table::retry::Retry;
use engine::{DispatchError, Dispatcher, Transport};
use futures::future::BoxFuture;

use super::SegmentStream;
use super::shard::Stored;

/// Records of one `PutRecords` (Kinesis quota).
const RECORDS_A_REQUEST: usize = 500;

/// Tries of a request's remainder: as the dispatcher of the functions.
const BUSY: Retry = Retry::new(30, 100, 1_000);

/// The bytes of a payload unit, by which Kinesis charges.
const PAYLOAD_UNIT: u64 = 25 * 1_024;

/// Puts records on the simulated stream.
#[derive(Debug, Clone)]
pub struct StreamDispatcher {
    pub(super) stream: Arc<SegmentStream>,
}

impl StreamDispatcher {
    /// Puts on that stream.
    #[must_use]
    pub const fn new(stream: Arc<SegmentStream>) -> Self {
        Self { stream }
    }

    async fn put_all(&self, records: &[SegmentRecord]) -> Result<(), DispatchError> {
        for records in records.chunks(RECORDS_A_REQUEST) {
            let records = records.iter().map(stored).collect::<Result<Vec<_>, _>>()?;
            self.put_batch(records).await?;
        }
        Ok(())
    }

    async fn put_batch(&self, mut left: Vec<Stored>) -> Result<(), DispatchError> {
        let surroundings = &self.stream.surroundings;
        let mut tries = BUSY.begin(&surroundings.chance);
        while tries.next().await {
            surroundings.wait(surroundings.parameters.latencies.put_records).await;
            left = left.into_iter().filter_map(|record| self.stream.put(record)).collect();
            if left.is_empty() {
                return Ok(());
            }
            surroundings.meter.lock().refused_puts += left.len() as u64;
        }
        let code = "ProvisionedThroughputExceededException".to_owned();
        Err(DispatchError::StillBusy {
            transport: Transport::Kinesis("simulated".to_owned()),
            left: left.len(),
            code,
            attempts: BUSY.tries,
        })
    }
}

impl Dispatcher for StreamDispatcher {
    fn put<'a>(&'a self, records: &'a [SegmentRecord]) -> BoxFuture<'a, Result<(), DispatchError>> {
        Box::pin(self.put_all(records))
    }
}

impl SegmentStream {
    /// Takes one record; gives it back if its shard takes no more in this second.
    fn put(&self, record: Stored) -> Option<Stored> {
        let (clock, settings) = (self.surroundings.clock, self.surroundings.parameters.stream);
        let limits = (settings.records_a_second, settings.bytes_a_second);
        let shard = self.lock_shards().iter().find(|shard| shard.takes(record.hash)).cloned();
        let sequence = self.surroundings.meter.lock().puts;
        let taken = Stored { put_at: clock.timestamp(), sequence, ..record.clone() };
        let segment = record.segment?;
        if !self.losses.loses(segment) && !shard.is_some_and(|shard| shard.put(taken, clock.second(), limits)) {
            return Some(record);
        }
        let mut usage = self.surroundings.meter.lock();
        usage.put(segment, clock.elapsed());
        usage.payload_units += (record.data.len() as u64).div_ceil(PAYLOAD_UNIT);
        None
    }
}

fn stored(record: &SegmentRecord) -> Result<Stored, DispatchError> {
    let segment = record.segment();
    let data = serde_json::to_vec(record);
    let data = data.map_err(|source| DispatchError::Unwritable { segment, source: Box::new(source) })?;
    let hash = hash(&record.partition_key());
    Ok(Stored {
        segment: Some(segment),
        hash,
        sequence: 0,
        put_at: control_table::clock::Timestamp::EPOCH,
        data: data.into(),
    })
}

/// Spreads partition keys evenly, as MD5 does on Kinesis: FNV-1a, finished so that high and low bits are both even.
pub(super) fn hash(key: &str) -> u64 {
    let fnv = key
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mixed = (fnv ^ (fnv >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ (mixed >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partition_keys_spread_over_shards_and_lanes() {
        let mut counts = [[0_u32; 10]; 4];
        for index in 0..40_000 {
            let hash = hash(&format!("0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b#{index}"));
            counts[usize::try_from(hash >> 62).unwrap()][usize::try_from(hash % 10).unwrap()] += 1;
        }
        assert!(counts.iter().flatten().all(|count| (880..1_120).contains(count)), "{counts:?}");
    }
}
