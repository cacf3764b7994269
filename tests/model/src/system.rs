//! The model: which actions are possible in a state, and the state after each.

use std::sync::Arc;

use control_table::operation::Open;
use control_table::policy::Policy;
use control_table::store::memory::MemoryTable;
use serde_json::Value;
use stateright::{Model, Property};

use crate::config::{Config, Mutation, Nature};
use crate::coverage::{Coverage, Situation};
use crate::state::{
    Canceller, End, Gather, LATER, NOW, Place, Record, Redriver, Scatter, State, StreamImage, Worker, execution_id,
};

/// A step of a process, or a fault.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// A process makes its next write.
    Step {
        /// Which one.
        process: Process,
        /// Its answer is lost, and it will send the write again.
        lost: bool,
    },
    /// A worker is given a record.
    Deliver {
        /// The worker.
        worker: usize,
        /// The record.
        record: Record,
        /// The answer to its claim is lost.
        lost: bool,
    },
    /// The user's work ends, and its end is recorded.
    EndWork {
        /// The worker.
        worker: usize,
        /// How it ends.
        end: End,
        /// The answer to the write is lost.
        lost: bool,
    },
    /// The stream shows the gather the image at that place.
    Show {
        /// The image.
        image: usize,
        /// The stream will show it once more.
        again: bool,
    },
    /// The sweeper acts.
    Sweep(Sweep),
    /// An operator redrives.
    Redrive {
        /// The answer to the first write is lost.
        lost: bool,
    },
    /// An operator cancels.
    Cancel {
        /// The answer to the first write is lost.
        lost: bool,
    },
    /// A process dies.
    Crash(Process),
    /// A record is never seen.
    LoseRecord(usize),
    /// An image is never seen.
    LoseImage(usize),
    /// A record comes twice.
    Repeat(usize),
    /// A lease runs out.
    LeaseEnds {
        /// The segment.
        place: Place,
        /// Although its worker lives.
        early: bool,
    },
}

/// A process, by its kind and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// A scatter.
    Scatter(usize),
    /// A worker.
    Worker(usize),
    /// The gather, or the sweeper in its stead.
    Gather(usize),
    /// A cancel.
    Canceller(usize),
    /// A redrive.
    Redriver(usize),
}

/// What the sweeper does. It reads and writes in one step: a late write of the sweeper is the same as one of a late worker
/// or gather.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// Resumes a scatter.
    Scatter,
    /// Resumes a cancel.
    Cancel,
    /// Resumes a redrive.
    Redrive {
        /// Although the process that redrives is alive.
        early: bool,
    },
    /// Folds, completes or publishes.
    Finalize {
        /// Although the gather works on it.
        early: bool,
    },
    /// Puts a record again.
    Put(Place),
    /// Fails a segment whose attempts are used up.
    Fail(Place),
    /// Counts a finished row.
    Count(Place),
}

/// A model of one configuration.
#[derive(Debug)]
pub struct System {
    /// The configuration.
    pub config: Config,
    /// The situations that its exploration met.
    pub coverage: Arc<Coverage>,
}

