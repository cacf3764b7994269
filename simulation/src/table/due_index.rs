//! The due index: items that wait for a moment, by partition and moment.

use std::collections::{BTreeSet, HashMap};

use control_table::clock::Timestamp;
use control_table::read::DueItem;
use control_table::rows::{AnyRow, Due, DueShard};
use control_table::store::MemoryTable;

/// The index.
#[derive(Debug, Default)]
pub(super) struct DueIndex {
    partitions: HashMap<DueShard, BTreeSet<(Timestamp, DueItem)>>,
}

/// The place of a row in the index, if it waits for a moment.
pub(super) fn place(row: &AnyRow) -> Option<(Due, DueItem)> {
    match row {
        AnyRow::Execution(row) => Some((row.due?, DueItem::Execution(row.execution_id))),
        AnyRow::Segment(row) => Some((row.due?, DueItem::Segment(row.id()))),
        _ => None,
    }
}

impl DueIndex {
    /// The index of these rows.
    pub fn of(table: &MemoryTable) -> Self {
        let mut index = Self::default();
        for row in table.executions.values() {
            index.insert(row.due.map(|due| (due, DueItem::Execution(row.execution_id))));
        }
        for row in table.segments.values() {
            index.insert(row.due.map(|due| (due, DueItem::Segment(row.id()))));
        }
        index
    }

    /// Moves an item. Returns the write units of the index that it costs: one to come or to go, two to move.
    pub fn change(&mut self, before: Option<(Due, DueItem)>, after: Option<(Due, DueItem)>) -> u64 {
        if before == after {
            return 0;
        }
        if let Some((due, item)) = before {
            self.partitions.entry(due.due_shard).or_default().remove(&(due.due_at, item));
        }
        self.insert(after);
        u64::from(before.is_some()) + u64::from(after.is_some())
    }

    fn insert(&mut self, place: Option<(Due, DueItem)>) {
        if let Some((due, item)) = place {
            self.partitions.entry(due.due_shard).or_default().insert((due.due_at, item));
        }
    }

    /// The items of a partition, the longest due first.
    pub fn items(&self, shard: DueShard) -> impl Iterator<Item = (Timestamp, DueItem)> + '_ {
        self.partitions.get(&shard).into_iter().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use control_table::id::ExecutionId;

    use super::*;

    #[test]
    fn a_move_costs_two_units_and_leaves_one_item() {
        let id = ExecutionId::new(uuid::Uuid::from_u128(1));
        let place = |millis| {
            let at = Timestamp::from_millis(millis);
            Some((Due::execution(id, at), DueItem::Execution(id)))
        };
        let mut index = DueIndex::default();
        assert_eq!((index.change(None, place(5)), index.change(place(5), place(5))), (1, 0));
        assert_eq!(index.change(place(5), place(9)), 2);
        let shard = Due::execution(id, Timestamp::EPOCH).due_shard;
        assert_eq!(index.items(shard).count(), 1);
        assert_eq!(index.change(place(9), None), 1);
        assert_eq!(index.items(shard).count(), 0);
    }
}
