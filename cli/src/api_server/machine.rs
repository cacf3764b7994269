//! What the HTTP API shows of a data directory beside its control table.

use std::path::PathBuf;
use std::sync::Arc;

use api::{AttemptOutput, Machine, MachineError, Now, Process, RunningSegment};
use control_table::clock::{Clock, Timestamp};
use control_table::id::SegmentId;
use control_table::rows::ExecutionRow;
use futures::future::BoxFuture;
use local::logs::{self, AttemptLog};
use local::{Database, Life, WorkingProcess};

/// Attempts at a segment whose output is shown, the newest; and bytes of each, from the end.
const ATTEMPTS_MAX: usize = 20;
const OUTPUT_MAX: u64 = 64 * 1024;

/// Open executions that are looked at, the oldest; and segments that are shown as running.
const EXECUTIONS_MAX: usize = 100;
const RUNNING_MAX: usize = 1_000;

/// This machine's data directory.
pub struct ThisMachine {
    database: Arc<Database>,
    data_dir: PathBuf,
    clock: Arc<dyn Clock>,
}

impl ThisMachine {
    /// That data directory.
    pub const fn new(database: Arc<Database>, data_dir: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self { database, data_dir, clock }
    }

    /// The open executions, oldest first.
    async fn open(&self) -> Result<Vec<ExecutionRow>, control_table::Error> {
        let table = self.database.control_table();
        let mut ids = table.open_executions().await?;
        ids.sort_unstable();
        let mut rows = Vec::new();
        for execution_id in ids.into_iter().take(EXECUTIONS_MAX) {
            rows.extend(table.execution(execution_id).await?.filter(|row| !row.status.is_terminal()));
        }
        Ok(rows)
    }

    async fn look(&self) -> Result<Now, MachineError> {
        let (table, open) = (self.database.control_table(), self.open().await.map_err(of_table)?);
        let (mut running, mut queued) = (Vec::new(), 0);
        for execution in &open {
            let room = RUNNING_MAX - running.len();
            for row in table.running_segments(execution, room).await.map_err(of_table)? {
                running.push(RunningSegment {
                    execution_id: execution.execution_id,
                    job: execution.job.clone(),
                    segment: row.index,
                    attempt: row.attempt,
                    started_at: row.started_at.map(Timestamp::to_datetime),
                });
            }
            queued +=
                table.summary(execution.execution_id).await.map_err(of_table)?.map_or(0, |summary| summary.pending);
        }
        let ids: Vec<_> = open.iter().map(|execution| execution.execution_id).collect();
        let processes = self.database.working_processes(&ids).await.map_err(of_machine)?;
        let processes = processes.into_iter().map(shown).collect();
        Ok(Now { at: self.clock.now(), processes, running, queued })
    }
}

impl Machine for ThisMachine {
    fn output_of(&self, segment: SegmentId) -> BoxFuture<'_, Result<Vec<AttemptOutput>, MachineError>> {
        let data_dir = self.data_dir.clone();
        Box::pin(async move {
            let read = tokio::task::spawn_blocking(move || {
                let logs = logs::attempts_of(&data_dir, segment.execution_id)?;
                let logs: Vec<AttemptLog> = logs.into_iter().filter(|log| log.segment == segment.index).collect();
                let newest = &logs[logs.len().saturating_sub(ATTEMPTS_MAX)..];
                newest.iter().map(output).collect::<std::io::Result<Vec<_>>>()
            });
            read.await.map_err(|error| unreadable(error.into()))?.map_err(unreadable)
        })
    }

    fn now(&self) -> BoxFuture<'_, Result<Now, MachineError>> {
        Box::pin(self.look())
    }
}

fn output(log: &AttemptLog) -> std::io::Result<AttemptOutput> {
    let (text, cut) = logs::tail(&log.path, OUTPUT_MAX)?;
    Ok(AttemptOutput { generation: log.generation, attempt: log.attempt, text, cut })
}

fn shown(process: WorkingProcess) -> Process {
    let WorkingProcess { since, life, program, executions } = process;
    let (id, alive) = match life {
        Life::Alive { pid, .. } => (Some(pid), true),
        Life::Ended => (None, false),
    };
    Process { id, program, since, alive, executions }
}

fn unreadable(source: std::io::Error) -> MachineError {
    MachineError { source: Box::new(source), is_retryable: false }
}

fn of_table(error: control_table::Error) -> MachineError {
    MachineError { is_retryable: error.is_retryable(), source: Box::new(error) }
}

fn of_machine(error: local::Error) -> MachineError {
    MachineError { is_retryable: error.is_retryable(), source: Box::new(error) }
}