impl System {
    /// The model of that configuration.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, coverage: Arc::default() }
    }

    pub(super) fn is(&self, mutation: Mutation) -> bool {
        self.config.mutation == Some(mutation)
    }

    pub(super) fn cover(&self, situation: Situation) {
        self.coverage.add(situation);
    }

    pub(super) fn groups(&self) -> u8 {
        u8::try_from(self.config.groups.len()).unwrap_or(u8::MAX)
    }

    pub(super) fn size(&self, group: u8) -> usize {
        self.config.groups[usize::from(group)].len()
    }

    pub(super) fn nature(&self, place: Place) -> Nature {
        self.config.groups[usize::from(place.group)][usize::from(place.offset)]
    }

    /// Every segment that is planned, in order.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> {
        (0..self.groups()).flat_map(|group| {
            (0..u8::try_from(self.size(group)).unwrap_or(u8::MAX)).map(move |offset| Place { group, offset })
        })
    }

    fn first_state(&self) -> State {
        let mut table = MemoryTable::default();
        let open = Open {
            execution_id: execution_id(),
            job: "j".parse().unwrap(),
            key: "k".parse().unwrap(),
            tags: control_table::tags::Tags::default(),
            policy: Policy { max_attempts: self.config.max_attempts, ..Policy::default() },
            expected: None,
            kind: control_table::rows::PlanKind::Planned,
            asked: String::new(),
            source: Value::Null,
            parameters: Value::Null,
            trace: None,
            now: NOW,
            due_at: LATER,
        };
        table.execute(&open);
        // No property and no step reads either again.
        table.keys.clear();
        table.plans.clear();
        let mut state = State {
            table: Arc::new(table),
            scatters: [Scatter::Off; 2],
            workers: [Worker::Idle, Worker::Idle],
            records: Vec::new(),
            images: Vec::new(),
            gathers: [Gather::Idle, Gather::Idle],
            cancellers: [Canceller::Off, Canceller::Off],
            redrivers: [Redriver::Off, Redriver::Off],
            completions: Vec::new(),
            published: Vec::new(),
            faults: self.config.faults,
            redrives: self.config.redrives,
            cancels: self.config.cancels,
            breach: None,
        };
        for who in 0..self.config.scatters {
            state.scatters[who] = self.first_step(0);
        }
        if self.config.scatters == 0 {
            state.scatters[0] = self.first_step(0);
            while state.scatters[0] != Scatter::Off {
                self.step_scatter(&mut state, 0, false);
            }
            // Nothing is complete: the gather would look at the execution and find it open.
            state.images.clear();
        }
        state
    }

    /// The actions that need neither a fault nor an operator.
    pub(super) fn progress(&self, state: &State, actions: &mut Vec<Action>) {
        for process in Self::processes(state) {
            match process {
                Process::Worker(worker) => {
                    if let Worker::Working(claimed) = &state.workers[worker] {
                        let ends = self.ends(claimed).iter();
                        actions.extend(ends.map(|&end| Action::EndWork { worker, end, lost: false }));
                        continue;
                    }
                }
                Process::Scatter(_) | Process::Gather(_) | Process::Canceller(_) | Process::Redriver(_) => {}
            }
            actions.push(Action::Step { process, lost: false });
        }
        if let Some(worker) = self.idle_worker(state) {
            let records = state.records.iter();
            actions.extend(records.map(|&record| Action::Deliver { worker, record, lost: false }));
        }
        if state.gathers[0] == Gather::Idle {
            actions.extend((0..state.images.len()).map(|image| Action::Show { image, again: false }));
        }
        self.sweeps(state, actions);
    }

    /// A worker without a record; the two are alike, so the first is as good as the other.
    fn idle_worker(&self, state: &State) -> Option<usize> {
        state.workers.iter().take(self.config.workers).position(|worker| *worker == Worker::Idle)
    }

    fn processes(state: &State) -> impl Iterator<Item = Process> {
        (0..2).flat_map(move |who| {
            [
                (state.scatters[who] != Scatter::Off).then_some(Process::Scatter(who)),
                (state.workers[who] != Worker::Idle).then_some(Process::Worker(who)),
                (state.gathers[who] != Gather::Idle).then_some(Process::Gather(who)),
                (state.cancellers[who] != Canceller::Off).then_some(Process::Canceller(who)),
                (state.redrivers[who] != Redriver::Off).then_some(Process::Redriver(who)),
            ]
            .into_iter()
            .flatten()
        })
    }

    fn operators(state: &State, actions: &mut Vec<Action>, lost: bool) {
        let row = state.execution();
        let complete = row.sealed_at.is_some() && row.status.is_terminal();
        if state.redrives > 0 && state.redrivers[0] == Redriver::Off && complete {
            actions.push(Action::Redrive { lost });
        }
        if state.cancels > 0 && state.cancellers[0] == Canceller::Off && !row.status.is_terminal() {
            actions.push(Action::Cancel { lost });
        }
    }

    fn faults(&self, state: &State, actions: &mut Vec<Action>) {
        let left = state.faults;
        if left.crashes > 0 {
            actions.extend(Self::processes(state).map(Action::Crash));
        }
        if left.lost_answers > 0 {
            let mut steps = Vec::new();
            self.progress(state, &mut steps);
            actions.extend(steps.into_iter().filter_map(Action::unanswered));
            Self::operators(state, actions, true);
        }
        if left.losses > 0 {
            actions.extend((0..state.records.len()).map(Action::LoseRecord));
            actions.extend((0..state.images.len()).map(Action::LoseImage));
        }
        if left.duplicates > 0 {
            actions.extend((0..state.records.len()).map(Action::Repeat));
            if state.gathers[0] == Gather::Idle {
                actions.extend((0..state.images.len()).map(|image| Action::Show { image, again: true }));
            }
        }
        if left.short_leases > 0 {
            let leased = state.table.segments.values().filter(|row| row.lease_until == Some(LATER));
            actions.extend(leased.map(|row| Action::LeaseEnds { place: Place::of(row), early: true }));
        }
        self.early_sweeps(state, actions);
    }
}

