//! The outcome of a segment, as `results` prints it.

use std::collections::BTreeMap;

use control_table::rows::{SegmentFailure, SegmentRow, SegmentStatus};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// The outcome of one segment.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct OutcomeView {
    /// Its index, from zero.
    pub index: u64,
    /// `SUCCEEDED`, `FAILED` or `CANCELLED`.
    pub status: SegmentStatus,
    /// Items that the work counted.
    pub item_count: i64,
    /// Milliseconds of work.
    pub duration_ms: u64,
    /// The user's counters.
    pub counters: BTreeMap<String, i64>,
    /// The work's result.
    pub result: Option<Value>,
    /// Why it failed.
    pub error: Option<SegmentFailure>,
}

impl OutcomeView {
    /// Of a row; `None` if the segment has no outcome yet.
    #[must_use]
    pub fn of(row: SegmentRow) -> Option<Self> {
        row.status.is_terminal().then_some(Self {
            index: row.index,
            status: row.status,
            item_count: row.counts.item_count,
            duration_ms: row.counts.duration_ms,
            counters: row.counts.counters.0,
            result: row.result,
            error: row.error,
        })
    }
}
