//! One tick of the sweeper: passes over the partitions of the due index, side by side, so that much of one kind does not hold up another.

use chrono::{DateTime, Timelike, Utc};
use control_table::clock::Timestamp;
use control_table::id::ExecutionId;
use control_table::metric;
use control_table::read::DueItem;
use control_table::rows::{DueKind, DueShard};
use futures::future::{join3, try_join_all};
use futures::stream::{self, StreamExt};
use serde::Serialize;

use crate::Engine;
use crate::error::EngineError;

/// Executions of one partition that one tick takes: more than are open at once in any system that the rest of this program suits.
const EXECUTIONS_PER_SHARD: u16 = 1_000;

/// Executions that one tick deletes at the same time.
const EXPIRED_AT_ONCE: usize = 2;

/// What one sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    /// Rows that were due.
    pub due: u64,
    /// Records put again: retries, lost records, lost workers.
    pub records_put: u64,
    /// Segments that failed because their last allowed attempt was lost.
    pub given_up: u64,
    /// Finished segments that their worker had not counted.
    pub tallied: u64,
    /// Finished tallies that gather had not folded.
    pub folded: u64,
    /// Executions whose completion event was published.
    pub published: u64,
    /// Scatters that were continued.
    pub scatters_resumed: u64,
    /// Cancels and redrives that were continued.
    pub resumed: u64,
    /// Executions that were stopped: they timed out, or too many segments failed.
    pub stopped: u64,
    /// Executions that made no progress for longer than their policy allows, seen for the first time.
    pub stalled: u64,
    /// Executions whose retention is over, and that were deleted.
    pub expired: u64,
    /// Rows that failed, and stay due.
    pub failed: u64,
}

impl SweepReport {
    fn and(self, other: Self) -> Self {
        Self {
            due: self.due + other.due,
            records_put: self.records_put + other.records_put,
            given_up: self.given_up + other.given_up,
            tallied: self.tallied + other.tallied,
            folded: self.folded + other.folded,
            published: self.published + other.published,
            scatters_resumed: self.scatters_resumed + other.scatters_resumed,
            resumed: self.resumed + other.resumed,
            stopped: self.stopped + other.stopped,
            stalled: self.stalled + other.stalled,
            expired: self.expired + other.expired,
            failed: self.failed + other.failed,
        }
    }
}

/// What every pass of a sweep knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tick {
    /// When to begin nothing more.
    pub until: DateTime<Utc>,
    /// Every record that was put before this moment was read, or is gone.
    pub read_until: Timestamp,
}

impl Engine {
    /// Handles everything that is due, up to the settings' bounds and until some seconds before `deadline`. A row that fails is logged and
    /// counted, and does not hold up the others; what is not finished stays due.
    ///
    /// # Errors
    /// When the due index cannot be read.
    pub async fn sweep(&self, deadline: DateTime<Utc>) -> Result<SweepReport, EngineError> {
        let tick = self.tick(deadline).await;
        let passes = join3(self.sweep_executions(tick), self.sweep_segments(tick), self.sweep_expired(tick));
        let (executions, segments, expired) = passes.await;
        let report = executions?.and(segments?).and(expired?);
        metric::SWEEP_RECORDS_PUT.add(report.records_put);
        metric::SEGMENTS_FAILED.add(report.given_up);
        if report.due > 0 {
            tracing::info!(?report, "swept");
        }
        Ok(report)
    }

    async fn tick(&self, deadline: DateTime<Utc>) -> Tick {
        let now = self.clock.now();
        let half = (deadline - now) / 2;
        let read_until = self.position.read_until(now.into()).await.unwrap_or_else(|error| {
            tracing::error!(%error, "what waits in the stream is not known: no lost record is put again in this tick");
            Timestamp::EPOCH
        });
        Tick { until: deadline - self.settings.sweep_margin.min(half), read_until }
    }

