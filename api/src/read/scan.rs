//! The segments of an execution from some index on, a group at a time.
//!
//! A page ends when it is full, and also when enough was read without finding much: then it is short, and has a next page all the same.
//! The tallies say which groups need not be read.

use control_table::ControlTable;
use control_table::limits::GROUP_SIZE;
use control_table::rows::{ExecutionRow, SegmentRow, SegmentStatus, TallyRow};
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// Tallies that one page reads at most: ten requests of a hundred.
const TALLIES_MAX: u64 = 1_000;

/// Tallies that are read at once: one request.
const TALLIES_AT_ONCE: u64 = 100;

/// Groups whose segments one page reads at most: a query for each.
const GROUPS_MAX: u64 = 32;

/// Where a page of segments begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct From {
    /// The index of its first segment.
    pub index: u64,
}

/// What a page of segments is made of.
pub struct Scan<'a> {
    /// The control table.
    pub table: &'a ControlTable,
    /// The execution.
    pub execution: &'a ExecutionRow,
    /// Only segments with this status.
    pub status: Option<SegmentStatus>,
    /// Entries at most; a segment that has several is not divided.
    pub limit: usize,
}

/// A page.
#[derive(Debug)]
pub struct Scanned<T> {
    /// Its entries.
    pub found: Vec<T>,
    /// The cursor of the next page, if there may be one.
    pub next: Option<String>,
}

impl Scan<'_> {
    /// Reads the page of a cursor; without one, that of the segment `first`, or of the beginning: the entries that `take` makes of each segment, without groups that `is_wanted` rules out by their tallies.
    ///
    /// # Errors
    /// When the cursor is none of this list's, or the table cannot be read.
    pub async fn page<T>(
        &self,
        cursor: Option<&str>,
        first: Option<u64>,
        is_wanted: impl Fn(&TallyRow) -> bool,
        take: impl Fn(SegmentRow) -> Vec<T>,
    ) -> Result<Scanned<T>, Problem> {
        let from = crate::cursor::decode::<From>(cursor)?.map_or(first.unwrap_or(0), |from| from.index);
        let begin = from / GROUP_SIZE;
        let last = self.execution.groups.min(begin.saturating_add(TALLIES_MAX));
        let (mut found, mut groups_read, mut group) = (Vec::new(), 0, begin);
        while group < last {
            let to = last.min(group + TALLIES_AT_ONCE);
            for tally in self.table.tallies(self.execution.execution_id, group..to).await? {
                if !is_wanted(&tally) {
                    continue;
                }
                if groups_read == GROUPS_MAX {
                    return Ok(Scanned::until(found, tally.group.segment(0).index));
                }
                groups_read += 1;
                for row in self.table.group_segments(tally.group, self.status).await? {
                    let index = row.index;
                    if index < from {
                        continue;
                    }
                    found.extend(take(row));
                    if found.len() >= self.limit {
                        return Ok(Scanned::until(found, index + 1));
                    }
                }
            }
            group = to;
        }
        if last < self.execution.groups {
            Ok(Scanned::until(found, last * GROUP_SIZE))
        } else {
            Ok(Scanned { found, next: None })
        }
    }
}

impl<T> Scanned<T> {
    fn until(found: Vec<T>, index: u64) -> Self {
        Self { found, next: Some(crate::cursor::encode(&From { index })) }
    }
}

/// Whether a group may have segments with that status.
pub fn may_have(tally: &TallyRow, status: Option<SegmentStatus>) -> bool {
    match status {
        None => true,
        Some(SegmentStatus::Pending | SegmentStatus::Running) => tally.pending > 0,
        Some(SegmentStatus::Succeeded) => !tally.succeeded.is_empty(),
        Some(SegmentStatus::Failed) => !tally.failed.is_empty(),
        Some(SegmentStatus::Cancelled) => !tally.cancelled.is_empty(),
    }
}
