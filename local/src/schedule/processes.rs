//! Executions in processes of their own.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use control_table::id::{ExecutionKey, JobName};
use emulator::{Shutdown, StopSignal};
use jobs::process_group::{Group, KILL_GRACE_MAX};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use super::{LaunchError, Launcher};

/// How long a process may take to end after SIGTERM: its own commands have their grace, and it records what it has.
const GRACE: Duration = Duration::from_secs(KILL_GRACE_MAX.as_secs() + 30);

/// What a process is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To open an execution, and to work on it to its end.
    Open,
    /// To work on one that another process has left.
    Resume,
}

/// Gives the command for an execution.
pub type CommandOf = Box<dyn Fn(&JobName, &ExecutionKey, Purpose) -> Command + Send + Sync>;

/// Starts a process for each execution. A process outlives this one, if this one is killed; with [`Self::stop`] it ends before it.
pub struct Processes {
    command_of: CommandOf,
    running: Arc<Mutex<HashSet<(JobName, ExecutionKey)>>>,
    tasks: Mutex<JoinSet<()>>,
    terminate: Shutdown,
}

impl Processes {
    /// Processes of these commands.
    #[must_use]
    pub fn new(command_of: CommandOf) -> Self {
        Self { command_of, running: Arc::default(), tasks: Mutex::default(), terminate: Shutdown::new() }
    }

    /// Has every process end as SIGTERM has it, and waits for them. What they leave is continued by a later process.
    pub async fn stop(&self) {
        self.terminate.request();
        let tasks = std::mem::take(&mut *lock(&self.tasks));
        tasks.join_all().await;
    }

    fn launch(&self, job: &JobName, key: &ExecutionKey, purpose: Purpose) -> Result<(), LaunchError> {
        let mut command = (self.command_of)(job, key, purpose);
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        let (child, group) = Group::start(&mut command).map_err(|source| LaunchError { program, source })?;
        let (name, terminate) = ((job.clone(), key.clone()), self.terminate.signal());
        lock(&self.running).insert(name.clone());
        let running = Arc::clone(&self.running);
        let mut tasks = lock(&self.tasks);
        // Those that have ended are forgotten here, so that there are no more than run.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            watch(child, group, terminate, &name).await;
            lock(&running).remove(&name);
        });
        Ok(())
    }
}

impl Launcher for Processes {
    fn open(&self, job: &JobName, key: &ExecutionKey) -> Result<(), LaunchError> {
        self.launch(job, key, Purpose::Open)
    }

    fn resume(&self, job: &JobName, key: &ExecutionKey) -> Result<(), LaunchError> {
        self.launch(job, key, Purpose::Resume)
    }

    fn is_running(&self, job: &JobName, key: &ExecutionKey) -> bool {
        lock(&self.running).contains(&(job.clone(), key.clone()))
    }
}

async fn watch(mut child: Child, group: Group, mut terminate: StopSignal, (job, key): &(JobName, ExecutionKey)) {
    tokio::select! {
        biased;
        ended = child.wait() => {
            group.let_go();
            match ended {
                Ok(status) => tracing::info!(%job, %key, %status, "its process has ended"),
                Err(error) => tracing::warn!(%job, %key, %error, "its process cannot be waited for"),
            }
        }
        () = terminate.requested() => group.terminate(&mut child, GRACE).await,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn names() -> (JobName, ExecutionKey) {
        ("nightly".parse().unwrap(), "2026-11-24".parse().unwrap())
    }

    async fn until_it_ends(processes: &Processes, (job, key): &(JobName, ExecutionKey)) {
        let ended = async {
            let mut tick = tokio::time::interval(Duration::from_millis(5));
            while processes.is_running(job, key) {
                tick.tick().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ended).await.unwrap();
    }

    #[tokio::test]
    async fn a_process_runs_until_it_ends_or_is_stopped() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ended");
        let (told, names) = (file.clone(), names());
        let processes = Processes::new(Box::new(move |job, key, purpose| {
            let mut command = Command::new("sh");
            let script = match purpose {
                Purpose::Open => format!("echo {job} {key} > '{}'", told.display()),
                Purpose::Resume => format!("trap 'echo stopped > {}; exit' TERM; sleep 1000 & wait", told.display()),
            };
            command.args(["-c", &script]);
            command
        }));
        processes.open(&names.0, &names.1).unwrap();
        until_it_ends(&processes, &names).await;
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "nightly 2026-11-24\n");
        processes.resume(&names.0, &names.1).unwrap();
        assert!(processes.is_running(&names.0, &names.1));
        processes.stop().await;
        assert!(!processes.is_running(&names.0, &names.1));
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let processes = Processes::new(Box::new(|_, _, _| Command::new("/no/such/program")));
        let (job, key) = names();
        let error = processes.open(&job, &key).unwrap_err().to_string();
        assert!(error.contains("/no/such/program"), "{error}");
        assert!(!processes.is_running(&job, &key));
    }
}
