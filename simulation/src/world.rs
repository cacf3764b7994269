//! A deployed stack under virtual time: the engine and the worker as they are, between models of AWS's services.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy};
use control_table::id::{ExecutionId, ExecutionKey, JobName};
use control_table::rows::{ExecutionRow, RowKey};
use engine::scatter::{ScatterEvent, Sources};
use engine::{Dispatcher, Engine, Parts, ProbedPosition, StreamPosition, StreamSettings};
use runtime::Worker;

use crate::bus::{Published, SimulatedBus};
use crate::changes::ChangeMapping;
use crate::lambda::{Account, Function, InvocationError, Turn};
use crate::losses::{Losses, RecordFaults};
use crate::parameters::{self, Parameters, Transport};
use crate::segment_queue::{QueueDispatcher, QueueMapping, QueuePosition, SegmentQueue};
use crate::segment_stream::{Mapping, SegmentStream, StreamDispatcher};
use crate::surroundings::Surroundings;
use crate::table::{SimulatedTable, TableFaults};
use crate::usage::Usage;
use crate::work::WorkPlan;

/// The time between two ticks of the sweeper: the template's `rate(1 minute)`.
pub const TICK: Duration = Duration::from_mins(1);

/// How often the world looks at positions.
const LOOK: Duration = Duration::from_mins(1);

/// What a simulation is made of.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Latencies, quotas, settings of the services.
    pub parameters: Parameters,
    /// Everything that is left to chance follows from it.
    pub seed: u64,
    /// What segments do.
    pub work: WorkPlan,
    /// What goes wrong with the table.
    pub table: TableFaults,
    /// What goes wrong with records.
    pub records: RecordFaults,
    /// The engine's settings.
    pub engine: engine::Settings,
    /// The worker's settings.
    pub worker: runtime::Settings,
    /// Whether the sweeper's schedule is on.
    pub sweeps: bool,
}

impl Setup {
    /// A stack with the template's settings, in which nothing goes wrong.
    #[must_use]
    pub fn new(seed: u64, work: WorkPlan) -> Self {
        Self {
            parameters: Parameters::default(),
            seed,
            work,
            table: TableFaults::default(),
            records: RecordFaults::default(),
            engine: engine::Settings::default(),
            worker: runtime::Settings::default(),
            sweeps: true,
        }
    }
}

/// The stack.
#[derive(Debug, Clone)]
pub struct World {
    surroundings: Surroundings,
    /// The rows.
    pub table: SimulatedTable,
    /// The event bus.
    pub bus: SimulatedBus,
    /// The records that are lost.
    pub losses: Losses,
    /// The segment stream.
    pub stream: Arc<SegmentStream>,
    /// Its mapping to the workers.
    pub mapping: Mapping,
    /// The segment queue, which takes records instead of the stream if the parameters say so.
    pub queue: Arc<SegmentQueue>,
    /// Its mapping to the workers.
    pub queue_mapping: QueueMapping,
    scatter: Arc<Function<Engine>>,
    sweeper: Arc<Function<Engine>>,
    engine: Engine,
}

impl World {
    /// Deploys the stack. Call it inside [`crate::clock::run`].
    #[must_use]
    pub fn begin(setup: Setup) -> Self {
        let Setup { parameters, seed, work, table, records, engine, worker, sweeps } = setup;
        let surroundings = Surroundings::begin(parameters, seed);
        let (table, changes) = SimulatedTable::new(surroundings.clone(), table);
        let bus = SimulatedBus::new(surroundings.clone());
        let losses = Losses::new(surroundings.clone(), records);
        let stream = SegmentStream::new(surroundings.clone(), losses.clone());
        let queue = SegmentQueue::new(surroundings.clone(), losses.clone());
        let dispatcher: Arc<dyn Dispatcher> = match parameters.transport {
            Transport::Kinesis => Arc::new(StreamDispatcher::new(Arc::clone(&stream))),
            Transport::Sqs => Arc::new(QueueDispatcher::new(Arc::clone(&queue))),
        };
        let clock: Arc<dyn Clock> = Arc::new(surroundings.clock);
        // Apart from `chance`: another latency must not change which identifiers are drawn.
        let entropy = Arc::new(Entropy::from_seed(!seed));
        let control_table = ControlTable::new(table.clone());
        let stream_settings = stream_settings(&parameters.stream);
        let position: Arc<dyn StreamPosition> = match parameters.transport {
            Transport::Kinesis => {
                let dispatcher = StreamDispatcher::new(Arc::clone(&stream));
                Arc::new(ProbedPosition::new(dispatcher, control_table.clone(), stream_settings))
            }
            Transport::Sqs => Arc::new(QueuePosition::new(Arc::clone(&queue))),
        };
        // A retention that is scaled down has the patience with it that a day's retention has.
        let engine = engine::Settings { patience_max: engine.patience_max.min(stream_settings.retention), ..engine };
        let parts = Parts {
            table: control_table,
            dispatcher,
            position,
            bus: Arc::new(bus.clone()),
            sources: Sources::without_tables(),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            settings: engine,
        };
        let work = work.work(seed);
        let of_worker = parts.clone();
        let make_worker = move || {
            let Parts { table, clock, entropy, .. } = of_worker.clone();
            Worker::new(table, Arc::clone(&work), clock, entropy, worker)
        };
        let account = Account::new(&parameters.lambda);
        let function = |settings| {
            let parts = parts.clone();
            Arc::new(Function::new(settings, surroundings.clone(), &account, move || Engine::new(parts.clone())))
        };
        let (scatter, gather) = (function(parameters.lambda.scatter), function(parameters.lambda.gather));
        let sweeper = function(parameters.lambda.sweeper);
        let workers = Arc::new(Function::new(parameters.lambda.worker, surroundings.clone(), &account, make_worker));
        ChangeMapping::begin(surroundings.clone(), gather, changes);
        let mapping = Mapping::begin(Arc::clone(&stream), Arc::clone(&workers));
        let queue_mapping = QueueMapping::begin(Arc::clone(&queue), workers);
        let engine = Engine::new(parts);
        let world =
            Self { surroundings, table, bus, losses, stream, mapping, queue, queue_mapping, scatter, sweeper, engine };
        world.watch();
        if sweeps {
            let ticking = world.clone();
            tokio::spawn(async move { ticking.tick().await });
        }
        world
    }

