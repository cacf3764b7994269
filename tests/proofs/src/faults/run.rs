//! The execution of one seed: who is invoked when, which request goes next, and what becomes of it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use control_table::clock::Clock as _;
use control_table::rows::{ExecutionRow, Selection};
use serde_json::Value;

use super::Sabotage;
use super::invocation::{Ended, Kind, Running};
use super::network::Fate;
use super::random::Random;
use super::scenario::Scenario;
use super::services::Record;
use super::trace::Trace;
use super::verdict;
use super::world::World;

/// The runtime's clock stands still while anybody can go on, so after this everybody waits.
const SETTLE: Duration = Duration::from_millis(1);

/// What is let pass when everybody backs off.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Steps of a generation; long runs take some thousands.
const STEPS_MAX: u64 = 50_000;

/// Ticks of the sweeper, in a generation, that nothing else was left to do before; long runs take some dozens.
const TICKS_MAX: u32 = 200;

/// Ticks without a sweeper before the execution is given up.
const TICKS_WITHOUT_SWEEPER: u32 = 20;

/// Redrives that may be killed before they have begun.
const REDRIVE_TRIES: u32 = 40;

/// Records of the table's stream in one invocation of the gather, at most.
const GATHER_BATCH: u64 = 20;

/// What an execution came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that were sent.
    pub requests: u64,
    /// Requests that went wrong, records that were lost or repeated.
    pub faults: u64,
    /// Invocations that were killed.
    pub kills: u64,
    /// Generations that completed.
    pub generations: u64,
}

/// An execution under way.
pub(super) struct Run {
    pub scenario: Scenario,
    pub world: World,
    pub trace: Trace,
    pub counts: Counts,
    sabotage: Sabotage,
    random: Random,
    running: BTreeMap<u64, Running>,
    next: u64,
    scatters: usize,
    records: Vec<Record>,
    /// Every record that was put, to be delivered once more at the end.
    old: Vec<Record>,
    heard: VecDeque<Value>,
    faults_left: u32,
    cancel_at: Option<u64>,
}

impl Run {
    pub async fn new(seed: u64, sabotage: Sabotage, keeps_lines: bool) -> Self {
        let scenario = Scenario::of(seed);
        let world = World::new(&scenario).await;
        if sabotage == Sabotage::CountsTwice {
            world.count_twice();
        }
        let mut trace = Trace::new(keeps_lines);
        trace.note(format!("{scenario:?}"));
        Self {
            scatters: scenario.scatters,
            faults_left: scenario.faults,
            cancel_at: scenario.cancel_at,
            random: Random::from_seed(seed),
            counts: Counts::default(),
            running: BTreeMap::new(),
            next: 0,
            records: Vec::new(),
            old: Vec::new(),
            heard: VecDeque::new(),
            sabotage,
            scenario,
            world,
            trace,
        }
    }

    /// From the scatter to the last completion, and whether everything holds then.
    pub async fn go(&mut self) -> Result<(), String> {
        let mut row = self.until_complete(1).await?;
        verdict::check(&self.world, &row).await?;
        for _ in 0..self.scenario.redrives {
            if row.failed + row.cancelled == 0 || row.sealed_at.is_none() {
                break;
            }
            row = self.redriven(&row).await?;
            verdict::check(&self.world, &row).await?;
        }
        self.once_more(&row).await
    }

    /// Until nothing is left to do and the execution is complete in that generation.
    async fn until_complete(&mut self, generation: u32) -> Result<ExecutionRow, String> {
        let mut ticks = 0;
        for _ in 0..STEPS_MAX {
            if self.step().await? {
                continue;
            }
            let row = self.execution().await;
            match row {
                // Its caller asks again.
                None => self.scatters = 1,
                Some(row) if row.generation == generation && row.status.is_terminal() && !row.is_unpublished() => {
                    self.counts.generations += 1;
                    return Ok(row);
                }
                Some(row) => {
                    ticks += 1;
                    let limit = if self.sabotage == Sabotage::LosesARecord { TICKS_WITHOUT_SWEEPER } else { TICKS_MAX };
                    if ticks > limit {
                        return Err(format!("it does not complete: {row:?}"));
                    }
                    self.tick();
                }
            }
        }
        Err(format!("it is still busy after {STEPS_MAX} steps: {:?}", self.execution().await))
    }