impl Action {
    /// The same write, without an answer; `None` where that makes no difference to its sender.
    fn unanswered(self) -> Option<Self> {
        match self {
            Self::Step { process, .. } => Some(Self::Step { process, lost: true }),
            Self::Deliver { worker, record, .. } => Some(Self::Deliver { worker, record, lost: true }),
            Self::EndWork { worker, end, .. } => Some(Self::EndWork { worker, end, lost: true }),
            _ => None,
        }
    }
}

impl Model for System {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.first_state()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // A breach is reported; nothing after it is explored.
        if state.breach.is_some() {
            return;
        }
        self.progress(state, actions);
        Self::operators(state, actions, false);
        self.faults(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        let state = &mut next;
        match action {
            Action::Step { process, lost } => {
                state.faults.lost_answers -= u8::from(lost);
                self.step(state, process, lost);
            }
            Action::Deliver { worker, record, lost } => {
                state.faults.lost_answers -= u8::from(lost);
                state.records.retain(|other| *other != record);
                self.claim_record(state, worker, record, lost);
            }
            Action::EndWork { worker, end, lost } => {
                state.faults.lost_answers -= u8::from(lost);
                self.end_work(state, worker, end, lost);
            }
            Action::Show { image, again } => {
                let shown = if again { state.images[image].clone() } else { state.images.remove(image) };
                state.faults.duplicates -= u8::from(again);
                self.take_image(state, 0, &shown);
            }
            Action::Sweep(sweep) => self.sweep(state, sweep),
            Action::Redrive { lost } => {
                state.faults.lost_answers -= u8::from(lost);
                state.redrives -= 1;
                let generation = state.execution().generation + 1;
                self.begin_to_redrive(state, 0, generation, lost);
            }
            Action::Cancel { lost } => {
                state.faults.lost_answers -= u8::from(lost);
                state.cancels -= 1;
                let generation = state.execution().generation;
                self.begin_cancel(state, 0, generation, lost);
            }
            Action::Crash(process) => {
                state.faults.crashes -= 1;
                Self::crash(state, process);
            }
            Action::LoseRecord(record) => {
                state.faults.losses -= 1;
                state.records.remove(record);
            }
            Action::LoseImage(image) => {
                state.faults.losses -= 1;
                state.images.remove(image);
            }
            Action::Repeat(record) => {
                state.faults.duplicates -= 1;
                let record = state.records[record];
                state.put_record(record.place, record.generation);
            }
            Action::LeaseEnds { place, early } => {
                state.faults.short_leases -= u8::from(early);
                Self::end_lease(state, place);
            }
        }
        for event in &state.published {
            self.cover(if event.generation == 1 { Situation::FirstPublished } else { Situation::SecondPublished });
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        crate::properties::properties()
    }
}

impl System {
    fn step(&self, state: &mut State, process: Process, lost: bool) {
        match process {
            Process::Scatter(who) => self.step_scatter(state, who, lost),
            Process::Gather(who) => self.step_gather(state, who, lost),
            Process::Canceller(who) => self.step_canceller(state, who, lost),
            Process::Redriver(who) => self.step_redriver(state, who, lost),
            Process::Worker(who) => match state.workers[who] {
                Worker::Claiming(record) => self.claim_record(state, who, record, lost),
                Worker::Finishing(..) => self.finish_work(state, who, lost),
                Worker::Tallying(..) => self.count(state, who, lost),
                Worker::Idle | Worker::Working(_) => {}
            },
        }
    }

    /// A process dies. What the streams gave it, they give again.
    fn crash(state: &mut State, process: Process) {
        match process {
            Process::Scatter(who) => state.scatters[who] = Scatter::Off,
            Process::Canceller(who) => state.cancellers[who] = Canceller::Off,
            Process::Redriver(who) => state.redrivers[who] = Redriver::Off,
            Process::Gather(who) => {
                state.gathers[who] = Gather::Idle;
                if who == 0 {
                    state.send(StreamImage::Execution);
                }
            }
            Process::Worker(who) => {
                let worker = std::mem::replace(&mut state.workers[who], Worker::Idle);
                if let Some(record) = worker.record() {
                    state.put(Record { delivery: record.delivery + 1, ..record });
                }
            }
        }
    }

    fn end_lease(state: &mut State, place: Place) {
        let table = Arc::make_mut(&mut state.table);
        table.segments.entry(place.id()).and_modify(|row| {
            row.lease_until = row.lease_until.map(|_| control_table::clock::Timestamp::EPOCH);
        });
        for worker in &mut state.workers {
            if let Some(claimed) = worker.claimed_mut()
                && claimed.record.place == place
            {
                claimed.over = true;
            }
        }
    }
}