    /// The partitions of a kind; another one comes first each minute.
    fn shards(&self, kind: DueKind) -> Vec<DueShard> {
        let mut shards: Vec<DueShard> = DueShard::all(kind).collect();
        let first = self.clock.now().minute() as usize % shards.len().max(1);
        shards.rotate_left(first);
        shards
    }

    /// Every due execution, those that are due longest first. If there are more than are worked on at once, each gets a share of the time.
    async fn sweep_executions(&self, tick: Tick) -> Result<SweepReport, EngineError> {
        let due = self.due_executions(DueKind::Execution).await?;
        let are_many = due.len() > self.settings.executions_at_once;
        let share = if are_many { self.settings.share } else { chrono::TimeDelta::MAX };
        // Collected, because the compiler cannot see that a stream of a borrowing closure may cross threads.
        let swept: Vec<_> = due.iter().map(|&execution_id| self.sweep_one(execution_id, tick, share)).collect();
        let reports: Vec<SweepReport> =
            stream::iter(swept).buffer_unordered(self.settings.executions_at_once.max(1)).collect().await;
        Ok(SweepReport { due: due.len() as u64, ..sum(reports) })
    }

    async fn due_executions(&self, kind: DueKind) -> Result<Vec<ExecutionId>, EngineError> {
        let now = self.now();
        let shards = self.shards(kind);
        let queries: Vec<_> =
            shards.into_iter().map(|shard| self.table.due(shard, now, EXECUTIONS_PER_SHARD)).collect();
        let mut shards: Vec<_> = try_join_all(queries).await?.into_iter().map(Vec::into_iter).collect();
        // The first of each partition, the second of each, and so on.
        let mut due = Vec::new();
        while shards.iter().any(|shard| shard.len() > 0) {
            let next = shards.iter_mut().filter_map(Iterator::next);
            due.extend(next.filter_map(DueItem::execution));
        }
        Ok(due)
    }

    async fn sweep_one(&self, execution_id: ExecutionId, tick: Tick, share: chrono::TimeDelta) -> SweepReport {
        let (mut report, now) = (SweepReport::default(), self.clock.now());
        if now >= tick.until {
            return report;
        }
        let until = now.checked_add_signed(share).map_or(tick.until, |until| until.min(tick.until));
        if let Err(error) = self.sweep_execution(execution_id, Tick { until, ..tick }, &mut report).await {
            tracing::error!(%execution_id, %error, "stays due");
            report.failed += 1;
        }
        report
    }

    async fn sweep_segments(&self, tick: Tick) -> Result<SweepReport, EngineError> {
        let retries = self.shards(DueKind::Retry).into_iter().map(|shard| (shard, self.now()));
        let records = self.shards(DueKind::Record).into_iter().map(|shard| (shard, tick.read_until));
        let passes = retries.chain(records).map(|(shard, moment)| self.sweep_retries(shard, moment, tick.until));
        let passes: Vec<_> = passes.collect();
        Ok(sum(try_join_all(passes).await?))
    }

    async fn sweep_expired(&self, tick: Tick) -> Result<SweepReport, EngineError> {
        let due = self.due_executions(DueKind::Expiry).await?;
        let deleted: Vec<_> = due.iter().map(|&execution_id| self.expire_one(execution_id, tick)).collect();
        let reports: Vec<SweepReport> = stream::iter(deleted).buffer_unordered(EXPIRED_AT_ONCE).collect().await;
        Ok(SweepReport { due: due.len() as u64, ..sum(reports) })
    }

    async fn expire_one(&self, execution_id: ExecutionId, tick: Tick) -> SweepReport {
        match self.expire(execution_id, tick.until).await {
            Ok(done) => SweepReport { expired: u64::from(done), ..SweepReport::default() },
            Err(error) => {
                tracing::error!(%execution_id, %error, "is not deleted yet");
                SweepReport { failed: 1, ..SweepReport::default() }
            }
        }
    }
}

fn sum(reports: Vec<SweepReport>) -> SweepReport {
    reports.into_iter().fold(SweepReport::default(), SweepReport::and)
}