    /// Time passes, and the sweeper looks.
    fn tick(&mut self) {
        self.world.advance(self.random.between(20_000, 120_000));
        if self.sabotage != Sabotage::LosesARecord {
            self.invoke(Kind::Sweep);
        }
    }

    async fn execution(&self) -> Option<ExecutionRow> {
        let id = self.world.execution_id().await?;
        self.world.table.execution(id).await.unwrap()
    }

    /// An operator redrives what failed, and repeats the call until the redrive has begun.
    async fn redriven(&mut self, row: &ExecutionRow) -> Result<ExecutionRow, String> {
        let generation = row.generation + 1;
        let only_failed = row.failed > 0 && self.random.percent(40);
        let selection = Selection { failed: true, cancelled: !only_failed, only: None };
        self.faults_left += u32::try_from(self.random.between(0, 10)).unwrap();
        self.cancel_at = self.random.percent(25).then(|| self.counts.requests + self.random.between(1, 60));
        for _ in 0..REDRIVE_TRIES {
            self.invoke(Kind::Redrive(row.execution_id, selection.clone()));
            while self.step().await? {}
            let is_begun = self.execution().await.is_some_and(|row| row.generation == generation);
            if is_begun {
                return self.until_complete(generation).await;
            }
        }
        Err(format!("it cannot be redriven: {:?}", self.execution().await))
    }

    /// What was delivered is delivered once more, and changes nothing.
    async fn once_more(&mut self, row: &ExecutionRow) -> Result<(), String> {
        self.faults_left = 0;
        self.cancel_at = None;
        self.scatters = 1;
        for _ in 0..10.min(self.old.len()) {
            let record = self.random.take(&mut self.old);
            self.records.extend(record);
        }
        self.invoke(Kind::Sweep);
        while self.step().await? {}
        let after = self.execution().await;
        // A slot that was not freed before the last group was folded may be freed late; nothing reads it any more.
        let is_same = |after: &ExecutionRow| ExecutionRow { in_flight: row.in_flight.clone(), ..after.clone() } == *row;
        if after.as_ref().is_some_and(is_same) {
            return verdict::check(&self.world, row).await;
        }
        Err(format!("what came once more changed {row:?} to {after:?}"))
    }

    /// One thing happens. False if there is nothing left that could.
    async fn step(&mut self) -> Result<bool, String> {
        tokio::time::sleep(SETTLE).await; // sleeps because the runtime's clock only moves when everybody waits
        self.collect().await?;
        self.absorb();
        self.world.advance(self.random.between(0, 40));
        if self.random.per_mille(5) && self.spend() {
            self.jump();
            return Ok(true);
        }
        let waiting = self.world.network.waiting();
        if !waiting.is_empty() && !self.random.percent(20) {
            self.grant(&waiting);
            return Ok(true);
        }
        if self.start().await {
            return Ok(true);
        }
        if !waiting.is_empty() {
            self.grant(&waiting);
            return Ok(true);
        }
        if self.running.is_empty() {
            return Ok(false);
        }
        tokio::time::sleep(BACK_OFF).await; // sleeps because the invocations that are left back off; it is the runtime's time, not ours
        Ok(true)
    }

    /// Whether one more fault is left, which is used up then.
    fn spend(&mut self) -> bool {
        let is_left = self.faults_left > 0;
        if is_left {
            self.faults_left -= 1;
            self.counts.faults += 1;
        }
        is_left
    }

    fn invoke(&mut self, kind: Kind) {
        self.next += 1;
        self.trace.note(format!("{}: {} begins", self.next, kind.name()));
        let running = Running::start(self.next, kind, &self.world, &self.scenario);
        self.running.insert(self.next, running);
    }

