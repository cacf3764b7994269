//! Rows that a transaction is working on: another write of the same row is refused meanwhile.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use control_table::rows::RowKey;

/// The rows of every transaction that is under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Locks {
    rows: Arc<Mutex<HashSet<RowKey>>>,
}

/// The rows of one transaction, until it ends.
#[derive(Debug)]
pub(super) struct Locked {
    locks: Locks,
    rows: Vec<RowKey>,
}

impl Locks {
    /// Locks the rows for a transaction; `None` if another one works on any of them.
    pub fn take(&self, rows: &[RowKey]) -> Option<Locked> {
        let mut locked = self.lock();
        if rows.iter().any(|row| locked.contains(row)) {
            return None;
        }
        locked.extend(rows.iter().cloned());
        Some(Locked { locks: self.clone(), rows: rows.to_vec() })
    }

    /// Whether a transaction works on the row.
    pub fn has(&self, row: &RowKey) -> bool {
        let locked = self.lock();
        !locked.is_empty() && locked.contains(row)
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<RowKey>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        let mut locked = self.locks.lock();
        for row in &self.rows {
            locked.remove(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use control_table::id::ExecutionId;

    use super::*;

    #[test]
    fn two_transactions_never_have_the_same_row() {
        let execution = |number| RowKey::Execution(ExecutionId::new(uuid::Uuid::from_u128(number)));
        let locks = Locks::default();
        let first = locks.take(&[execution(1), execution(2)]);
        assert!(first.is_some() && locks.has(&execution(2)));
        assert!(locks.take(&[execution(3), execution(1)]).is_none());
        assert!(!locks.has(&execution(3)), "a refused transaction locks nothing");
        drop(first);
        assert!(!locks.has(&execution(1)));
    }
}
