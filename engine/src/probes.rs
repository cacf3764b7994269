//! How far a stream was read, by probes.
//!
//! A probe is a small record with a fixed partition key of its shard. The sweeper puts a round of them in each shard when records were put
//! since the last round, five minutes apart. A worker that reads one notes it in the shard's watermark. Only open shards count: Lambda
//! reads the shard that one was made of to its end before it.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use control_table::ControlTable;
use control_table::clock::Timestamp;
use control_table::limits::PROBES_PER_SHARD;
use control_table::message::Probe;
use control_table::operation::{Moment, MoveWatermark, MoveWatermarkOutcome};
use control_table::rows::WatermarkRow;
use futures::future::BoxFuture;

use crate::lines::{Line, Lines};
use crate::position::{PositionError, StreamPosition};

/// How often a process notes that it puts records: one write unit each.
const NOTE_EVERY: TimeDelta = TimeDelta::minutes(1);

/// The shortest time between two rounds of probes in a shard. A choice: a lost record is found some minutes after its shard was read past
/// it, and a shard that is a day behind holds some 18,000 probes, a few milliseconds of a worker each.
const PROBE_EVERY: TimeDelta = TimeDelta::minutes(5);

/// How long a record may be read after the stream's retention is over: it may be in a worker's batch by then.
const AFTER_RETENTION: TimeDelta = TimeDelta::minutes(5);

/// How a stream keeps records, and how its event source mapping reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamSettings {
    /// How long it keeps a record.
    pub retention: TimeDelta,
    /// Batches of a shard that are processed at once.
    pub lanes: u32,
    /// Records of a batch at most.
    pub batch_size: u32,
}

impl StreamSettings {
    /// For a caller that does not know them: the most that AWS allows of each (quotas), so that no record is put again too early.
    pub const UNKNOWN: Self = Self { retention: TimeDelta::days(365), lanes: 10, batch_size: 10_000 };
}

/// A shard of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamShard {
    /// Its name in the stream.
    pub name: String,
    /// The hashes of the partition keys of its records; `None` if the stream does not say. A record with one of them as its explicit
    /// hash key is put there whatever its partition key is.
    pub hash_keys: Option<RangeInclusive<u128>>,
    /// Whether it takes records: one that was split or merged has its last.
    pub is_open: bool,
}

/// A stream that takes probes.
pub trait ProbedStream: fmt::Debug + Send + Sync {
    /// Its name in watermarks.
    fn name(&self) -> &str;

    /// The hash of a partition key, by which the stream chooses a record's shard.
    fn hash(&self) -> fn(&str) -> u128;

    /// Its shards; closed ones too, as long as they have records.
    fn shards(&self) -> BoxFuture<'_, Result<Vec<StreamShard>, PositionError>>;

    /// Puts probes in that shard.
    fn put_probes<'a>(&'a self, shard: &'a StreamShard, probes: Vec<Probe>)
    -> BoxFuture<'a, Result<(), PositionError>>;
}

/// The position in a stream, by its probes.
#[derive(Debug)]
pub struct ProbedPosition<S> {
    stream: S,
    table: ControlTable,
    settings: StreamSettings,
    /// When this process noted a put last.
    noted_at: Mutex<Option<Timestamp>>,
}

impl<S: ProbedStream> ProbedPosition<S> {
    /// The position in that stream. The table has the watermarks.
    #[must_use]
    pub const fn new(stream: S, table: ControlTable, settings: StreamSettings) -> Self {
        Self { stream, table, settings, noted_at: Mutex::new(None) }
    }

    async fn note(&self, now: Timestamp) -> Result<(), PositionError> {
        let is_noted = {
            let noted_at = self.noted_at.lock().unwrap_or_else(PoisonError::into_inner);
            noted_at.is_some_and(|at| now < at.plus(NOTE_EVERY))
        };
        if is_noted {
            return Ok(());
        }
        self.move_watermark(WatermarkRow::STREAM, Moment::Put, now).await?;
        *self.noted_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok(())
    }

