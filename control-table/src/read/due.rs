//! The due index: the only way in which the sweeper finds work.

use crate::ControlTable;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::{ExecutionId, SegmentId};
use crate::rows::{DueKind, DueShard};

/// An item of the due index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DueItem {
    /// An execution that the sweeper has to check: it is open, or its event is not published.
    Execution(ExecutionId),
    /// A segment whose retry is due, or whose record was put.
    Segment(SegmentId),
}

impl DueItem {
    /// The execution, if it is one.
    #[must_use]
    pub const fn execution(self) -> Option<ExecutionId> {
        match self {
            Self::Execution(id) => Some(id),
            Self::Segment(_) => None,
        }
    }
}

impl ControlTable {
    /// Items of a partition that are due, the longest due first, at most `limit`.
    ///
    /// The index lags behind the table by moments, so an item may be listed that is no longer due: read it before acting on it.
    pub async fn due(&self, shard: DueShard, now: Timestamp, limit: u16) -> Result<Vec<DueItem>, Error> {
        self.store().due(shard, now, limit).await
    }

    /// Every open and every unpublished execution, whether or not it is due, in any order.
    pub async fn open_executions(&self) -> Result<Vec<ExecutionId>, Error> {
        let mut open = Vec::new();
        for shard in DueShard::all(DueKind::Execution) {
            open.extend(self.store().open_executions(shard).await?);
        }
        Ok(open)
    }
}
