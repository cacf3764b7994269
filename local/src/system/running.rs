//! The running system, on either store.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use control_table::ControlTable;
use control_table::id::ExecutionId;
use emulator::event_source::Shutdown;
use engine::scatter::Sources;
use engine::{Dispatcher, Engine, EventBus, Parts, Settings, StreamPosition};
use jobs::{Commands, OutputFiles, builtin};
use runtime::Work;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use super::bus::LocalBus;
use super::hook;
use super::ownership::Ownership;
use super::recovery::Recovery;
use super::{Database, Error, Options, WorkChoice, emulated, file};
use crate::logs;

/// How long running work may continue after a stop: long enough to record its end, not to reach it.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// How long an execution may make no progress before the sweeper heals it. In one process no worker gets lost, so this is for
/// defects.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);

/// How soon the sweeper reads an execution with a failure again: one read of its tallies, a hundred to a request.
const FAILING_PATIENCE: TimeDelta = TimeDelta::seconds(1);

/// The whole system in this process. It ends with [`System::stop`]; dropped or killed, a later process continues its executions.
pub struct System {
    pub(super) database: Database,
    pub(super) engine: Engine,
    pub(super) bus: Arc<LocalBus>,
    pub(super) recovery: Arc<Recovery>,
    pub(super) finalized: Arc<watch::Sender<()>>,
    /// Which executions are this process's; without it, all of the directory's.
    pub(super) ownership: Option<Ownership>,
    pub(super) shutdown: Shutdown,
    pub(super) tasks: Mutex<JoinSet<()>>,
}

impl System {
    /// Opens the data directory and starts workers, gather and sweeper.
    ///
    /// # Errors
    /// When a file in the directory cannot be opened; of an emulation, also when another process has the directory.
    pub async fn start(options: Options) -> Result<Self, Error> {
        if options.emulate { emulated::start(options).await } else { file::start(options).await }
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
    pub fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        self.database.dynamodb()
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
        Ok(self.database.source_tables().serve(listener, stop).await?)
    }

    /// Takes no new work, gives running work a moment to be recorded, and ends. A later process continues the rest.
    pub async fn stop(&self) {
        self.shutdown.request();
        let mut tasks = self.tasks.lock().await;
        let ended = tokio::time::timeout(GRACE * 2, async { while tasks.join_next().await.is_some() {} });
        if ended.await.is_err() {
            tasks.abort_all();
        }
    }
}

pub(super) fn commands(options: &Options) -> hook::Commands {
    hook::Commands { hooks: options.hooks.clone(), output: options.hook_output }
}

/// The work of the system's workers.
pub(super) fn work(options: &Options, database: &Database) -> Arc<dyn Work> {
    match &options.work {
        WorkChoice::Builtin => {
            let files = OutputFiles::new(logs::folder(&options.data_dir));
            builtin(database.dynamodb().clone(), Commands::Allowed(Some(files)))
        }
        WorkChoice::Own(work) => Arc::clone(work),
    }
}

pub(crate) fn wire_engine(
    database: &Database,
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
        sources: Sources::new(database.dynamodb().clone()),
        clock: Arc::clone(clock),
        entropy: Arc::clone(entropy),
        settings: Settings { patience: PATIENCE, failing_patience: FAILING_PATIENCE, ..Settings::default() },
    })
}
