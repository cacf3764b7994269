//! The running system, on either store.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use chrono::TimeDelta;
use control_table::ControlTable;
use control_table::id::ExecutionId;
use emulator::Shutdown;
use emulator::embedded::EmbeddedDynamoDb;
use engine::scatter::Sources;
use engine::{Dispatcher, Engine, EventBus, Parts, Settings, StreamPosition};
use jobs::process_group::KILL_GRACE_MAX;
use jobs::{Commands, OutputFiles, Shell, builtin};
use runtime::{Attempts, Work};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::bus::LocalBus;
use super::hook;
use super::ownership::Ownership;
use super::recovery::Recovery;
use super::{Database, Error, Options, WorkChoice, file};
use crate::logs;

/// How long running work may continue after a stop: long enough for short segments to end, and to record that. Then it is stopped.
const DRAIN: Duration = Duration::from_secs(2);

/// How long what was stopped may take to end by itself: commands and hooks have their grace, the rest some statements in the table.
pub(super) const STOP_LIMIT: Duration = Duration::from_secs(KILL_GRACE_MAX.as_secs() + 10);

/// Between two looks at whether a command has still its grace.
const LOOK: Duration = Duration::from_millis(50);

/// How long an execution may make no progress before the sweeper heals it. In one process no worker gets lost, so this is for
/// defects.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);

/// How soon the sweeper reads an execution with a failure again: one read of its tallies, a hundred to a request.
const FAILING_PATIENCE: TimeDelta = TimeDelta::seconds(1);

/// The whole system in this process. It ends with [`System::stop`]; dropped or killed, a later process continues its executions.
pub struct System {
    pub(super) database: Database,
    pub(super) source_tables: EmbeddedDynamoDb,
    pub(super) engine: Engine,
    pub(super) bus: Arc<LocalBus>,
    pub(super) recovery: Arc<Recovery>,
    pub(super) finalized: Arc<watch::Sender<()>>,
    /// Which executions are this process's; without it, all of the directory's.
    pub(super) ownership: Option<Ownership>,
    /// Takes no new work from its request on.
    pub(super) shutdown: Shutdown,
    /// Ends running hooks from its request on.
    pub(super) terminate: Shutdown,
    pub(super) attempts: Attempts,
    pub(super) tasks: Mutex<JoinSet<()>>,
}

impl System {
    /// Opens the data directory and starts workers, gather and sweeper.
    ///
    /// # Errors
    /// When a file in the directory cannot be opened; of an emulation, also when another process has the directory.
    #[cfg_attr(not(feature = "emulate"), expect(clippy::unused_async, reason = "an emulation is started by requests"))]
    pub async fn start(options: Options) -> Result<Self, Error> {
        if options.emulate {
            #[cfg(feature = "emulate")]
            return super::emulated::start(options).await;
            #[cfg(not(feature = "emulate"))]
            return Err(Error::WithoutEmulation);
        }
        file::start(options)
    }

    /// The engine.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Wakes every waiter for an execution.
    pub(crate) fn wake_waiters(&self) {
        self.finalized.send_replace(());
    }

    /// The control table.
    #[must_use]
    pub fn control_table(&self) -> &ControlTable {
        self.database.control_table()
    }

    /// A client for the user's own tables.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        self.source_tables.client()
    }

    /// Continues every execution that an earlier process left open, and returns them, oldest first.
    ///
    /// # Errors
    /// When the data directory cannot be read or written.
    pub async fn resume_all(&self) -> Result<Vec<ExecutionId>, Error> {
        let Some(ownership) = &self.ownership else { return Ok(self.recovery.open()) };
        let orphans = ownership.take_orphans().await?;
        self.recover(&orphans).await;
        Ok(orphans)
    }

    /// Continues executions that this process has taken over.
    pub(super) async fn recover(&self, executions: &[ExecutionId]) {
        let run = Arc::clone(&self.recovery).run(executions.to_vec(), self.engine.clone(), Arc::clone(&self.finalized));
        self.tasks.lock().await.spawn(run);
    }

    /// Offers the `DynamoDB` of the user's tables to other programs on that listener, until `stop`.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve_dynamodb(
        &self,
        listener: tokio::net::TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Error> {
        Ok(self.source_tables.serve(listener, stop).await?)
    }

    /// Takes no new work, and ends: running work has two seconds to come to its end, then it is stopped. Commands and hooks get SIGTERM,
    /// and SIGKILL after their grace. A later process continues the rest.
    pub async fn stop(&self) {
        self.shutdown.request();
        let mut tasks = self.tasks.lock().await;
        let begun = Instant::now();
        let mut looks = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                biased;
                ended = tasks.join_next() => if ended.is_none() { return },
                _ = looks.tick() => {}
            }
            let waited = begun.elapsed();
            if waited >= DRAIN {
                self.terminate();
            }
            let has_grace = !self.attempts.runs().is_empty() || self.bus.has_running();
            if waited >= STOP_LIMIT || (waited >= 2 * DRAIN && !has_grace) {
                tasks.abort_all();
                return;
            }
        }
    }

    /// Stops running work now: the two seconds of [`Self::stop`] are over at once.
    pub fn terminate(&self) {
        self.shutdown.request();
        self.attempts.stop_all();
        self.terminate.request();
    }
}

pub(super) fn commands(options: &Options, owner: &str, terminate: &Shutdown) -> hook::Commands {
    hook::Commands {
        hooks: options.hooks.clone(),
        output: options.hook_output,
        data_dir: options.data_dir.clone(),
        owner: owner.to_owned(),
        terminate: terminate.signal(),
        running: AtomicUsize::new(0),
    }
}

/// The work of the system's workers.
pub(super) fn work(options: &Options, source_tables: &EmbeddedDynamoDb, owner: &str) -> Arc<dyn Work> {
    match &options.work {
        WorkChoice::Builtin => {
            let files = Some(OutputFiles::new(logs::folder(&options.data_dir)));
            let shell = Shell { files, owner: Some(owner.to_owned()) };
            builtin(source_tables.client(), Commands::Allowed(shell))
        }
        WorkChoice::Own(work) => Arc::clone(work),
    }
}

pub(crate) fn wire_engine(
    database: &Database,
    sources: Sources,
    (dispatcher, position): (Arc<dyn Dispatcher>, Arc<dyn StreamPosition>),
    bus: Arc<dyn EventBus>,
    clock: &Arc<dyn control_table::clock::Clock>,
    entropy: &Arc<control_table::clock::Entropy>,
) -> Engine {
    Engine::new(Parts {
        table: database.control_table().clone(),
        dispatcher,
        position,
        bus,
        sources,
        clock: Arc::clone(clock),
        entropy: Arc::clone(entropy),
        settings: Settings { patience: PATIENCE, failing_patience: FAILING_PATIENCE, ..Settings::default() },
    })
}
