//! The due index: executions and segments that the sweeper handles at a moment. An item is in it while it has both attributes.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{ExecutionId, GroupId, SegmentId};
use crate::limits::DUE_SHARDS;

/// A partition of the due index. It follows from the ID of the execution or segment, so that the retries of many segments
/// spread over [`DUE_SHARDS`] partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DueShard(u8);

impl DueShard {
    /// All [`DUE_SHARDS`] partitions.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..DUE_SHARDS).map(Self)
    }

    fn of(execution_id: ExecutionId, salt: u64) -> Self {
        let spread = execution_id.uuid().as_u128() ^ u128::from(salt);
        // The remainder is less than DUE_SHARDS, so it fits.
        Self(u8::try_from(spread % u128::from(DUE_SHARDS)).unwrap_or(0))
    }
}

impl From<DueShard> for String {
    fn from(shard: DueShard) -> Self {
        format!("DUE#{}", shard.0)
    }
}

impl TryFrom<String> for DueShard {
    type Error = crate::id::InvalidId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let number = text.strip_prefix("DUE#").and_then(|number| number.parse().ok());
        number.map(Self).ok_or(crate::id::InvalidId::Item(text))
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
    /// The place of an execution that is due at that moment.
    #[must_use]
    pub fn execution(execution_id: ExecutionId, due_at: Timestamp) -> Self {
        Self { due_shard: DueShard::of(execution_id, 0), due_at }
    }

    /// The place of a segment that is due at that moment.
    #[must_use]
    pub fn segment(id: SegmentId, due_at: Timestamp) -> Self {
        let GroupId { execution_id, .. } = id.group();
        Self { due_shard: DueShard::of(execution_id, id.index), due_at }
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
            (0..64).map(|index| Due::segment(execution_id.segment(index), Timestamp::EPOCH).due_shard).collect();
        assert_eq!(shards.len(), usize::from(DUE_SHARDS));
    }

    #[test]
    fn a_shard_reads_back_what_it_writes() {
        for shard in DueShard::all() {
            assert_eq!(DueShard::try_from(String::from(shard)).unwrap(), shard);
        }
    }
}
