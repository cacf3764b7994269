//! The tally: one group's shard of the execution's counters.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Counts, ItemKey, Row, SegmentStatus};
use crate::id::GroupId;

/// The outcomes that a tally keeps apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TallyOutcome {
    /// Done.
    Succeeded,
    /// Failed for good.
    Failed,
    /// Will not be done.
    Cancelled,
}

impl TallyOutcome {
    /// The outcome that a segment's status stands for, if it is one.
    #[must_use]
    pub const fn of(status: SegmentStatus) -> Option<Self> {
        match status {
            SegmentStatus::Succeeded => Some(Self::Succeeded),
            SegmentStatus::Failed => Some(Self::Failed),
            SegmentStatus::Cancelled => Some(Self::Cancelled),
            SegmentStatus::Pending | SegmentStatus::Running => None,
        }
    }

    /// The attribute of the set that holds it.
    #[must_use]
    pub const fn attribute(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The tally item. `pending + succeeded + failed + cancelled = size`, always.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TallyRow {
    /// Its group, and the item's `pk`.
    #[serde(rename = "pk")]
    pub group: GroupId,
    /// The generation it counts.
    pub generation: u32,
    /// Segments of the group.
    pub size: u64,
    /// Segments without an outcome.
    pub pending: u64,
    /// Offsets of the segments that succeeded.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty", with = "serde_dynamo::number_set")]
    pub succeeded: BTreeSet<u8>,
    /// Offsets of the segments that failed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty", with = "serde_dynamo::number_set")]
    pub failed: BTreeSet<u8>,
    /// Offsets of the segments that were cancelled.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty", with = "serde_dynamo::number_set")]
    pub cancelled: BTreeSet<u8>,
    /// Attempts made by the segments with an outcome.
    pub attempts: u64,
    /// What the segments with an outcome add up to.
    #[serde(flatten)]
    pub counts: Counts,
    /// The last generation that was folded into the execution; 0 for none.
    pub folded: u32,
    /// When it is deleted, in seconds since 1970 (`DynamoDB`'s TTL).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

impl TallyRow {
    /// The sort key of tally items.
    pub const SK: &str = "TALLY";

    /// The tally of a group that nobody has worked on.
    #[must_use]
    pub fn fresh(group: GroupId, size: u64, generation: u32) -> Self {
        Self {
            group,
            generation,
            size,
            pending: size,
            succeeded: BTreeSet::new(),
            failed: BTreeSet::new(),
            cancelled: BTreeSet::new(),
            attempts: 0,
            counts: Counts::default(),
            folded: 0,
            expires_at: None,
        }
    }

    /// The keys of that group's tally.
    #[must_use]
    pub fn key_of(group: GroupId) -> ItemKey {
        ItemKey { pk: group.to_string(), sk: Self::SK.to_owned() }
    }

    /// The set of offsets with that outcome.
    pub const fn set_mut(&mut self, outcome: TallyOutcome) -> &mut BTreeSet<u8> {
        match outcome {
            TallyOutcome::Succeeded => &mut self.succeeded,
            TallyOutcome::Failed => &mut self.failed,
            TallyOutcome::Cancelled => &mut self.cancelled,
        }
    }

    /// Whether the segment at that offset has its outcome counted.
    #[must_use]
    pub fn has(&self, offset: u8) -> bool {
        self.succeeded.contains(&offset) || self.failed.contains(&offset) || self.cancelled.contains(&offset)
    }
}

impl Row for TallyRow {
    fn key(&self) -> ItemKey {
        Self::key_of(self.group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ExecutionId;

    #[test]
    fn a_tally_reads_back_what_it_writes_and_stays_under_a_write_unit() {
        let group = ExecutionId::new(uuid::Uuid::from_u128(u128::MAX)).group(78_124);
        let mut tally = TallyRow::fresh(group, 128, 1);
        assert_eq!(crate::item::from_item::<TallyRow>(crate::item::to_item(&tally).unwrap()).unwrap(), tally);

        tally.succeeded = (0..128).collect();
        tally.pending = 0;
        tally.counts.counters.0.insert("population".to_owned(), 3_133_032_118);
        let item = crate::item::to_item(&tally).unwrap();
        assert!(item["succeeded"].is_ns());
        assert_eq!(crate::item::from_item::<TallyRow>(item).unwrap(), tally);
    }
}
