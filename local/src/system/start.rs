//! Starts the system.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy};
use control_table::id::ExecutionId;
use engine::scatter::Sources;
use engine::{Dispatcher, Engine, EventBus, Parts, Settings};
use functions::KinesisDispatcher;
use functions::handlers::GatherHandler;
use jobs::builtin;
use runtime::Worker;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use super::bus::LocalBus;
use super::expiry;
use super::handlers::{GatherFunction, WorkerFunction};
use super::hook::Commands;
use super::recovery::Recovery;
use super::{CONTROL_TABLE, Database, Error, Options, SEGMENT_STREAM, WorkChoice, ticks};
use crate::settings::{GATHER_MAPPING, SHARD_COUNT, WORKER_MAPPING};
use emulator::embedded::{Backlog, EmbeddedError, EmbeddedKinesis};
use emulator::event_source::{DynamoDbMapping, DynamoDbSettings, Host, KinesisMapping, Shutdown};

/// How long running work may continue after a stop: long enough to record its end, not to reach it.
const GRACE: Duration = Duration::from_secs(2);

/// How long an execution may make no progress before the sweeper heals it. In one process no worker gets lost, so this is for
/// defects.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);

/// How soon the sweeper reads an execution with a failure again: one read of its tallies, a hundred to a request.
const FAILING_PATIENCE: TimeDelta = TimeDelta::seconds(1);

/// How long a put may wait for room in the stream: as long as the workers take.
const PUT_WAIT: Duration = Duration::from_hours(30 * 24);

/// The time of one gather invocation, in which a hook may run: Lambda's limit.
const GATHER_TIMEOUT: Duration = Duration::from_mins(15);

/// The whole system in this process. It ends with [`System::stop`]; dropped or killed, the next start continues its executions.
pub struct System {
    database: Database,
    pub(super) engine: Engine,
    pub(super) bus: Arc<LocalBus>,
    pub(super) recovery: Arc<Recovery>,
    pub(super) finalized: Arc<watch::Sender<()>>,
    shutdown: Shutdown,
    tasks: Mutex<JoinSet<()>>,
}

/// The handlers, wired to each other.
struct Functions {
    engine: Engine,
    worker: Worker,
}

impl System {
    /// Locks the data directory, starts the event source mappings and the sweeper, and continues every open execution.
    ///
    /// # Errors
    /// When another process has locked the directory, or a file in it cannot be opened.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let database = Database::lock(&options.data_dir, options.durability, Arc::clone(&options.entropy)).await?;
        let kinesis = EmbeddedKinesis::start(Backlog { wait_max: PUT_WAIT, ..Backlog::default() });
        let shards = kinesis.create_stream(SEGMENT_STREAM, shards(&options)).await?;
        let bus = Arc::new(LocalBus::new(&options.data_dir, commands(&options)));
        let functions = wire(&options, &database, &kinesis, Arc::clone(&bus));
        let recovery = Arc::new(Recovery::new(functions.engine.open_executions().await?));

        let shutdown = Shutdown::new();
        let finalized = Arc::new(watch::Sender::new(()));
        let host = host(&options, &shutdown);
        let mut tasks = JoinSet::new();
        let mut worker =
            KinesisMapping::new(&kinesis, Arc::new(WorkerFunction(functions.worker)), WORKER_MAPPING, host.clone());
        if let Some(workers) = options.workers {
            worker = worker.workers(workers);
        }
        tasks.spawn(worker.run(shards));

        let gather =
            GatherFunction { gather: GatherHandler::new(functions.engine.clone()), finalized: Arc::clone(&finalized) };
        let mapping = DynamoDbSettings { timeout: GATHER_TIMEOUT, ..GATHER_MAPPING };
        let gather = DynamoDbMapping::new(database.service(), CONTROL_TABLE, Arc::new(gather), mapping, host)?;
        tasks.spawn(async move { report(gather.run().await) });

        let (engine, clock) = (functions.engine, Arc::clone(&options.clock));
        tasks.spawn(expiry::delete_expired(database.service().clone(), shutdown.signal()));
        tasks.spawn(ticks::tick(engine.clone(), clock, options.tick, Arc::clone(&finalized), shutdown.signal()));
        tasks.spawn(Arc::clone(&recovery).run(engine.clone(), Arc::clone(&finalized)));
        Ok(Self { database, engine, bus, recovery, finalized, shutdown, tasks: Mutex::new(tasks) })
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

    /// The executions that an earlier process left open, oldest first.
    #[must_use]
    pub fn left_open(&self) -> &[ExecutionId] {
        self.recovery.open()
    }

    /// Offers the `DynamoDB` to other programs on that listener, until `stop`.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve_dynamodb(
        &self,
        listener: tokio::net::TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Error> {
        Ok(self.database.service().serve(listener, stop).await?)
    }

    /// Takes no new work, gives running work a moment to be recorded, and ends. The next start continues the rest.
    pub async fn stop(&self) {
        self.shutdown.request();
        let mut tasks = self.tasks.lock().await;
        let ended = tokio::time::timeout(GRACE * 2, async { while tasks.join_next().await.is_some() {} });
        if ended.await.is_err() {
            tasks.abort_all();
        }
    }
}

fn commands(options: &Options) -> Commands {
    Commands { hooks: options.hooks.clone(), output: options.hook_output }
}

/// As many shards as the workers need, each of which serves as many workers as the event source mapping allows; at most 1,000.
fn shards(options: &Options) -> u16 {
    let needed = options.workers.unwrap_or(1).div_ceil(WORKER_MAPPING.parallelization_factor);
    u16::try_from(needed).unwrap_or(u16::MAX).clamp(SHARD_COUNT, 1_000)
}

fn host(options: &Options, shutdown: &Shutdown) -> Host {
    let (clock, entropy) = (Arc::clone(&options.clock), Arc::clone(&options.entropy));
    Host::new(move || clock.now(), move || entropy.nonce(), shutdown.signal(), GRACE)
}

fn wire(options: &Options, database: &Database, kinesis: &EmbeddedKinesis, bus: Arc<LocalBus>) -> Functions {
    let (clock, entropy) = (&options.clock, &options.entropy);
    let dispatcher = KinesisDispatcher::new(kinesis.client(), SEGMENT_STREAM, Arc::clone(entropy));
    let engine = wire_engine(database, Arc::new(dispatcher), bus, clock, entropy);
    let work = match &options.work {
        WorkChoice::Builtin => builtin(database.dynamodb().clone(), jobs::Commands::Allowed),
        WorkChoice::Own(work) => Arc::clone(work),
    };
    let settings = runtime::Settings::default();
    let table = database.control_table().clone();
    let worker = Worker::new(table, work, Arc::clone(clock), Arc::clone(entropy), settings);
    Functions { engine, worker }
}

pub(crate) fn wire_engine(
    database: &Database,
    dispatcher: Arc<dyn Dispatcher>,
    bus: Arc<dyn EventBus>,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<Entropy>,
) -> Engine {
    Engine::new(Parts {
        table: database.control_table().clone(),
        dispatcher,
        bus,
        sources: Sources::new(database.dynamodb().clone()),
        clock: Arc::clone(clock),
        entropy: Arc::clone(entropy),
        settings: Settings { patience: PATIENCE, failing_patience: FAILING_PATIENCE, ..Settings::default() },
    })
}

fn report(result: Result<(), EmbeddedError>) {
    if let Err(error) = result {
        tracing::error!(%error, "the event source mapping of gather ended; no execution completes until a restart");
    }
}