    async fn read(&self, now: Timestamp) -> Result<Timestamp, PositionError> {
        let mut shards = self.stream.shards().await?;
        shards.retain(|shard| shard.is_open);
        let mut names: Vec<String> = shards.iter().map(|shard| shard.name.clone()).collect();
        names.push(WatermarkRow::STREAM.to_owned());
        let rows = self.table.watermarks(self.stream.name(), &names).await?;
        let row = |name: &str| rows.iter().find(|row| row.shard == name);
        let put_at = row(WatermarkRow::STREAM).and_then(|row| row.put_at);
        for shard in &shards {
            let probed_at = row(&shard.name).and_then(|row| row.probed_at);
            if is_probe_due(put_at, probed_at, now) {
                self.probe(shard, now).await?;
            }
        }
        let read = shards.iter().map(|shard| row(&shard.name).map_or(Timestamp::EPOCH, WatermarkRow::read_until));
        let gone = now.plus(-(self.settings.retention + AFTER_RETENTION));
        Ok(read.min().unwrap_or(Timestamp::EPOCH).max(gone))
    }

    /// A line for each stretch of hashes that has the same shards, closed ones included: a record that was put before a merge waits in the
    /// lanes of its own shard. It is read as far as its open shard, which Lambda reads last.
    async fn read_lines(&self) -> Result<Lines, PositionError> {
        let shards = self.stream.shards().await?;
        let names: Vec<String> = shards.iter().filter(|shard| shard.is_open).map(|shard| shard.name.clone()).collect();
        let rows = self.table.watermarks(self.stream.name(), &names).await?;
        let read_until = |end: u128| {
            let is_of = |shard: &&StreamShard| {
                shard.is_open && shard.hash_keys.as_ref().is_some_and(|keys| keys.contains(&end))
            };
            let row = shards.iter().find(is_of).and_then(|shard| rows.iter().find(|row| row.shard == shard.name));
            row.map_or(Timestamp::EPOCH, WatermarkRow::read_until)
        };
        let ends: Option<BTreeSet<u128>> = shards.iter().map(|shard| Some(*shard.hash_keys.as_ref()?.end())).collect();
        let Some(ends) = ends else { return Ok(Lines::unknown()) };
        let lines = ends.into_iter().map(|end| Line { end, read_until: read_until(end) }).collect();
        let StreamSettings { lanes, batch_size, .. } = self.settings;
        Ok(Lines::new(self.stream.hash(), lines, lanes, batch_size))
    }

    /// A round of probes, if no other sweeper puts one. Noted first: a sweeper that dies in between leaves the round out, and the next one
    /// follows.
    async fn probe(&self, shard: &StreamShard, now: Timestamp) -> Result<(), PositionError> {
        if self.move_watermark(&shard.name, Moment::Probed, now).await? == MoveWatermarkOutcome::Behind {
            return Ok(());
        }
        let (stream, name) = (self.stream.name(), &shard.name);
        let probe = |number| Probe { stream: stream.to_owned(), shard: name.clone(), number, put_at: now };
        self.stream.put_probes(shard, (0..PROBES_PER_SHARD).map(probe).collect()).await
    }

    async fn move_watermark(
        &self,
        shard: &str,
        moment: Moment,
        at: Timestamp,
    ) -> Result<MoveWatermarkOutcome, PositionError> {
        let (stream, shard) = (self.stream.name().to_owned(), shard.to_owned());
        Ok(self.table.execute(&MoveWatermark { stream, shard, moment, at }).await?)
    }
}

/// Whether records can have been put since the last round. A process notes a put once in [`NOTE_EVERY`], so it may have put more since.
fn is_probe_due(put_at: Option<Timestamp>, probed_at: Option<Timestamp>, now: Timestamp) -> bool {
    let Some(put_at) = put_at else { return false };
    probed_at.is_none_or(|probed_at| probed_at < put_at.plus(NOTE_EVERY) && probed_at.plus(PROBE_EVERY) <= now)
}

impl<S: ProbedStream> StreamPosition for ProbedPosition<S> {
    fn read_until(&self, now: Timestamp) -> BoxFuture<'_, Result<Timestamp, PositionError>> {
        Box::pin(self.read(now))
    }

    fn records_put(&self, _: u64, now: Timestamp) -> BoxFuture<'_, Result<(), PositionError>> {
        Box::pin(self.note(now))
    }

    fn lines(&self) -> BoxFuture<'_, Result<Lines, PositionError>> {
        Box::pin(self.read_lines())
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
