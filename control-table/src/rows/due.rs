//! The due index: what the sweeper handles at a moment. An item is in it while it has both attributes.
//!
//! Each kind of item has partitions of its own, so that many items of one kind do not hide those of another.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{ExecutionId, GroupId, InvalidId, SegmentId};
use crate::limits::DUE_SHARDS;

/// What an item of the due index waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DueKind {
    /// An execution that is open, or whose event is not published: the sweeper checks it at that moment.
    Execution,
    /// A segment whose attempt failed: its record is put at that moment.
    Retry,
    /// A segment whose record was put for a retry, or again because it was lost: the moment of the put, or a later one if it was put
    /// before. The record is put again if it is lost, which is known when the stream was read past that moment.
    Record,
    /// An execution that is over: its rows are deleted from that moment on.
    Expiry,
}

impl DueKind {
    const ALL: [Self; 4] = [Self::Execution, Self::Retry, Self::Record, Self::Expiry];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Execution => "EXECUTION",
            Self::Retry => "RETRY",
            Self::Record => "RECORD",
            Self::Expiry => "EXPIRY",
        }
    }
}

/// A partition of the due index. Its number follows from the ID of the execution or segment, so that the retries of many segments
/// spread over [`DUE_SHARDS`] partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DueShard {
    kind: DueKind,
    number: u8,
}

impl DueShard {
    /// All [`DUE_SHARDS`] partitions of a kind.
    pub fn all(kind: DueKind) -> impl Iterator<Item = Self> {
        (0..DUE_SHARDS).map(move |number| Self { kind, number })
    }

    /// What its items wait for.
    #[must_use]
    pub const fn kind(self) -> DueKind {
        self.kind
    }

    fn of(kind: DueKind, execution_id: ExecutionId, salt: u64) -> Self {
        let spread = execution_id.uuid().as_u128() ^ u128::from(salt);
        // The remainder is less than DUE_SHARDS, so it fits.
        Self { kind, number: u8::try_from(spread % u128::from(DUE_SHARDS)).unwrap_or(0) }
    }
}

impl fmt::Display for DueShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.kind.as_str(), self.number)
    }
}

impl From<DueShard> for String {
    fn from(shard: DueShard) -> Self {
        shard.to_string()
    }
}

impl TryFrom<String> for DueShard {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let read = text.split_once('#').and_then(|(kind, number)| {
            let kind = DueKind::ALL.into_iter().find(|known| known.as_str() == kind)?;
            Some(Self { kind, number: number.parse().ok().filter(|&number| number < DUE_SHARDS)? })
        });
        read.ok_or(InvalidId::Item(text))
    }
}

/// The place of an item in the due index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Due {
    /// The partition; the hash key of the index.
    pub due_shard: DueShard,
    /// When the item is due; the range key of the index.
    pub due_at: Timestamp,
}

impl Due {
    /// The place of an execution that is checked at that moment.
    #[must_use]
    pub fn execution(execution_id: ExecutionId, due_at: Timestamp) -> Self {
        Self { due_shard: DueShard::of(DueKind::Execution, execution_id, 0), due_at }
    }

    /// The place of a segment that is retried at that moment.
    #[must_use]
    pub fn retry(id: SegmentId, due_at: Timestamp) -> Self {
        Self::segment(DueKind::Retry, id, due_at)
    }

    /// The place of a segment whose record was put, see [`DueKind::Record`].
    #[must_use]
    pub fn record(id: SegmentId, due_at: Timestamp) -> Self {
        Self::segment(DueKind::Record, id, due_at)
    }

    /// The place of an execution whose rows are deleted from that moment on.
    #[must_use]
    pub fn expiry(execution_id: ExecutionId, due_at: Timestamp) -> Self {
        Self { due_shard: DueShard::of(DueKind::Expiry, execution_id, 0), due_at }
    }

    fn segment(kind: DueKind, id: SegmentId, due_at: Timestamp) -> Self {
        let GroupId { execution_id, .. } = id.group();
        Self { due_shard: DueShard::of(kind, execution_id, id.index), due_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn segments_of_one_execution_spread_over_all_partitions() {
        let execution_id = ExecutionId::new(uuid::Uuid::from_u128(42));
        let shards: HashSet<_> =
            (0..64).map(|index| Due::retry(execution_id.segment(index), Timestamp::EPOCH).due_shard).collect();
        assert_eq!(shards.len(), usize::from(DUE_SHARDS));
    }

    #[test]
    fn a_shard_reads_back_what_it_writes() {
        for shard in DueKind::ALL.into_iter().flat_map(DueShard::all) {
            assert_eq!(DueShard::try_from(String::from(shard)).unwrap(), shard);
        }
        for unknown in ["DUE#1", "RETRY", "RETRY#8", "RETRY#x"] {
            assert!(DueShard::try_from(unknown.to_owned()).is_err(), "{unknown}");
        }
    }
}
