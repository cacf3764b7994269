//! How far the stream was read: the position of the functions, with its probes, on the simulated shards.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use control_table::ControlTable;
use control_table::clock::Timestamp;
use control_table::limits::PROBES_PER_SHARD;
use control_table::message::{Probe, ProbeRecord};
use control_table::operation::{Moment, MoveWatermark, MoveWatermarkOutcome};
use control_table::rows::WatermarkRow;
use engine::{PositionError, StreamPosition};
use futures::future::BoxFuture;

use super::SegmentStream;
use super::dispatcher::hash;
use super::shard::{Shard, Stored};

/// The stream's name in watermarks.
const STREAM: &str = "simulated";

/// As the functions: how often a process notes that it puts, the time between two rounds of probes, and how long after the retention a
/// record may be read.
const NOTE_EVERY: TimeDelta = TimeDelta::minutes(1);
const PROBE_EVERY: TimeDelta = TimeDelta::minutes(5);
const AFTER_RETENTION: TimeDelta = TimeDelta::minutes(5);

/// The position in the simulated stream.
#[derive(Debug)]
pub struct SimulatedPosition {
    stream: Arc<SegmentStream>,
    table: ControlTable,
    noted_at: Mutex<Option<Timestamp>>,
}

impl SimulatedPosition {
    /// The position in that stream, kept in that table.
    #[must_use]
    pub const fn new(stream: Arc<SegmentStream>, table: ControlTable) -> Self {
        Self { stream, table, noted_at: Mutex::new(None) }
    }

    async fn note(&self, now: Timestamp) -> Result<(), PositionError> {
        let noted_at = *self.noted_at.lock().unwrap_or_else(PoisonError::into_inner);
        if noted_at.is_some_and(|at| now < at.plus(NOTE_EVERY)) {
            return Ok(());
        }
        self.move_watermark(WatermarkRow::STREAM, Moment::Put, now).await?;
        *self.noted_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok(())
    }

    async fn read(&self, now: Timestamp) -> Result<Timestamp, PositionError> {
        let shards: Vec<_> = self.stream.shards().into_iter().filter(|shard| shard.is_open()).collect();
        let mut names: Vec<String> = shards.iter().map(|shard| shard.name()).collect();
        names.push(WatermarkRow::STREAM.to_owned());
        let rows = self.table.watermarks(STREAM, &names).await?;
        let row = |name: &str| rows.iter().find(|row| row.shard == name);
        let put_at = row(WatermarkRow::STREAM).and_then(|row| row.put_at);
        for shard in &shards {
            let probed_at = row(&shard.name()).and_then(|row| row.probed_at);
            if is_probe_due(put_at, probed_at, now) {
                self.probe(shard, now).await?;
            }
        }
        let read = shards.iter().map(|shard| row(&shard.name()).map_or(Timestamp::EPOCH, WatermarkRow::read_until));
        let retention = TimeDelta::from_std(self.stream.surroundings.parameters.stream.retention);
        let gone = now.plus(-(retention.unwrap_or(TimeDelta::MAX) + AFTER_RETENTION));
        Ok(read.min().unwrap_or(Timestamp::EPOCH).max(gone))
    }

    async fn probe(&self, shard: &Shard, now: Timestamp) -> Result<(), PositionError> {
        if self.move_watermark(&shard.name(), Moment::Probed, now).await? == MoveWatermarkOutcome::Behind {
            return Ok(());
        }
        let surroundings = &self.stream.surroundings;
        surroundings.wait(surroundings.parameters.latencies.put_records).await;
        for number in 0..PROBES_PER_SHARD {
            let probe = Probe { stream: STREAM.to_owned(), shard: shard.name(), number, put_at: now };
            let hash = hash(&probe.partition_key());
            let data = serde_json::to_vec(&ProbeRecord { probe }).unwrap_or_default();
            shard.push(Stored { segment: None, hash, sequence: u64::from(number), put_at: now, data: data.into() });
        }
        Ok(())
    }

    async fn move_watermark(
        &self,
        shard: &str,
        moment: Moment,
        at: Timestamp,
    ) -> Result<MoveWatermarkOutcome, PositionError> {
        Ok(self
            .table
            .execute(&MoveWatermark { stream: STREAM.to_owned(), shard: shard.to_owned(), moment, at })
            .await?)
    }
}

fn is_probe_due(put_at: Option<Timestamp>, probed_at: Option<Timestamp>, now: Timestamp) -> bool {
    let Some(put_at) = put_at else { return false };
    probed_at.is_none_or(|probed_at| probed_at < put_at.plus(NOTE_EVERY) && probed_at.plus(PROBE_EVERY) <= now)
}

impl StreamPosition for SimulatedPosition {
    fn read_until(&self, now: Timestamp) -> BoxFuture<'_, Result<Timestamp, PositionError>> {
        Box::pin(self.read(now))
    }

    fn records_put(&self, _: u64, now: Timestamp) -> BoxFuture<'_, Result<(), PositionError>> {
        Box::pin(self.note(now))
    }
}
