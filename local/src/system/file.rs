//! The system on a `SQLite` file: workers get their records from a queue in memory, gather reads the outbox.

use std::sync::Arc;

use chrono::TimeDelta;
use emulator::Shutdown;
use engine::scatter::Sources;
use runtime::{Serving, Worker};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use super::bus::LocalBus;
use super::database::Opened;
use super::gather::GatherLoop;
use super::heartbeat::Watch;
use super::origin::Origin;
use super::ownership::Ownership;
use super::queue::Queue;
use super::recovery::Recovery;
use super::running::{System, commands, wire_engine, work};
use super::{Database, Error, Options, cancelled, expiry, heartbeat, ticks};
use crate::settings::{PARALLELIZATION_FACTOR, WORKER_TIMEOUT};
use crate::steady_clock::SteadyClock;

/// How long a recorded outcome may wait to be counted together with others. A tally is a row of a kilobyte: counting one outcome by one
/// would take longer than the claim and the end of a short segment. The last outcomes do not wait.
const TALLY_DELAY: std::time::Duration = std::time::Duration::from_millis(2);

/// A lease ends with its process, whose death its lock shows, and never by time: a machine that slept, or whose clock was set, would have
/// work begun again beside the first.
const LEASE_MARGIN: std::time::Duration = std::time::Duration::from_hours(24 * 365);

/// Opens the directory beside other processes, and starts workers, gather and sweeper for this process's executions.
pub(super) fn start(options: Options) -> Result<System, Error> {
    let origin = Origin { program: options.program.clone(), hooks: options.hooks.clone() }.to_json();
    let opened = Database::open_file(&options.data_dir, options.durability, &options.entropy, origin)?;
    let Opened { database, store, registration } = opened;
    let (terminate, owner) = (Shutdown::new(), store.process().to_string());
    let hooks = commands(&options, &owner, &terminate);
    let bus = Arc::new(LocalBus::new(&options.data_dir, hooks, Some(store.clone())));
    let (queue, records) = Queue::new(store.process());
    let queue = Arc::new(queue);
    let (clock, entropy) = (&(Arc::new(SteadyClock::new(Arc::clone(&options.clock))) as _), &options.entropy);
    let transport = (Arc::clone(&queue) as _, Arc::clone(&queue) as _);
    let source_tables = database.source_tables()?;
    let sources = Sources::new(source_tables.client());
    let engine = wire_engine(&database, sources, transport, Arc::clone(&bus) as _, clock, entropy);
    let settings =
        runtime::Settings { tally_delay: TALLY_DELAY, lease_margin: LEASE_MARGIN, ..runtime::Settings::default() };
    let (table, work) = (database.control_table().clone(), work(&options, &source_tables, &owner));
    let worker = Worker::new(table.clone(), work, Arc::clone(clock), Arc::clone(entropy), settings);
    let attempts = worker.attempts();

    let shutdown = Shutdown::new();
    let finalized = Arc::new(watch::Sender::new(()));
    let mut tasks = JoinSet::new();
    let (serving, records) = (serving(&options), records.until(Arc::clone(&queue), shutdown.signal()));
    tasks.spawn(cancelled::stop_attempts(attempts.clone(), table.clone(), shutdown.signal()));
    tasks.spawn(async move { worker.serve(records, serving, |handed| Arc::clone(&queue).again(handed)).await });
    let (finalized_by_gather, entropy) = (Arc::clone(&finalized), Arc::clone(entropy));
    let gather =
        GatherLoop { store: store.clone(), table, engine: engine.clone(), entropy, finalized: finalized_by_gather };
    tasks.spawn(gather.run(shutdown.signal()));
    tasks.spawn(expiry::delete_expired(
        expiry::Expiring::File(store.clone(), options.data_dir.clone()),
        Arc::clone(&options.clock),
        shutdown.signal(),
    ));
    tasks.spawn(heartbeat::beat(registration, shutdown.signal()));
    let ticks = ticks::tick(engine.clone(), Arc::clone(clock), options.tick, Arc::clone(&finalized), shutdown.signal());
    tasks.spawn(ticks);
    let Options { data_dir, program, any_worker, .. } = options;
    let (watch, ended) = (Watch::default(), Arc::default());
    let ownership = Some(Ownership { store, data_dir, program, any_worker, watch, ended });
    let (recovery, tasks) = (Arc::new(Recovery::new(Vec::new())), Mutex::new(tasks));
    Ok(System {
        database,
        source_tables,
        engine,
        bus,
        recovery,
        finalized,
        ownership,
        shutdown,
        terminate,
        attempts,
        tasks,
    })
}

/// An attempt may take as long here as in a Lambda invocation, so that a job that runs here runs there.
fn serving(options: &Options) -> Serving {
    let at_once = options.workers.unwrap_or(PARALLELIZATION_FACTOR);
    Serving { at_once, attempt_time: TimeDelta::from_std(WORKER_TIMEOUT).unwrap_or(TimeDelta::MAX) }
}
