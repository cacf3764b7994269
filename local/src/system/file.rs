//! The system on a `SQLite` file: workers get their records from a queue in memory, gather reads the outbox.

use std::sync::Arc;

use chrono::TimeDelta;
use emulator::event_source::Shutdown;
use runtime::{Serving, Worker};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use super::bus::LocalBus;
use super::database::Control;
use super::gather::GatherLoop;
use super::origin::Origin;
use super::ownership::Ownership;
use super::queue::Queue;
use super::recovery::Recovery;
use super::running::{System, commands, wire_engine, work};
use super::{Database, Error, Options, expiry, ticks};
use crate::settings::WORKER_MAPPING;

/// How long a recorded outcome may wait to be counted together with others. A tally is a row of a kilobyte: counting one outcome by one
/// would take longer than the claim and the end of a short segment. The last outcomes do not wait.
const TALLY_DELAY: std::time::Duration = std::time::Duration::from_millis(2);

/// Opens the directory beside other processes, and starts workers, gather and sweeper for this process's executions.
pub(super) async fn start(options: Options) -> Result<System, Error> {
    let origin = Origin { program: options.program.clone(), hooks: options.hooks.clone() }.to_json();
    let (place, entropy) = (options.place(), Arc::clone(&options.entropy));
    let database = Database::open_as(&place, options.durability, entropy, origin).await?;
    let store = match &database.control {
        Control::File(file) => file.store.clone(),
        Control::Emulated(_) => return Err(Error::NotEmulated),
    };
    let bus = Arc::new(LocalBus::new(&options.data_dir, commands(&options), Some(store.clone())));
    let (queue, records) = Queue::new(store.process());
    let queue = Arc::new(queue);
    let (clock, entropy) = (&options.clock, &options.entropy);
    let engine = wire_engine(
        &database,
        (Arc::clone(&queue) as _, Arc::clone(&queue) as _),
        Arc::clone(&bus) as _,
        clock,
        entropy,
    );
    let settings = runtime::Settings { tally_delay: TALLY_DELAY, ..runtime::Settings::default() };
    let (table, work) = (database.control_table().clone(), work(&options, &database));
    let worker = Worker::new(table.clone(), work, Arc::clone(clock), Arc::clone(entropy), settings);

    let shutdown = Shutdown::new();
    let finalized = Arc::new(watch::Sender::new(()));
    let mut tasks = JoinSet::new();
    let (serving, records) = (serving(&options), records.until(Arc::clone(&queue), shutdown.signal()));
    tasks.spawn(async move { worker.serve(records, serving, |handed| Arc::clone(&queue).again(handed)).await });
    let (finalized_by_gather, entropy) = (Arc::clone(&finalized), Arc::clone(entropy));
    let gather =
        GatherLoop { store: store.clone(), table, engine: engine.clone(), entropy, finalized: finalized_by_gather };
    tasks.spawn(gather.run(shutdown.signal()));
    tasks.spawn(expiry::delete_expired(
        expiry::Expiring::File(store.clone(), options.data_dir.clone()),
        Arc::clone(clock),
        shutdown.signal(),
    ));
    let ticks = ticks::tick(engine.clone(), Arc::clone(clock), options.tick, Arc::clone(&finalized), shutdown.signal());
    tasks.spawn(ticks);
    let Options { data_dir, program, any_worker, .. } = options;
    let ownership = Some(Ownership { store, data_dir, program, any_worker });
    let (recovery, tasks) = (Arc::new(Recovery::new(Vec::new())), Mutex::new(tasks));
    Ok(System { database, engine, bus, recovery, finalized, ownership, shutdown, tasks })
}

/// An attempt may take as long here as in a Lambda invocation, so that a job that runs here runs there.
fn serving(options: &Options) -> Serving {
    let at_once = options.workers.unwrap_or(WORKER_MAPPING.parallelization_factor);
    Serving { at_once, attempt_time: TimeDelta::from_std(WORKER_MAPPING.timeout).unwrap_or(TimeDelta::MAX) }
}
