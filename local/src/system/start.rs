//! Everything started, and what to ask of it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy};
use control_table::id::ExecutionId;
use gather::{Gather, Settler};
use scatter::{Dispatcher, Handout, Scatter, ScatterAnswer, ScatterError, Sources};
use sweeper::Sweeper;
use tokio::sync::watch;
use tokio::task::JoinSet;
use worker::Worker;
use worker::builtin::{self, builtin};

use super::bus::LocalBus;
use super::expiry;
use super::handlers::{GatherFunction, WorkerFunction};
use super::hook::Commands;
use super::recovery::Recovery;
use super::{CONTROL_TABLE, Database, Error, Options, SEGMENT_STREAM, WorkChoice, ticks};
use crate::embedded::{Backlog, EmbeddedError, EmbeddedKinesis};
use crate::mapping::{DynamoDbMapping, Host, KinesisMapping, KinesisSettings, Shutdown};
use crate::template::Template;

/// How long running work may go on after a stop was asked for: long enough to record that it ended, not to end it.
const GRACE: Duration = Duration::from_secs(2);

/// How long the sweeper lets an execution stand still before it looks closer. Workers cannot get lost in one process, so
/// this is only for what nobody thought of.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);

/// How soon a local execution with a failure is looked at again: one read of its tallies, a hundred to a request.
const FAILING_PATIENCE: TimeDelta = TimeDelta::seconds(1);

/// How long a put may wait for room in the stream: as long as the workers take. Nothing else would take the records.
const PUT_WAIT: Duration = Duration::from_hours(30 * 24);

/// A gather may take as long as the command that its completion event starts: Lambda's limit.
const GATHER_TIMEOUT: Duration = Duration::from_mins(15);

/// The whole system in this process. It ends with [`System::shutdown`]; dropped or killed, it goes on at the next start.
pub struct System {
    database: Database,
    pub(super) scatter: Arc<Scatter>,
    pub(super) sweeper: Arc<Sweeper>,
    pub(super) bus: Arc<LocalBus>,
    pub(super) recovery: Arc<Recovery>,
    pub(super) settled: Arc<watch::Sender<()>>,
    shutdown: Shutdown,
    tasks: JoinSet<()>,
}

/// The handlers, wired to each other.
struct Functions {
    scatter: Arc<Scatter>,
    worker: Worker,
    gather: Gather,
    sweeper: Arc<Sweeper>,
}

impl System {
    /// Takes the data directory, starts the mappings and the sweeper, and goes on with everything that is open there.
    ///
    /// # Errors
    /// When another process has the directory, or something in it cannot be opened.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let template = match &options.template {
            Some(path) => Template::read(path)?,
            None => Template::built_in()?,
        };
        let database = Database::lock(&options.data_dir, options.durability, Arc::clone(&options.entropy)).await?;
        let mapping = template.worker_mapping()?;
        let shards = shards(&options, &template, &mapping)?;
        let kinesis = EmbeddedKinesis::start(Backlog { wait_max: PUT_WAIT, ..Backlog::default() });
        let shards = kinesis.create_stream(SEGMENT_STREAM, shards).await?;
        let bus = Arc::new(LocalBus::new(&options.data_dir, commands(&options)));
        let functions = wire(&options, &database, &kinesis, Arc::clone(&bus));
        let recovery = Arc::new(Recovery::new(functions.sweeper.open_executions().await?));

        let shutdown = Shutdown::new();
        let settled = Arc::new(watch::Sender::new(()));
        let host = host(&options, &shutdown);
        let mut tasks = JoinSet::new();
        let mut worker =
            KinesisMapping::new(&kinesis, Arc::new(WorkerFunction(functions.worker)), mapping, host.clone());
        if let Some(workers) = options.workers {
            worker = worker.workers(workers);
        }
        tasks.spawn(worker.run(shards));

        let gather = GatherFunction { gather: functions.gather, settled: Arc::clone(&settled) };
        let mut mapping = template.gather_mapping()?;
        mapping.timeout = mapping.timeout.max(GATHER_TIMEOUT);
        let gather = DynamoDbMapping::new(database.service(), CONTROL_TABLE, Arc::new(gather), mapping, host)?;
        tasks.spawn(async move { report(gather.run().await) });

        let (sweeper, clock) = (Arc::clone(&functions.sweeper), Arc::clone(&options.clock));
        tasks.spawn(expiry::delete_expired(database.service().clone(), shutdown.signal()));
        tasks.spawn(ticks::tick(sweeper, clock, options.tick, Arc::clone(&settled), shutdown.signal()));
        let (scatter, sweeper) = (functions.scatter, functions.sweeper);
        tasks.spawn(Arc::clone(&recovery).run(Arc::clone(&sweeper), Arc::clone(&settled)));
        Ok(Self { database, scatter, sweeper, bus, recovery, settled, shutdown, tasks })
    }

    /// Invokes the scatter function. It returns when every segment is on the stream, which is as fast as the workers take
    /// them; [`ControlTable::execution_of_key`] tells the execution's ID before that.
    ///
    /// # Errors
    /// Bad input, before anything is written; or a failure after which invoking it with the same key goes on.
    pub async fn scatter(&self, event: serde_json::Value, request_id: &str) -> Result<ScatterAnswer, ScatterError> {
        self.scatter.handle(event, request_id, DateTime::<Utc>::MAX_UTC).await
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

    /// Takes no new work, gives what runs a moment to be recorded, and ends. What is not finished is gone on with at the
    /// next start.
    pub async fn shutdown(mut self) {
        self.shutdown.request();
        let ended = tokio::time::timeout(GRACE * 2, async { while self.tasks.join_next().await.is_some() {} });
        // A task that is still busy then is aborted with the set.
        let _ = ended.await;
    }
}

