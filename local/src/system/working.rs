//! Which processes work in a data directory, and on which executions.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use control_table::id::ExecutionId;
use control_table::store::sqlite::{Owner, ProcessId};

use super::origin::Origin;
use super::{Database, Error};
use crate::processes::{Life, life_of, registered};

/// A process of a data directory, and what it works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkingProcess {
    /// When it was started.
    pub since: DateTime<Utc>,
    /// Whether it lives.
    pub life: Life,
    /// The program whose work its executions need; `None` if it has none that is open.
    pub program: Option<String>,
    /// Its executions among those that were asked about.
    pub executions: Vec<ExecutionId>,
}

impl Database {
    /// The processes that work in the directory, and those that have ended and left one of these executions open, in the order in which
    /// they were started. None of an emulation.
    ///
    /// # Errors
    /// When the control table or a process's lock cannot be read.
    pub async fn working_processes(&self, open: &[ExecutionId]) -> Result<Vec<WorkingProcess>, Error> {
        let Some((store, data_dir)) = self.shared_file() else { return Ok(Vec::new()) };
        let mut works: BTreeMap<ProcessId, (Option<String>, Vec<ExecutionId>)> = BTreeMap::new();
        for &execution_id in open {
            let Some(Owner { process, origin }) = store.owner(execution_id).await? else { continue };
            let (program, executions) = works.entry(process).or_default();
            *program = Some(Origin::read(&origin).program);
            executions.push(execution_id);
        }
        for process in registered(data_dir)? {
            works.entry(process).or_default();
        }
        let mut processes = Vec::new();
        for (process, (program, executions)) in works {
            let life = life_of(data_dir, process)?;
            // The file of a process that was killed says nothing more, once its executions are others'.
            if life != Life::Ended || !executions.is_empty() {
                let since = process.started_at().to_datetime();
                processes.push(WorkingProcess { since, life, program, executions });
            }
        }
        Ok(processes)
    }
}
