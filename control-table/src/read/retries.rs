//! The segments of an execution that wait for a retry.

use crate::ControlTable;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::{ExecutionId, SegmentId};
use crate::rows::{DueKind, DueShard, SegmentFailure, SegmentRow};

/// Segments that are counted in each of the sixteen partitions of the due index that segments wait in.
const COUNTED: u16 = 1_000;

/// The segments that wait for a retry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retries {
    /// How many wait; of more than some thousands not all are counted.
    pub count: u64,
    /// The segment that is tried next.
    pub next: SegmentId,
    /// When it may be tried.
    pub next_at: Timestamp,
    /// Why its last attempt failed.
    pub error: Option<SegmentFailure>,
}

impl ControlTable {
    /// The segments of an execution that wait for a retry; `None` if none does. The index that it reads lags behind the table by
    /// moments.
    pub async fn retries(&self, execution_id: ExecutionId) -> Result<Option<Retries>, Error> {
        let waiting = self.waiting_for_retries(execution_id).await?;
        let Some(&(next_at, next)) = waiting.first() else { return Ok(None) };
        let error = self.segment(next).await?.and_then(|row| row.error);
        Ok(Some(Retries { count: waiting.len() as u64, next, next_at, error }))
    }

    /// How many segments of an execution wait for a retry, as [`Retries::count`] has it, and the first `limit` of them in the order in
    /// which they are tried.
    pub async fn next_retries(&self, execution_id: ExecutionId, limit: usize) -> Result<(u64, Vec<SegmentRow>), Error> {
        let waiting = self.waiting_for_retries(execution_id).await?;
        let next: Vec<SegmentId> = waiting.iter().take(limit).map(|(_, segment)| *segment).collect();
        let mut rows = self.segments_of(&next).await?;
        // One that was claimed since the index was read waits no more.
        rows.retain(|row| row.retry_at.is_some());
        rows.sort_by_key(|row| (row.retry_at, row.index));
        Ok((waiting.len() as u64, rows))
    }

    /// Those that are counted, the next one first.
    async fn waiting_for_retries(&self, execution_id: ExecutionId) -> Result<Vec<(Timestamp, SegmentId)>, Error> {
        let mut waiting: Vec<(Timestamp, SegmentId)> = Vec::new();
        for kind in [DueKind::Retry, DueKind::Record] {
            for shard in DueShard::all(kind) {
                waiting.extend(self.store().retries(execution_id, shard, COUNTED).await?);
            }
        }
        waiting.sort_unstable();
        Ok(waiting)
    }
}
