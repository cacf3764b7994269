//! Which executions are this process's. It works on those that it opened, and on those of processes that have ended.

use std::path::PathBuf;

use control_table::id::ExecutionId;
use control_table::store::SqliteStore;

use super::Error;
use crate::processes::{Life, life_of};

/// This process among the others of its data directory.
#[derive(Debug, Clone)]
pub(super) struct Ownership {
    store: SqliteStore,
    data_dir: PathBuf,
}

/// Who works on an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Worked {
    /// This process, since before.
    Here,
    /// This process, since now: the one before it has ended.
    TakenOver,
    /// Another process, with that number.
    Elsewhere(String),
    /// There is no such execution.
    Missing,
}

impl Ownership {
    pub const fn new(store: SqliteStore, data_dir: PathBuf) -> Self {
        Self { store, data_dir }
    }

    /// Takes an execution over if its process has ended.
    pub async fn take(&self, execution_id: ExecutionId) -> Result<Worked, Error> {
        let Some(process) = self.store.owner(execution_id).await? else { return Ok(Worked::Missing) };
        if process == self.store.process() {
            return Ok(Worked::Here);
        }
        if let Life::Alive(number) = life_of(&self.data_dir, process)? {
            return Ok(Worked::Elsewhere(number));
        }
        // Of two processes that see it ended, one gets it.
        if self.store.take_over(execution_id, process).await? {
            tracing::info!(%execution_id, "taken over from a process that has ended");
            return Ok(Worked::TakenOver);
        }
        Ok(Worked::Elsewhere("unknown".to_owned()))
    }

    /// Takes an execution over that no process works on: its process has ended, or it is over.
    pub async fn take_finished(&self, execution_id: ExecutionId) -> Result<(), Error> {
        let Some(process) = self.store.owner(execution_id).await? else { return Ok(()) };
        self.store.take_over(execution_id, process).await?;
        Ok(())
    }

    /// Takes every open execution over whose process has ended; oldest first.
    pub async fn take_orphans(&self) -> Result<Vec<ExecutionId>, Error> {
        let mut taken = Vec::new();
        for owner in self.store.open_with_owners().await? {
            match self.take(owner.execution_id).await? {
                Worked::TakenOver => taken.push(owner.execution_id),
                Worked::Here | Worked::Elsewhere(_) | Worked::Missing => {}
            }
        }
        Ok(taken)
    }
}