fn commands(options: &Options) -> Commands {
    Commands { hooks: options.hooks.clone(), output: options.hook_output }
}

/// As many shards as the asked-for workers need, each shard giving the template's factor.
fn shards(options: &Options, template: &Template, mapping: &KinesisSettings) -> Result<u16, Error> {
    let of_template = template.shard_count()?;
    let needed = options.workers.unwrap_or(1).div_ceil(mapping.parallelization_factor.max(1));
    Ok(of_template.max(u16::try_from(needed).unwrap_or(u16::MAX)).min(1_000))
}

fn host(options: &Options, shutdown: &Shutdown) -> Host {
    let (clock, entropy) = (Arc::clone(&options.clock), Arc::clone(&options.entropy));
    Host::new(move || clock.now(), move || entropy.nonce(), shutdown.signal(), GRACE)
}

fn wire(options: &Options, database: &Database, kinesis: &EmbeddedKinesis, bus: Arc<LocalBus>) -> Functions {
    let (clock, entropy) = (&options.clock, &options.entropy);
    let (table, client) = (database.control_table(), database.dynamodb());
    let settler = Settler::new(table.clone(), bus, Arc::clone(clock));
    let dispatcher = Dispatcher::new(kinesis.client(), SEGMENT_STREAM, Arc::clone(entropy));
    let (scatter, sweeper) = wire_sweeper(database, dispatcher.clone(), settler.clone(), clock, entropy);
    let work = match &options.work {
        WorkChoice::Builtin => builtin(client.clone(), builtin::Commands::Allowed),
        WorkChoice::Own(work) => Arc::clone(work),
    };
    let settings = worker::Settings::default();
    let worker = Worker::new(table.clone(), work, Arc::clone(clock), Arc::clone(entropy), settings);
    let gather = Gather::new(table.clone(), settler, Handout::new(table.clone(), dispatcher));
    Functions { scatter, worker, gather, sweeper }
}

/// The scatter and the sweeper: what changes executions otherwise than by working on them.
pub(super) fn wire_sweeper(
    database: &Database,
    dispatcher: Dispatcher,
    settler: Settler,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<Entropy>,
) -> (Arc<Scatter>, Arc<Sweeper>) {
    let (table, client) = (database.control_table(), database.dynamodb());
    let scatter = Arc::new(Scatter::new(
        table.clone(),
        dispatcher.clone(),
        Sources::new(client.clone()),
        Arc::clone(clock),
        Arc::clone(entropy),
        scatter::Settings { patience: PATIENCE, ..scatter::Settings::default() },
    ));
    let settings =
        sweeper::Settings { patience: PATIENCE, failing_patience: FAILING_PATIENCE, ..sweeper::Settings::default() };
    let sweeper = Sweeper::new(table.clone(), dispatcher, Arc::clone(&scatter), settler, Arc::clone(clock), settings);
    (scatter, Arc::new(sweeper))
}

fn report(result: Result<(), EmbeddedError>) {
    if let Err(error) = result {
        tracing::error!(%error, "the gather's mapping ended; nothing completes until a restart");
    }
}
