//! Which executions are this process's. It works on those that it opened, and on those of processes that have ended, if its program's
//! work is what they need.

use std::path::PathBuf;

use control_table::id::ExecutionId;
use control_table::rows::{DueKind, DueShard};
use control_table::store::sqlite::Owner;
use control_table::store::{SqliteStore, Store as _};

use super::Error;
use super::origin::Origin;
use crate::processes::{Life, life_of};

/// This process among the others of its data directory.
#[derive(Debug, Clone)]
pub(super) struct Ownership {
    pub store: SqliteStore,
    pub data_dir: PathBuf,
    /// The name of this process's program.
    pub program: String,
    /// Whether it works on executions of any program.
    pub any_worker: bool,
}

/// Which process works on an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Worked {
    /// This process, since before.
    Here,
    /// This process, since now: the one before it has ended.
    TakenOver,
    /// Another process, with that number.
    Elsewhere(String),
    /// None, and it needs the work of that program.
    Foreign(String),
    /// There is no such execution.
    Missing,
}

impl Ownership {
    /// Takes an execution over if its process has ended, and its program is this one.
    pub async fn take(&self, execution_id: ExecutionId) -> Result<Worked, Error> {
        let Some(Owner { process, origin }) = self.store.owner(execution_id).await? else { return Ok(Worked::Missing) };
        if process == self.store.process() {
            return Ok(Worked::Here);
        }
        if let Life::Alive(number) = life_of(&self.data_dir, process)? {
            return Ok(Worked::Elsewhere(number));
        }
        if let Some(program) = self.foreign(&origin) {
            return Ok(Worked::Foreign(program));
        }
        // Of two processes that see it ended, one gets it.
        if self.store.take_over(execution_id, process).await? {
            tracing::info!(%execution_id, "taken over from a process that has ended");
            return Ok(Worked::TakenOver);
        }
        Ok(Worked::Elsewhere("unknown".to_owned()))
    }

    /// The other program that an execution needs; `None` if it needs this one.
    fn foreign(&self, origin: &str) -> Option<String> {
        let Origin { program, .. } = Origin::read(origin);
        (!self.any_worker && program != self.program).then_some(program)
    }

    /// Takes an execution that is over, from any process.
    pub async fn take_finished(&self, execution_id: ExecutionId) -> Result<(), Error> {
        let Some(Owner { process, origin }) = self.store.owner(execution_id).await? else { return Ok(()) };
        if let Some(program) = self.foreign(&origin) {
            return Err(Error::Foreign { execution_id, program, this: self.program.clone() });
        }
        self.store.take_over(execution_id, process).await?;
        Ok(())
    }

    /// Takes every open execution over whose process has ended; oldest first.
    pub async fn take_orphans(&self) -> Result<Vec<ExecutionId>, Error> {
        let mut open = Vec::new();
        for shard in DueShard::all(DueKind::Execution) {
            open.extend(self.store.open_executions(shard).await?);
        }
        open.sort();
        let mut taken = Vec::new();
        for execution_id in open {
            match self.take(execution_id).await? {
                Worked::TakenOver => taken.push(execution_id),
                Worked::Foreign(program) => {
                    tracing::warn!(%execution_id, program, "left alone: it needs the work of another program");
                }
                Worked::Here | Worked::Elsewhere(_) | Worked::Missing => {}
            }
        }
        Ok(taken)
    }
}