    /// Starts something, if there is anything to start.
    async fn start(&mut self) -> bool {
        self.world.news(&mut self.heard).await;
        let running = |name| self.running.values().filter(|running| running.kind.name() == name).count();
        let mut options = Vec::new();
        if self.scatters > 0 {
            options.push("scatter");
        }
        if !self.records.is_empty() && running("worker") < self.scenario.workers {
            options.push("worker");
        }
        if !self.heard.is_empty() && running("gather") < 2 {
            options.push("gather");
        }
        if self.cancel_at.is_some_and(|at| self.counts.requests >= at) {
            options.push("cancel");
        }
        if self.sabotage != Sabotage::LosesARecord && running("sweep") < 2 && self.random.percent(2) && self.spend() {
            options.push("sweep");
        }
        let Some(chosen) = self.random.take(&mut options) else { return false };
        match chosen {
            "scatter" => {
                self.scatters -= 1;
                self.invoke(Kind::Scatter);
            }
            "worker" => {
                let batch = self.records_for_a_worker();
                self.invoke(Kind::Worker(batch));
            }
            "gather" => {
                let batch = self.news_for_the_gather();
                self.invoke(Kind::Gather(batch));
            }
            "cancel" => {
                self.cancel_at = None;
                if let Some(id) = self.world.execution_id().await {
                    self.invoke(Kind::Cancel(id));
                }
            }
            _ => self.invoke(Kind::Sweep),
        }
        true
    }

    /// A batch out of order. Kinesis repeats a record only after its invocation ended, so it is not left behind as well.
    fn records_for_a_worker(&mut self) -> Vec<Record> {
        let size = self.random.between(1, self.scenario.batch as u64);
        (0..size).filter_map(|_| self.random.take(&mut self.records)).collect()
    }

    /// A batch of what the stream showed; out of order, repeated or lost in part while faults last.
    fn news_for_the_gather(&mut self) -> Vec<Value> {
        let size = usize::try_from(self.random.between(1, GATHER_BATCH)).unwrap().min(self.heard.len());
        let mut batch: Vec<Value> = self.heard.drain(..size).collect();
        if self.random.per_mille(self.scenario.fault_rate) && self.spend() {
            match self.random.between(0, 2) {
                0 => {
                    let place = self.random.below(batch.len());
                    let lost = batch.remove(place);
                    self.trace.note(format!("an image is lost: {}", lost["dynamodb"]["Keys"]));
                }
                1 => self.heard.extend(batch.iter().cloned()),
                _ => batch.reverse(),
            }
        }
        batch
    }

    /// What was put on the stream: some of it is lost, some comes twice.
    fn absorb(&mut self) {
        for record in self.world.stream_log.take() {
            self.old.push(record.clone());
            let loses = self.sabotage == Sabotage::LosesARecord && self.old.len() == 1;
            if loses || (self.random.per_mille(self.scenario.fault_rate / 4) && self.spend()) {
                self.trace.note(format!("record {} is lost", record.number));
                continue;
            }
            if self.random.per_mille(self.scenario.fault_rate / 4) && self.spend() {
                let number = self.world.stream_log.next_number();
                self.records.push(Record { number, ..record.clone() });
            }
            self.records.push(record);
        }
    }

    /// Lets one request go.
    fn grant(&mut self, waiting: &[u64]) {
        let request = self.world.network.take(waiting[self.random.below(waiting.len())]);
        self.counts.requests += 1;
        let (invocation, what) = (request.invocation, request.what.clone());
        let goes_wrong = self.random.per_mille(self.scenario.fault_rate) && self.spend();
        let draw = if goes_wrong { self.random.between(0, 99) } else { 100 };
        let fate = match draw {
            0..=24 => Fate::Throttled,
            25..=39 => Fate::Lost,
            40..=64 => Fate::Unheard,
            65..=79 => {
                self.trace.note(format!("{invocation}: killed before {what}"));
                self.kill(invocation);
                return;
            }
            80..=99 => Fate::Mute,
            _ => Fate::Answered,
        };
        self.trace.note(format!("{invocation}: {fate:?} {what}"));
        if let Some(running) = self.running.get_mut(&invocation).filter(|_| fate == Fate::Mute) {
            running.is_dying = true;
        }
        request.decide(fate);
    }

