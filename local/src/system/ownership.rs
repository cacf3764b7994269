//! Which executions are this process's. It works on those that it opened, and on those of processes that have ended, if its program's
//! work is what they need.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use control_table::id::ExecutionId;
use control_table::rows::{DueKind, DueShard};
use control_table::store::sqlite::{Owner, ProcessId};
use control_table::store::{SqliteStore, Store as _};
use jobs::leftovers;
use jobs::process_group::{KILL_GRACE, KILL_GRACE_MAX};

use super::Error;
use super::heartbeat::Watch;
use super::origin::Origin;
use crate::processes::{Life, life_of};

/// Between two looks at whether another process's command still runs.
const LOOK: Duration = Duration::from_millis(100);

/// Looks until the longest grace is over, and some seconds more.
const LOOKS_MAX: u128 = KILL_GRACE_MAX.as_millis() / LOOK.as_millis() + 100;

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
    /// Processes that have ended, and whose commands have as well. As many as have left an execution open.
    pub ended: Arc<Mutex<HashSet<ProcessId>>>,
}

/// Which process works on an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Worked {
    /// This process, since before.
    Here,
    /// This process, since now: the one before it has ended, or hangs.
    TakenOver,
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
        match life_of(&self.data_dir, process)? {
            Life::Ended => {}
            Life::Alive { pid, beat } if self.watch.is_silent(process, &beat) => {
                tracing::warn!(%execution_id, pid, "its process gives no sign of life: it was stopped, or it hangs");
            }
            Life::Alive { pid, .. } => return Ok(Worked::Elsewhere(pid)),
        }
        if let Some(program) = self.foreign(&origin) {
            return Ok(Worked::Foreign(program));
        }
        self.end_commands(process).await;
        // Of two processes that see it ended, one gets it.
        if self.store.take_over(execution_id, process).await? {
            tracing::info!(%execution_id, "taken over from another process");
            return Ok(Worked::TakenOver);
        }
        Ok(Worked::Elsewhere("unknown".to_owned()))
    }

    /// Ends what the commands of a process have left that has ended: no second attempt begins beside the first, and no hook runs twice at
    /// a time.
    async fn end_commands(&self, process: ProcessId) {
        if self.ended.lock().unwrap_or_else(PoisonError::into_inner).contains(&process) {
            return;
        }
        let leftovers::Ended { ended, left } = leftovers::end(&process.to_string(), KILL_GRACE).await;
        if ended > 0 {
            tracing::warn!(processes = ended, "commands of a process that was killed still ran, and were ended");
        }
        if left > 0 {
            tracing::error!(
                processes = left,
                "commands of a process that was killed cannot be ended, and may still run"
            );
        }
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).insert(process);
    }

    /// Waits for the commands of a process that are at work for an execution which is over: those of cancelled segments have a grace, and
    /// are not run again beside it.
    async fn wait_for_commands(&self, process: ProcessId, execution_id: ExecutionId) -> Result<(), Error> {
        let (owner, execution) = (process.to_string(), execution_id.to_string());
        for _ in 0..LOOKS_MAX {
            if process == self.store.process() || !leftovers::is_at_work(&owner, &execution) {
                return Ok(());
            }
            if life_of(&self.data_dir, process)? == Life::Ended {
                self.end_commands(process).await;
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        tracing::error!(%execution_id, "a command of a cancelled segment does not end, and may still run");
        Ok(())
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
        self.wait_for_commands(process, execution_id).await?;
        self.store.take_over(execution_id, process).await?;
        Ok(())
    }

    /// Takes every open execution over whose process has ended or hangs; oldest first.
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
