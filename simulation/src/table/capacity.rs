//! Write units a second: of a partition key, and of the whole on-demand table.

use std::collections::HashMap;

use control_table::id::{ExecutionId, GroupId};
use control_table::rows::{DueShard, RowKey};

use crate::parameters::TableQuotas;

/// A partition key, of the table or of the due index. The others are never hot: each is written a few times in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Partition {
    Execution(ExecutionId),
    Group(GroupId),
    Due(DueShard),
}

impl Partition {
    /// The partition of a row.
    pub fn of(key: &RowKey) -> Option<Self> {
        match key {
            RowKey::Execution(id) | RowKey::Plan(id) | RowKey::AddMark(id, _) => Some(Self::Execution(*id)),
            RowKey::Tally(group) => Some(Self::Group(*group)),
            RowKey::Segment(segment) => Some(Self::Group(segment.group())),
            RowKey::Key(..) | RowKey::DeadLetter(..) | RowKey::Watermark(..) => None,
        }
    }
}

/// The units used in the present second, and the table's peak.
#[derive(Debug)]
pub(super) struct Capacity {
    quotas: TableQuotas,
    second: u64,
    used: u64,
    peak: u64,
    partitions: HashMap<Partition, u64>,
}

impl Capacity {
    pub fn new(quotas: TableQuotas) -> Self {
        Self { quotas, second: 0, used: 0, peak: 0, partitions: HashMap::new() }
    }

    /// Whether a write of these partitions is taken in this second. It is, while a unit is left.
    pub fn admits(&mut self, second: u64, partitions: impl IntoIterator<Item = Partition>) -> bool {
        self.turn_to(second);
        let of_table = self.quotas.initial_write_units.max(2 * self.peak);
        let limit = self.quotas.partition_write_units;
        self.used < of_table
            && partitions.into_iter().all(|partition| self.partitions.get(&partition).is_none_or(|&used| used < limit))
    }

    /// Uses units of a partition.
    pub fn take(&mut self, partition: Option<Partition>, units: u64) {
        self.used += units;
        if let Some(partition) = partition {
            *self.partitions.entry(partition).or_default() += units;
        }
    }

    fn turn_to(&mut self, second: u64) {
        if second != self.second {
            self.peak = self.peak.max(self.used);
            self.second = second;
            self.used = 0;
            self.partitions.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_and_a_table_take_so_many_units_a_second_and_the_table_twice_its_peak() {
        let mut capacity = Capacity::new(TableQuotas::default());
        let one = Partition::Execution(ExecutionId::new(uuid::Uuid::from_u128(1)));
        assert!(capacity.admits(1, [one]));
        capacity.take(Some(one), 1_000);
        assert!(!capacity.admits(1, [one]) && capacity.admits(1, []) && capacity.admits(2, [one]));
        capacity.take(None, 4_000);
        assert!(!capacity.admits(2, []));
        assert!(capacity.admits(3, []));
        capacity.take(None, 7_999);
        assert!(capacity.admits(3, []));
    }
}
