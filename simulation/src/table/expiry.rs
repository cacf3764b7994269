//! Rows whose time to live is over: `DynamoDB` deletes them some days later, for nothing.

use std::collections::BTreeSet;

use control_table::rows::{AnyRow, RowKey};
use control_table::store::MemoryTable;

use super::SimulatedTable;

/// The rows that expire, by the second since 1970.
#[derive(Debug, Default)]
pub(super) struct Expiry {
    rows: BTreeSet<(i64, RowKey)>,
}

/// When `DynamoDB` may delete a row, in seconds since 1970.
pub(super) fn expires_at(row: &AnyRow) -> Option<i64> {
    match row {
        AnyRow::Execution(row) => row.expires_at,
        AnyRow::Plan(row) => row.expires_at,
        AnyRow::Tally(row) => row.expires_at,
        AnyRow::Segment(row) => row.expires_at,
        AnyRow::Key(row) => row.expires_at,
        AnyRow::AddMark(row) => row.expires_at,
        AnyRow::DeadLetter(row) => Some(row.expires_at),
    }
}

impl Expiry {
    /// Notes that the row expires at another moment.
    pub fn change(&mut self, key: &RowKey, before: Option<i64>, after: Option<i64>) {
        if before == after {
            return;
        }
        if let Some(at) = before {
            self.rows.remove(&(at, key.clone()));
        }
        if let Some(at) = after {
            self.rows.insert((at, key.clone()));
        }
    }

    /// Takes out the rows that expired before that second.
    fn take_until(&mut self, second: i64) -> Vec<RowKey> {
        let mut expired = Vec::new();
        while let Some((at, _)) = self.rows.first()
            && *at < second
        {
            expired.extend(self.rows.pop_first().map(|(_, key)| key));
        }
        expired
    }
}

impl SimulatedTable {
    /// Deletes the rows that expired before that second since 1970.
    pub fn expire(&self, second: i64) {
        let expired = self.beside().expiry.take_until(second);
        let mut table = self.inner.rows.lock();
        for key in expired {
            remove(&mut table, &key);
        }
        drop(table);
        self.index_again();
    }
}

fn remove(table: &mut MemoryTable, key: &RowKey) {
    match key {
        RowKey::Execution(id) => drop(table.executions.remove(id)),
        RowKey::Plan(id) => drop(table.plans.remove(id)),
        RowKey::Tally(group) => drop(table.tallies.remove(group)),
        RowKey::Segment(segment) => drop(table.segments.remove(segment)),
        RowKey::Key(..) => drop(table.keys.remove(key)),
        RowKey::AddMark(..) => drop(table.marks.remove(key)),
        RowKey::DeadLetter(..) => drop(table.dead_letters.remove(key)),
    }
}
