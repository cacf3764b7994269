//! The segments of an execution that workers have.

use crate::ControlTable;
use crate::error::Error;
use crate::rows::{ExecutionRow, SegmentRow, SegmentStatus};

/// Tallies that are read at once: one request.
const TALLIES_AT_ONCE: u64 = 100;

/// Unfinished groups that are looked at, at most. Workers take segments in order, so the running ones are in the earliest.
const GROUPS_MAX: usize = 32;

impl ControlTable {
    /// Segments of an execution that workers have, in order, at most `limit`.
    pub async fn running_segments(&self, execution: &ExecutionRow, limit: usize) -> Result<Vec<SegmentRow>, Error> {
        let (mut rows, mut looked_at, mut group) = (Vec::new(), 0, 0);
        while group < execution.groups && rows.len() < limit && looked_at < GROUPS_MAX {
            let to = execution.groups.min(group + TALLIES_AT_ONCE);
            for tally in self.tallies(execution.execution_id, group..to).await? {
                if tally.pending == 0 || rows.len() >= limit || looked_at == GROUPS_MAX {
                    continue;
                }
                looked_at += 1;
                rows.extend(self.group_segments(tally.group, Some(SegmentStatus::Running)).await?);
            }
            group = to;
        }
        rows.truncate(limit);
        Ok(rows)
    }
}
