//! The segments of an execution that wait for a retry.

use crate::ControlTable;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::{ExecutionId, SegmentId};
use crate::rows::{DueKind, DueShard, SegmentFailure};

/// Segments that are counted in each of the sixteen partitions of the due index that segments wait in.
const COUNTED: u16 = 1_000;

/// The segments that wait for a retry, or whose lost record was put again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retries {
    /// How many wait; of more than some thousands not all are counted.
    pub count: u64,
    /// The segment that is tried next.
    pub next: SegmentId,
    /// When it may be tried.
    pub next_at: Timestamp,
    /// Why its last attempt failed, if it had one.
    pub error: Option<SegmentFailure>,
}

impl ControlTable {
    /// The segments of an execution that wait for a retry; `None` if none does. The index that it reads lags behind the table by
    /// moments.
    pub async fn retries(&self, execution_id: ExecutionId) -> Result<Option<Retries>, Error> {
        let mut waiting: Vec<(Timestamp, SegmentId)> = Vec::new();
        for kind in [DueKind::Retry, DueKind::Record] {
            for shard in DueShard::all(kind) {
                waiting.extend(self.store().retries(execution_id, shard, COUNTED).await?);
            }
        }
        let Some(&(next_at, next)) = waiting.iter().min() else { return Ok(None) };
        let error = self.segment(next).await?.and_then(|row| row.error);
        Ok(Some(Retries { count: waiting.len() as u64, next, next_at, error }))
    }
}
