//! The tally row: the counts of a group. It spreads the counting of an execution over many items.

use serde::{Deserialize, Serialize};

use super::{Counts, ItemKey, Offsets, SegmentStatus};
use crate::clock::Timestamp;
use crate::id::GroupId;

/// The outcomes that a tally counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TallyOutcome {
    /// The work succeeded.
    Succeeded,
    /// Failed, with no attempt left in this generation.
    Failed,
    /// Cancelled before it had an outcome.
    Cancelled,
}

impl TallyOutcome {
    /// The outcome of a segment with that status; `None` if it has none.
    #[must_use]
    pub const fn of(status: SegmentStatus) -> Option<Self> {
        match status {
            SegmentStatus::Succeeded => Some(Self::Succeeded),
            SegmentStatus::Failed => Some(Self::Failed),
            SegmentStatus::Cancelled => Some(Self::Cancelled),
            SegmentStatus::Pending | SegmentStatus::Running => None,
        }
    }

    /// The attribute with the set of its segments.
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
    /// The item's `pk`.
    #[serde(rename = "pk")]
    pub group: GroupId,
    /// The generation whose outcomes it counts.
    pub generation: u32,
    /// Segments of the group.
    pub size: u64,
    /// Segments without an outcome.
    pub pending: u64,
    /// Offsets of the segments that succeeded.
    #[serde(default, skip_serializing_if = "Offsets::is_empty", with = "serde_dynamo::number_set")]
    pub succeeded: Offsets,
    /// Offsets of the segments that failed.
    #[serde(default, skip_serializing_if = "Offsets::is_empty", with = "serde_dynamo::number_set")]
    pub failed: Offsets,
    /// Offsets of the segments that were cancelled.
    #[serde(default, skip_serializing_if = "Offsets::is_empty", with = "serde_dynamo::number_set")]
    pub cancelled: Offsets,
    /// Attempts of the segments with an outcome.
    pub attempts: u64,
    /// Sums of the segments with an outcome.
    #[serde(flatten)]
    pub counts: Counts,
    /// The last generation in which it was folded into the execution; 0 for none.
    pub folded: u32,
    /// The moment before which none of the group's records was put last: at its commit, its un-fold, or by the sweeper.
    pub put_at: Timestamp,
    /// How often the sweeper has put records of the group again, in this generation.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub puts_again: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
pub(super) const fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl TallyRow {
    /// The sort key of every tally item.
    pub const SK: &str = "TALLY";

    /// The tally of a group of which no segment has an outcome.
    #[must_use]
    pub fn fresh(group: GroupId, size: u64, generation: u32) -> Self {
        Self {
            group,
            generation,
            size,
            pending: size,
            succeeded: Offsets::default(),
            failed: Offsets::default(),
            cancelled: Offsets::default(),
            attempts: 0,
            counts: Counts::default(),
            folded: 0,
            put_at: Timestamp::EPOCH,
            puts_again: 0,
        }
    }

    /// The item key of that group's tally.
    #[must_use]
    pub fn key_of(group: GroupId) -> ItemKey {
        ItemKey { pk: group.to_string(), sk: Self::SK.to_owned() }
    }

    /// The offsets with that outcome.
    pub const fn set_mut(&mut self, outcome: TallyOutcome) -> &mut Offsets {
        match outcome {
            TallyOutcome::Succeeded => &mut self.succeeded,
            TallyOutcome::Failed => &mut self.failed,
            TallyOutcome::Cancelled => &mut self.cancelled,
        }
    }

    /// Whether the segment at that offset is counted.
    #[must_use]
    pub fn has(&self, offset: u8) -> bool {
        self.succeeded.contains(offset) || self.failed.contains(offset) || self.cancelled.contains(offset)
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
        assert_eq!(crate::rows::from_item::<TallyRow>(crate::rows::to_item(&tally).unwrap()).unwrap(), tally);

        tally.succeeded = (0..128).collect();
        tally.pending = 0;
        tally.counts.counters.0.insert("population".to_owned(), 3_133_032_118);
        let item = crate::rows::to_item(&tally).unwrap();
        assert!(item["succeeded"].is_ns());
        assert_eq!(crate::rows::from_item::<TallyRow>(item).unwrap(), tally);
    }
}
