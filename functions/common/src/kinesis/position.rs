//! How far the segment stream was read, by probes.
//!
//! A probe is a small record with a fixed partition key of its shard. The sweeper puts a round of them in each shard when records were put
//! since the last round, five minutes apart. A worker that reads one notes it in the shard's watermark. Only open shards count: Lambda
//! reads the shard that one was made of to its end before it.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, Shard};
use chrono::TimeDelta;
use control_table::ControlTable;
use control_table::clock::Timestamp;
use control_table::limits::PROBES_PER_SHARD;
use control_table::message::{Probe, ProbeRecord};
use control_table::operation::{Moment, MoveWatermark, MoveWatermarkOutcome};
use control_table::rows::WatermarkRow;
use control_table::sdk::Failure;
use engine::{PositionError, StreamPosition};
use futures::future::BoxFuture;

use super::KinesisDispatcher;

/// How often a process notes that it puts records: one write unit each.
const NOTE_EVERY: TimeDelta = TimeDelta::minutes(1);

/// The shortest time between two rounds of probes in a shard. A choice: a lost record is found some minutes after its shard was read past
/// it, and a shard that is a day behind holds some 18,000 probes, a few milliseconds of a worker each.
const PROBE_EVERY: TimeDelta = TimeDelta::minutes(5);

/// How long a record may be read after the stream's retention is over: it may be in a worker's batch by then.
const AFTER_RETENTION: TimeDelta = TimeDelta::minutes(5);

/// Pages of shards at most: 1,000 a page (Kinesis quota), and more shards than an account has by default.
const PAGES_MAX: usize = 100;

/// The position in a Kinesis stream.
#[derive(Debug)]
pub struct KinesisPosition {
    kinesis: Client,
    stream: Arc<str>,
    table: ControlTable,
    dispatcher: KinesisDispatcher,
    retention: TimeDelta,
    /// When this process noted a put last.
    noted_at: Mutex<Option<Timestamp>>,
}

impl KinesisPosition {
    /// The position in the stream that the dispatcher puts records on, which keeps them for that long.
    #[must_use]
    pub fn new(dispatcher: KinesisDispatcher, table: ControlTable, retention: TimeDelta) -> Self {
        let (kinesis, stream) = (dispatcher.kinesis.clone(), Arc::clone(&dispatcher.stream));
        Self { kinesis, stream, table, dispatcher, retention, noted_at: Mutex::new(None) }
    }

    async fn note(&self, now: Timestamp) -> Result<(), PositionError> {
        let is_noted = {
            let noted_at = self.noted_at.lock().unwrap_or_else(PoisonError::into_inner);
            noted_at.is_some_and(|at| now < at.plus(NOTE_EVERY))
        };
        if is_noted {
            return Ok(());
        }
        let (stream, shard) = (self.stream.to_string(), WatermarkRow::STREAM.to_owned());
        self.table.execute(&MoveWatermark { stream, shard, moment: Moment::Put, at: now }).await?;
        *self.noted_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok(())
    }

    async fn read(&self, now: Timestamp) -> Result<Timestamp, PositionError> {
        let shards = self.open_shards().await?;
        let mut names: Vec<String> = shards.iter().map(|shard| shard.shard_id.clone()).collect();
        names.push(WatermarkRow::STREAM.to_owned());
        let rows = self.table.watermarks(&self.stream, &names).await?;
        let row = |name: &str| rows.iter().find(|row| row.shard == name);
        let put_at = row(WatermarkRow::STREAM).and_then(|row| row.put_at);
        for shard in &shards {
            let probed_at = row(&shard.shard_id).and_then(|row| row.probed_at);
            if is_probe_due(put_at, probed_at, now) {
                self.probe(shard, now).await?;
            }
        }
        let read = shards.iter().map(|shard| row(&shard.shard_id).map_or(Timestamp::EPOCH, WatermarkRow::read_until));
        let gone = now.plus(-(self.retention + AFTER_RETENTION));
        Ok(read.min().unwrap_or(Timestamp::EPOCH).max(gone))
    }

    /// A round of probes, if no other sweeper puts one. Noted first: a sweeper that dies in between leaves the round out, and the next one
    /// follows.
    async fn probe(&self, shard: &Shard, now: Timestamp) -> Result<(), PositionError> {
        let (stream, name) = (self.stream.to_string(), shard.shard_id.clone());
        let request = MoveWatermark { stream, shard: name, moment: Moment::Probed, at: now };
        if self.table.execute(&request).await? == MoveWatermarkOutcome::Behind {
            return Ok(());
        }
        let place = shard.hash_key_range.as_ref().map(|range| range.starting_hash_key.clone());
        let entries = (0..PROBES_PER_SHARD).filter_map(|number| {
            let probe = Probe { stream: self.stream.to_string(), shard: shard.shard_id.clone(), number, put_at: now };
            let key = probe.partition_key();
            let data = serde_json::to_vec(&ProbeRecord { probe }).ok()?;
            let entry = PutRecordsRequestEntry::builder().data(Blob::new(data)).partition_key(key);
            entry.set_explicit_hash_key(place.clone()).build().ok()
        });
        Ok(self.dispatcher.put_batch(entries.collect()).await?)
    }

    async fn open_shards(&self) -> Result<Vec<Shard>, PositionError> {
        let (mut shards, mut next) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let request = match next.take() {
                None => self.kinesis.list_shards().stream_name(&*self.stream),
                // A token stands for the stream, too.
                Some(token) => self.kinesis.list_shards().next_token(token),
            };
            let page = request.send().await.map_err(|error| self.unlisted(error))?;
            shards.extend(page.shards.unwrap_or_default().into_iter().filter(is_open));
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

/// Whether records may have been put since the last round. A process notes a put once in [`NOTE_EVERY`], so it may have put more since.
fn is_probe_due(put_at: Option<Timestamp>, probed_at: Option<Timestamp>, now: Timestamp) -> bool {
    let Some(put_at) = put_at else { return false };
    probed_at.is_none_or(|probed_at| probed_at < put_at.plus(NOTE_EVERY) && probed_at.plus(PROBE_EVERY) <= now)
}

impl StreamPosition for KinesisPosition {
    fn read_until(&self, now: Timestamp) -> BoxFuture<'_, Result<Timestamp, PositionError>> {
        Box::pin(self.read(now))
    }

    fn records_put(&self, _: u64, now: Timestamp) -> BoxFuture<'_, Result<(), PositionError>> {
        Box::pin(self.note(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_follow_puts_and_no_others() {
        let at = |minutes| Timestamp::EPOCH.plus(TimeDelta::minutes(minutes));
        assert!(!is_probe_due(None, None, at(9)), "nothing was ever put");
        assert!(is_probe_due(Some(at(1)), None, at(9)));
        assert!(is_probe_due(Some(at(1)), Some(at(1)), at(9)), "more may have been put in the same minute");
        assert!(!is_probe_due(Some(at(1)), Some(at(2)), at(900)), "nothing was put since");
        assert!(!is_probe_due(Some(at(8)), Some(at(5)), at(9)), "too soon");
        assert!(is_probe_due(Some(at(8)), Some(at(5)), at(10)));
    }
}
