//! The control table on `DynamoDB`: the engine's rows in the memory store, behind latencies, capacity, conflicts, indexes
//! and a price.
//!
//! # Layout
//! - `execute`: one operation: latency, conflict, throttling, units
//! - `reads`: the reads, and what they cost
//! - `size`: the bytes of a row; `capacity`: write units a second; `locks`: transactions that are under way
//! - `due_index`: the due index, so that a tick costs what is due

mod capacity;
mod due_index;
mod execute;
mod locks;
mod reads;
mod size;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use control_table::rows::AnyRow;
use control_table::store::MemoryStore;
use tokio::sync::mpsc;

use self::capacity::Capacity;
use self::due_index::DueIndex;
use self::locks::Locks;
use crate::surroundings::Surroundings;

/// What goes wrong with requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableFaults {
    /// Every so-manieth plain update meets a transaction; 0 for none.
    pub conflict_every: u64,
    /// Whether expressions are written out and measured, as `DynamoDB` does. It takes as long as everything else together.
    pub measure_expressions: bool,
}

/// The rows, and what `DynamoDB` keeps beside them.
#[derive(Debug)]
struct Inner {
    surroundings: Surroundings,
    faults: TableFaults,
    rows: MemoryStore,
    locks: Locks,
    beside: Mutex<Beside>,
    changes: mpsc::UnboundedSender<AnyRow>,
}

#[derive(Debug)]
struct Beside {
    due: DueIndex,
    capacity: Capacity,
    updates: u64,
}

/// The simulated table. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SimulatedTable {
    inner: Arc<Inner>,
}

impl SimulatedTable {
    /// An empty table, and its changes that gather has to hear of: the filtered stream. As many may wait as rows change, which the
    /// simulation bounds.
    #[must_use]
    pub fn new(surroundings: Surroundings, faults: TableFaults) -> (Self, mpsc::UnboundedReceiver<AnyRow>) {
        let (changes, stream) = mpsc::unbounded_channel();
        let beside =
            Beside { due: DueIndex::default(), capacity: Capacity::new(surroundings.parameters.table), updates: 0 };
        let (rows, locks) = (MemoryStore::default(), Locks::default());
        let inner = Inner { surroundings, faults, rows, locks, beside: Mutex::new(beside), changes };
        (Self { inner: Arc::new(inner) }, stream)
    }

    /// The rows, to inspect; after a change call [`Self::index_again`].
    #[must_use]
    pub fn rows(&self) -> &MemoryStore {
        &self.inner.rows
    }

    /// Makes the due index again, after rows were changed by hand.
    pub fn index_again(&self) {
        let table = self.inner.rows.lock();
        self.beside().due = DueIndex::of(&table);
    }

    fn beside(&self) -> MutexGuard<'_, Beside> {
        self.inner.beside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
