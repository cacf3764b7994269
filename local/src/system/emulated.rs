//! The emulated system: the functions' own handlers behind the emulator's `DynamoDB`, Kinesis and event source mappings. A rehearsal of a
//! deployment.

use std::sync::Arc;
use std::time::Duration;

use emulator::Shutdown;
use emulator::embedded::{Backlog, EmbeddedError, EmbeddedKinesis};
use emulator::event_source::{DynamoDbMapping, DynamoDbSettings, Host, KinesisMapping};
use engine::NothingWaits;
use engine::scatter::Sources;
use functions::KinesisDispatcher;
use functions::handlers::GatherHandler;
use jobs::leftovers;
use jobs::process_group::KILL_GRACE;
use runtime::Worker;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use super::bus::LocalBus;
use super::handlers::{GatherFunction, WorkerFunction};
use super::recovery::Recovery;
use super::running::{STOP_LIMIT, System, commands, wire_engine, work};
use super::{CONTROL_TABLE, Database, Error, Options, SEGMENT_STREAM, cancelled, expiry, ticks};
use crate::settings::{GATHER_MAPPING, SHARD_COUNT, WORKER_MAPPING};
use crate::steady_clock::SteadyClock;

/// How long a put may wait for room in the stream: as long as the workers take.
const PUT_WAIT: Duration = Duration::from_hours(30 * 24);

/// The time of one gather invocation, in which a hook may run: Lambda's limit.
const GATHER_TIMEOUT: Duration = Duration::from_mins(15);

/// Locks the directory, starts the event source mappings and the sweeper, and continues every open execution.
pub(super) async fn start(options: Options) -> Result<System, Error> {
    let entropy = Arc::clone(&options.entropy);
    let (database, service) = Database::open_emulated(&options.data_dir, options.durability, entropy).await?;
    let kinesis = EmbeddedKinesis::start(Backlog { wait_max: PUT_WAIT, ..Backlog::default() });
    let shards = kinesis.create_stream(SEGMENT_STREAM, shards(&options)).await?;
    // One process has the directory at a time, so its name is enough: the one before has ended.
    let owner =
        std::path::absolute(&options.data_dir).unwrap_or_else(|_| options.data_dir.clone()).display().to_string();
    leftovers::end(&owner, KILL_GRACE).await;
    let terminate = Shutdown::new();
    let bus = Arc::new(LocalBus::new(&options.data_dir, commands(&options, &owner, &terminate), None));
    let (clock, entropy) = (&(Arc::new(SteadyClock::new(Arc::clone(&options.clock))) as _), &options.entropy);
    let dispatcher = KinesisDispatcher::new(kinesis.client(), SEGMENT_STREAM, Arc::clone(entropy));
    let transport = (Arc::new(dispatcher) as _, Arc::new(NothingWaits) as _);
    let source_tables = database.source_tables()?;
    let sources = Sources::new(source_tables.client());
    let engine = wire_engine(&database, sources, transport, Arc::clone(&bus) as _, clock, entropy);
    let work = work(&options, &source_tables, &owner);
    let table = database.control_table().clone();
    let worker = Worker::new(table.clone(), work, Arc::clone(clock), Arc::clone(entropy), runtime::Settings::default());
    let attempts = worker.attempts();
    let open = engine.open_executions().await?;
    let recovery = Arc::new(Recovery::new(open.clone()));

    let shutdown = Shutdown::new();
    let finalized = Arc::new(watch::Sender::new(()));
    let host = host(&options, &shutdown);
    let mut tasks = JoinSet::new();
    let mut worker = KinesisMapping::new(&kinesis, Arc::new(WorkerFunction(worker)), WORKER_MAPPING, host.clone());
    if let Some(workers) = options.workers {
        worker = worker.workers(workers);
    }
    tasks.spawn(worker.run(shards));
    tasks.spawn(cancelled::stop_attempts(attempts.clone(), table, shutdown.signal()));

    let gather = GatherFunction { gather: GatherHandler::new(engine.clone()), finalized: Arc::clone(&finalized) };
    let mapping = DynamoDbSettings { timeout: GATHER_TIMEOUT, ..GATHER_MAPPING };
    let gather = DynamoDbMapping::new(&service, CONTROL_TABLE, Arc::new(gather), mapping, host)?;
    tasks.spawn(async move { report(gather.run().await) });

    tasks.spawn(expiry::delete_expired(
        expiry::Expiring::Emulated(service),
        Arc::clone(&options.clock),
        shutdown.signal(),
    ));
    let ticks = ticks::tick(engine.clone(), Arc::clone(clock), options.tick, Arc::clone(&finalized), shutdown.signal());
    tasks.spawn(ticks);
    tasks.spawn(Arc::clone(&recovery).run(open, engine.clone(), Arc::clone(&finalized)));
    let tasks = Mutex::new(tasks);
    Ok(System {
        database,
        source_tables,
        engine,
        bus,
        recovery,
        finalized,
        ownership: None,
        shutdown,
        terminate,
        attempts,
        tasks,
    })
}

/// As many shards as the workers need, each of which serves as many workers as the event source mapping allows; at most 1,000.
fn shards(options: &Options) -> u16 {
    let needed = options.workers.unwrap_or(1).div_ceil(WORKER_MAPPING.parallelization_factor);
    u16::try_from(needed).unwrap_or(u16::MAX).clamp(SHARD_COUNT, 1_000)
}

fn host(options: &Options, shutdown: &Shutdown) -> Host {
    let (clock, entropy) = (Arc::clone(&options.clock), Arc::clone(&options.entropy));
    Host::new(move || clock.now(), move || entropy.nonce(), shutdown.signal(), STOP_LIMIT)
}

fn report(result: Result<(), EmbeddedError>) {
    if let Err(error) = result {
        tracing::error!(%error, "the event source mapping of gather ended; no execution completes until a restart");
    }
}
