//! Which executions are this process's. It works on those that it opened, and on those of processes that have ended, if its program's
//! work is what they need.

use std::path::PathBuf;

use control_table::id::ExecutionId;
use control_table::rows::DueShard;
use control_table::store::sqlite::Owner;
use control_table::store::{SqliteStore, Store as _};

use engine::sweep::Leases;

use super::Error;
use super::heartbeat::Watch;
use super::origin::Origin;
use crate::processes::{Life, life_of};

/// This process among the others of its data directory.
#[derive(Debug)]
pub(super) struct Ownership {
    pub store: SqliteStore,
    pub data_dir: PathBuf,
    /// The name of this process's program.
    pub program: String,
    /// Whether it works on executions of any program.
    pub any_worker: bool,
    /// The other processes' signs of life.
    pub watch: Watch,
}

/// Which process works on an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Worked {
    /// This process, since before.
    Here,
    /// This process, since now: the one before it has ended, or hangs. One that hangs keeps its leases.
    TakenOver(Leases),
    /// Another process, with that number.
    Elsewhere(String),
    /// None, and it needs the work of that program.
    Foreign(String),
    /// There is no such execution.
    Missing,
}

impl Ownership {
    /// Takes an execution over if its process has ended or hangs, and its program is this one.
    pub async fn take(&self, execution_id: ExecutionId) -> Result<Worked, Error> {
        let Some(Owner { process, origin }) = self.store.owner(execution_id).await? else { return Ok(Worked::Missing) };
        if process == self.store.process() {
            return Ok(Worked::Here);
        }
        let leases = match life_of(&self.data_dir, process)? {
            Life::Ended => Leases::Ended,
            Life::Alive { pid, beat } if self.watch.is_silent(process, &beat) => {
                tracing::warn!(%execution_id, pid, "its process gives no sign of life: stopped, or it hangs");
                Leases::Respected
            }
            Life::Alive { pid, .. } => return Ok(Worked::Elsewhere(pid)),
        };
        if let Some(program) = self.foreign(&origin) {
            return Ok(Worked::Foreign(program));
        }
        // Of two processes that see it ended, one gets it.
        if self.store.take_over(execution_id, process).await? {
            tracing::info!(%execution_id, ?leases, "taken over from another process");
            return Ok(Worked::TakenOver(leases));
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

    /// Takes every open execution over whose process has ended or hangs; oldest first.
    pub async fn take_orphans(&self) -> Result<Vec<(ExecutionId, Leases)>, Error> {
        let mut open = Vec::new();
        for shard in DueShard::all() {
            open.extend(self.store.open_executions(shard).await?);
        }
        open.sort();
        let mut taken = Vec::new();
        for execution_id in open {
            match self.take(execution_id).await? {
                Worked::TakenOver(leases) => taken.push((execution_id, leases)),
                Worked::Foreign(program) => {
                    tracing::warn!(%execution_id, program, "left alone: it needs the work of another program");
                }
                Worked::Here | Worked::Elsewhere(_) | Worked::Missing => {}
            }
        }
        Ok(taken)
    }
}