    /// Much time passes at once. Lambda ends what is past its deadline; some of it lingers, which must do no harm.
    fn jump(&mut self) {
        self.world.advance(self.random.between(5_000, 400_000));
        let now = self.world.clock.now();
        let late: Vec<u64> =
            self.running.iter().filter(|(_, running)| running.deadline <= now).map(|(number, _)| *number).collect();
        self.trace.note(format!("it is {now}, too late for {late:?}"));
        for number in late {
            if self.random.percent(70) {
                self.kill(number);
            }
        }
    }

    fn kill(&mut self, number: u64) {
        let Some(running) = self.running.remove(&number) else { return };
        running.task.abort();
        self.world.network.hang_up(number);
        self.counts.kills += 1;
        self.trace.note(format!("{number}: {} is dead", running.kind.name()));
        match running.kind {
            Kind::Worker(records) => {
                for record in records {
                    if self.random.percent(30) && self.spend() {
                        self.trace.note(format!("record {} is lost with its worker", record.number));
                    } else {
                        self.records.push(record);
                    }
                }
            }
            Kind::Gather(batch) => self.again(batch),
            Kind::Scatter => self.scatters += usize::from(self.random.percent(50)),
            Kind::Cancel(_) => self.cancel_at = self.random.percent(50).then_some(0),
            Kind::Sweep | Kind::Redrive(..) => {}
        }
    }

    fn again(&mut self, batch: Vec<Value>) {
        for image in batch.into_iter().rev() {
            self.heard.push_front(image);
        }
    }

    /// Buries who is to die, and hears those who are done.
    async fn collect(&mut self) -> Result<(), String> {
        let is_dying = |running: &Running| running.is_dying && !running.task.is_finished();
        let dying: Vec<u64> =
            self.running.iter().filter(|(_, running)| is_dying(running)).map(|(number, _)| *number).collect();
        for number in dying {
            self.kill(number);
        }
        let done: Vec<u64> =
            self.running.iter().filter(|(_, running)| running.task.is_finished()).map(|(number, _)| *number).collect();
        for number in done {
            let Some(running) = self.running.remove(&number) else { continue };
            let ended = running.task.await.map_err(|error| format!("{}: {error}", running.kind.name()))?;
            self.trace.note(format!("{number}: {} ends: {ended}", running.kind.name()));
            self.hear(running.kind, ended)?;
        }
        Ok(())
    }

    fn hear(&mut self, kind: Kind, ended: Ended) -> Result<(), String> {
        match (kind, ended) {
            (kind, Ended::Defect(reason)) => return Err(format!("{}: {reason}", kind.name())),
            (Kind::Worker(records), Ended::Again(numbers)) => {
                let again = records.into_iter().filter(|record| numbers.contains(&record.number.to_string()));
                self.records.extend(again);
            }
            (Kind::Gather(batch), Ended::Again(numbers)) => {
                let is_failed = |image: &Value| {
                    image["dynamodb"]["SequenceNumber"]
                        .as_str()
                        .is_some_and(|number| numbers.iter().any(|n| n == number))
                };
                if let Some(first) = batch.iter().position(is_failed) {
                    self.again(batch[first..].to_vec());
                }
            }
            (Kind::Scatter, Ended::Failed(_)) => self.scatters += usize::from(self.random.percent(50)),
            (Kind::Cancel(_), Ended::Failed(_)) => self.cancel_at = self.random.percent(50).then_some(0),
            _ => {}
        }
        Ok(())
    }
}