    /// An engine of an operator, outside Lambda.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The time since the beginning.
    #[must_use]
    pub fn elapsed(&self) -> TimeDelta {
        self.surroundings.clock.elapsed()
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.surroundings.clock.now()
    }

    /// What was used so far.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.surroundings.meter.lock().clone()
    }

    /// Looks at what was used so far, without a copy.
    pub fn look<T>(&self, look: impl FnOnce(&Usage) -> T) -> T {
        look(&self.surroundings.meter.lock())
    }

    /// Measures the longest time without an outcome from now on.
    pub fn restart_progress(&self) {
        let now = self.elapsed();
        let mut usage = self.surroundings.meter.lock();
        (usage.last_outcome, usage.longest_gap) = (now, TimeDelta::zero());
    }

    /// Invokes scatter asynchronously, as a schedule does: Lambda tries three times.
    pub fn request(&self, event: ScatterEvent) {
        let world = self.clone();
        tokio::spawn(async move {
            let request_id = world.surroundings.chance.nonce();
            let waits = world.surroundings.parameters.lambda.asynchronous_waits;
            for wait in waits.map(Some).into_iter().chain([None]) {
                if world.invoke_scatter(&event, &request_id).await {
                    return;
                }
                tokio::time::sleep(wait.unwrap_or_default()).await;
            }
            world.surroundings.meter.lock().failed_requests += 1;
        });
    }

    /// One invocation of scatter. Whether it succeeded; a throttled one waits in Lambda's queue.
    async fn invoke_scatter(&self, event: &ScatterEvent, request_id: &str) -> bool {
        loop {
            let handler = |turn: Turn<Engine>| async move {
                Box::pin(turn.state.scatter(event.clone(), request_id, turn.deadline)).await
            };
            match self.scatter.invoke(handler).await {
                Ok(Ok(_)) => return true,
                Ok(Err(error)) => {
                    tracing::debug!(%error, "scatter failed");
                    self.scatter.count_error();
                    return false;
                }
                Err(InvocationError::TimedOut) => return false,
                Err(InvocationError::Throttled) => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        }
    }

    /// Lets time pass.
    pub async fn pass(&self, time: TimeDelta) {
        tokio::time::sleep(time.to_std().unwrap_or_default()).await;
    }

    /// The execution with that key, as soon as it is open.
    pub async fn opened(&self, job: &JobName, key: &ExecutionKey) -> ExecutionId {
        let key = RowKey::Key(job.clone(), key.clone());
        loop {
            if let Some(row) = self.table.rows().lock().keys.get(&key) {
                return row.execution_id;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The row of an execution, without a request.
    #[must_use]
    pub fn execution(&self, execution_id: ExecutionId) -> Option<ExecutionRow> {
        self.table.rows().lock().executions.get(&execution_id).cloned()
    }

    /// Waits for a completion, at most so long. `None` if it did not come.
    pub async fn completed(
        &self,
        execution_id: ExecutionId,
        generation: u32,
        at_most: TimeDelta,
    ) -> Option<Published<control_table::message::CompletionEvent>> {
        let at_most = at_most.to_std().unwrap_or_default();
        tokio::time::timeout(at_most, self.bus.completed(execution_id, generation)).await.ok()
    }

    /// Waits until something holds, at most so long; asks once a second. Whether it holds.
    pub async fn until(&self, at_most: TimeDelta, mut holds: impl FnMut(&Self) -> bool) -> bool {
        let end = self.elapsed() + at_most;
        while self.elapsed() < end {
            if holds(self) {
                return true;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        holds(self)
    }

    async fn tick(&self) {
        loop {
            tokio::time::sleep(TICK).await;
            let world = self.clone();
            tokio::spawn(async move { world.sweep().await });
        }
    }

    async fn sweep(&self) {
        let handler = |turn: Turn<Engine>| async move { Box::pin(turn.state.sweep(turn.deadline)).await };
        if let Ok(Err(error)) = self.sweeper.invoke(handler).await {
            tracing::debug!(%error, "the sweep failed");
            self.sweeper.count_error();
        }
    }

    /// Notes how far records were read.
    fn watch(&self) {
        let world = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK).await;
                match world.surroundings.parameters.transport {
                    Transport::Kinesis => world.stream.note_positions(),
                    Transport::Sqs => world.queue.note_positions(),
                }
            }
        });
    }
}

/// The stream as the template tells the functions of it.
fn stream_settings(stream: &parameters::StreamSettings) -> StreamSettings {
    StreamSettings {
        retention: TimeDelta::from_std(stream.retention).unwrap_or(StreamSettings::UNKNOWN.retention),
        lanes: u32::try_from(stream.lanes).unwrap_or(u32::MAX),
        batch_size: u32::try_from(stream.batch_size).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use control_table::limits::PROBES_PER_SHARD;
    use control_table::policy::Policy;
    use control_table::rows::ExecutionStatus;

    use super::*;
    use crate::clock;
    use crate::event::of_segments;
    use crate::parameters::Transport;

    const SEGMENTS: u64 = 300;

    /// Runs an execution to its end, and for a minute more.
    fn run(change: impl FnOnce(&mut Setup)) -> (Usage, Option<ExecutionStatus>) {
        let mut setup = Setup::new(7, WorkPlan::of(Duration::from_secs(2)));
        change(&mut setup);
        clock::run(|| async {
            let world = World::begin(setup);
            let event = of_segments("a-run", SEGMENTS, Policy::default()).unwrap();
            let (job, key) = (event.job.clone(), event.key_or("a-run").unwrap());
            world.request(event);
            let id = world.opened(&job, &key).await;
            let completed = world.completed(id, 1, TimeDelta::hours(1)).await;
            world.pass(TimeDelta::minutes(1)).await;
            (world.usage(), completed.map(|published| published.event.status))
        })
        .unwrap()
    }

    #[test]
    fn a_healthy_execution_costs_what_the_cost_tests_count_at_the_sdk() {
        let (usage, status) = run(|_| {});
        assert_eq!(status, Some(ExecutionStatus::Succeeded));
        assert_eq!((usage.outcomes, usage.puts, usage.most_puts(), usage.events), (SEGMENTS, SEGMENTS, 1, 1));
        let units = usage.write_units as f64 / SEGMENTS as f64;
        // With the names of the counters, which each of the ten workers registers.
        assert!((4.05..4.4).contains(&units), "{units} write units a segment");
        // And one round of probes.
        assert_eq!(usage.function("worker").invocations, SEGMENTS + u64::from(PROBES_PER_SHARD));
        assert!(usage.function("worker").most_at_once <= 10, "{usage:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_usage_and_another_one_another() {
        let (one, two) = (run(|_| {}).0, run(|_| {}).0);
        assert_eq!(one, two);
        assert_ne!(one, run(|setup| setup.seed = 8).0);
    }

    #[test]
    fn the_queue_carries_an_execution_as_the_stream_does() {
        let (usage, status) = run(|setup| setup.parameters.transport = Transport::Sqs);
        assert_eq!(status, Some(ExecutionStatus::Succeeded));
        let requests = usage.queue_requests as f64 / SEGMENTS as f64;
        assert!((2.1..2.5).contains(&requests), "{requests} requests a segment, with those of an idle queue");
    }

    #[test]
    fn a_segment_that_fails_once_is_tried_again_by_the_sweeper() {
        let (usage, status) = run(|setup| setup.work.failures = 100_000);
        assert_eq!(status, Some(ExecutionStatus::Succeeded));
        assert!(usage.puts > SEGMENTS && usage.most_puts() == 2, "{} puts", usage.puts);
        let (_, without) = run(|setup| (setup.work.failures, setup.sweeps) = (100_000, false));
        assert_eq!(without, None, "without a sweeper it never ends");
    }

    #[test]
    fn nothing_runs_without_concurrency() {
        let (usage, status) = run(|setup| setup.parameters.lambda.worker.reserved = Some(0));
        assert_eq!((status, usage.outcomes), (None, 0));
        assert!(usage.function("worker").throttles > 0);
    }
}
