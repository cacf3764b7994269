//! A segment, as `segments --json` shows it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use control_table::clock::Timestamp;
use control_table::id::ExecutionId;
use control_table::rows::{FailedAttempt, SegmentFailure, SegmentRow, SegmentStatus};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// One segment of an execution.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SegmentView {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Its index, from zero.
    pub index: u64,
    /// Where it stands.
    pub status: SegmentStatus,
    /// The generation that its status belongs to.
    pub generation: u32,
    /// Attempts made in this generation.
    pub attempt: u32,
    /// What is to be done.
    pub spec: Value,
    /// Items that the work counted.
    pub item_count: i64,
    /// Milliseconds of work.
    pub duration_ms: u64,
    /// The user's counters.
    pub counters: BTreeMap<String, i64>,
    /// The work's result.
    pub result: Option<Value>,
    /// Why the latest failed attempt failed.
    pub error: Option<SegmentFailure>,
    /// The newest failed attempts, oldest first; also those that a later one made good.
    pub failures: Vec<FailedAttempt>,
    /// When its row was written.
    pub created_at: DateTime<Utc>,
    /// When its latest attempt began.
    pub started_at: Option<DateTime<Utc>>,
    /// When its latest attempt ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Not before this moment may it be tried again.
    pub retry_at: Option<DateTime<Utc>>,
}

impl From<SegmentRow> for SegmentView {
    fn from(row: SegmentRow) -> Self {
        Self {
            execution_id: row.group.execution_id,
            index: row.index,
            status: row.status,
            generation: row.generation,
            attempt: row.attempt,
            spec: row.spec,
            item_count: row.counts.item_count,
            duration_ms: row.counts.duration_ms,
            counters: row.counts.counters.0,
            result: row.result,
            error: row.error,
            failures: row.failures,
            created_at: row.created_at.to_datetime(),
            started_at: row.started_at.map(Timestamp::to_datetime),
            finished_at: row.finished_at.map(Timestamp::to_datetime),
            retry_at: row.retry_at.map(Timestamp::to_datetime),
        }
    }
}
