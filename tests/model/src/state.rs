//! The state of the model: the table, the processes at work, and what is on its way between them.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use control_table::clock::Timestamp;
use control_table::id::{ExecutionId, GroupId, SegmentId};
use control_table::operation::{Tally, Unfold};
use control_table::rows::{ExecutionRow, ExecutionStatus, SegmentRow, SegmentStatus, TallyRow};
use control_table::store::memory::MemoryTable;

use crate::config::Faults;

/// The clock does not move: what is due is due in every state, and a lease ends by an action of its own.
pub const NOW: Timestamp = Timestamp::from_millis(1_000);
/// The end of every lease that has not run out.
pub const LATER: Timestamp = Timestamp::from_millis(2_000);

/// The one execution.
#[must_use]
pub fn execution_id() -> ExecutionId {
    ExecutionId::new(uuid::Uuid::from_u128(1))
}

/// A segment by its group and its offset in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The group.
    pub group: u8,
    /// The offset.
    pub offset: u8,
}

impl Place {
    /// The place of a row.
    #[must_use]
    pub fn of(row: &SegmentRow) -> Self {
        Self { group: number(row.group), offset: row.offset }
    }

    /// The segment's ID.
    #[must_use]
    pub fn id(self) -> SegmentId {
        group_id(self.group).segment(self.offset)
    }
}

/// The ID of a group.
#[must_use]
pub fn group_id(group: u8) -> GroupId {
    execution_id().group(u64::from(group))
}

/// The number of a group; models have few.
#[must_use]
pub fn number(group: GroupId) -> u8 {
    u8::try_from(group.group).unwrap_or(u8::MAX)
}

/// A record on the stream, or in the hands of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Record {
    /// Its segment.
    pub place: Place,
    /// The generation it was put in.
    pub generation: u32,
    /// Tells it from other records of the segment, as an event ID does.
    pub id: u8,
    /// How often an invocation that had it died: the next one has another nonce.
    pub delivery: u8,
}

/// A value of the control table that a process holds; hashed by the fields that matter.
#[derive(Debug, Clone, PartialEq)]
pub struct Held<T>(pub Arc<T>);

impl<T> Held<T> {
    /// Holds it.
    pub fn new(held: T) -> Self {
        Self(Arc::new(held))
    }
}

impl<T: PartialEq> Eq for Held<T> {}

impl Hash for Held<Tally> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0.group.group, self.0.generation).hash(state);
        for counted in &self.0.outcomes {
            (counted.offset, counted.outcome, counted.attempts, counted.counts.item_count).hash(state);
        }
    }
}

impl Hash for Held<TallyRow> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_tally(&self.0, state);
    }
}

impl Hash for Held<Unfold> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.generation.hash(state);
        for group in &self.0.groups {
            hash_tally(&group.tally, state);
            (group.attempts, group.counts.item_count, group.counts.duration_ms).hash(state);
            for offset in &group.offsets {
                offset.hash(state);
            }
        }
    }
}

/// How an attempt ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// With success.
    Success,
    /// With a failure for good.
    Failure,
    /// With a failure that is tried again.
    Retry,
}

/// A scatter: for each group rows, commit, records; at the end the seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scatter {
    /// There is none, or it is done, or dead.
    Off,
    /// About to add the rows of the group.
    Rows(u8),
    /// About to commit it.
    Commit(u8),
    /// About to put its records.
    Records(u8),
    /// About to seal.
    Seal,
}

/// What a worker knows of the claim it works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Claimed {
    /// The record that made it claim.
    pub record: Record,
    /// The attempt: its fencing token.
    pub attempt: u32,
    /// Its claim has ended, whether the worker knows it or not: no other worker has to wait for it.
    pub over: bool,
    /// Another process changed the row since.
    pub fenced: bool,
}

/// A worker, which has one record at a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Worker {
    /// Waiting for a record.
    Idle,
    /// Its claim was not answered.
    Claiming(Record),
    /// Doing the user's work.
    Working(Claimed),
    /// About to record how it ended.
    Finishing(Claimed, End),
    /// About to count what is recorded.
    Tallying(Record, Held<Tally>),
}

impl Worker {
    /// The record it has.
    #[must_use]
    pub const fn record(&self) -> Option<Record> {
        match self {
            Self::Idle => None,
            Self::Claiming(record) | Self::Tallying(record, _) => Some(*record),
            Self::Working(claimed) | Self::Finishing(claimed, _) => Some(claimed.record),
        }
    }

    /// The claim it works on.
    pub const fn claimed_mut(&mut self) -> Option<&mut Claimed> {
        match self {
            Self::Working(claimed) | Self::Finishing(claimed, _) => Some(claimed),
            Self::Idle | Self::Claiming(_) | Self::Tallying(..) => None,
        }
    }

    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// What the stream has for the gather.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StreamImage {
    /// A tally, as it was.
    Tally(Held<TallyRow>),
    /// The execution, sealed.
    Execution,
}

/// The gather, or the sweeper in its stead.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Gather {
    /// Waiting.
    Idle,
    /// About to complete the execution in that generation.
    Finalizing(u32),
    /// About to publish.
    Publishing(Event),
    /// About to mark that generation as published.
    Marking(u32),
}

/// The process that cancels.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Canceller {
    /// There is none.
    Off,
    /// The first write was not answered.
    Beginning(u32),
    /// About to cancel a row; the outcomes of the group so far.
    Row {
        /// The generation that is stopped.
        generation: u32,
        /// The row.
        place: Place,
        /// What is to be counted at the end of the group.
        outcomes: Vec<Held<Tally>>,
    },
    /// About to count the outcomes of a group.
    Count {
        /// The generation that is stopped.
        generation: u32,
        /// The group.
        group: u8,
        /// What is left to be counted.
        outcomes: Vec<Held<Tally>>,
    },
}

/// The process that redrives.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Redriver {
    /// There is none.
    Off,
    /// The first write, for that generation, was not answered.
    Beginning(u32),
    /// About to un-fold a group.
    Unfold(Held<Unfold>),
    /// About to requeue the segments of a group at `left`; those before are requeued.
    Rows {
        /// What the group was un-folded with.
        unfold: Held<Unfold>,
        /// Offsets still to be requeued.
        left: Vec<u8>,
    },
    /// About to put records of a group.
    Records(Held<Unfold>),
    /// About to end it.
    End(u32),
}

/// What a completion says, and what its event carries.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Event {
    /// The generation.
    pub generation: u32,
    /// How it ended.
    pub status: ExecutionStatus,
    /// Segments, and of them succeeded, failed, cancelled; attempts.
    pub numbers: [u64; 5],
    /// Items that the segments counted.
    pub items: i64,
}

impl Event {
    /// The event of a row.
    #[must_use]
    pub fn of(row: &ExecutionRow) -> Self {
        Self {
            generation: row.generation,
            status: row.status,
            numbers: [row.segments, row.succeeded, row.failed, row.cancelled, row.attempts],
            items: row.counts.item_count,
        }
    }
}

/// A breach that shows in a step, and not in the state after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Breach {
    /// An outcome changed within its generation, or one that succeeded at all.
    OutcomeSetBack,
    /// A terminal execution changed within its generation.
    CompletionChanged,
    /// A generation completed twice.
    CompletedTwice,
    /// A generation completed before the seal, or before its last segment.
    CompletedEarly,
    /// A generation completed with counts that are not those of its rows.
    Miscounted,
    /// A generation began before the event of the last one was published.
    BegunBeforeEvent,
    /// A worker whose claim had ended changed a row.
    NotFenced,
    /// A worker took a segment from one whose lease had not run out.
    LeaseBroken,
    /// An operation met what only a damaged table has.
    Damaged,
}

/// The table, the processes, and what is on its way between them.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The control table.
    pub table: Arc<MemoryTable>,
    /// Scatters: the one that was asked for, and a second or one that the sweeper started.
    pub scatters: [Scatter; 2],
    /// Workers.
    pub workers: [Worker; 2],
    /// Records on the stream, sorted.
    pub records: Vec<Record>,
    /// Images on their way to the gather.
    pub images: Vec<StreamImage>,
    /// The gather, and the sweeper in its stead.
    pub gathers: [Gather; 2],
    /// The user who cancels, and the sweeper in their stead.
    pub cancellers: [Canceller; 2],
    /// The user who redrives, and the sweeper in their stead.
    pub redrivers: [Redriver; 2],
    /// What `complete` returned, in order.
    pub completions: Vec<Event>,
    /// What was published; a repeat is dropped, as a consumer does by the event's ID and content.
    pub published: Vec<Event>,
    /// Faults that may still happen.
    pub faults: Faults,
    /// Redrives that may still be asked for.
    pub redrives: u8,
    /// Cancels that may still be asked for.
    pub cancels: u8,
    /// The first breach.
    pub breach: Option<Breach>,
}

impl State {
    /// The execution.
    ///
    /// # Panics
    /// When it is gone: nothing deletes it.
    #[must_use]
    pub fn execution(&self) -> &ExecutionRow {
        &self.table.executions[&execution_id()]
    }

    /// The tally of a group.
    #[must_use]
    pub fn tally(&self, group: u8) -> Option<&TallyRow> {
        self.table.tallies.get(&group_id(group))
    }

    /// The row of a segment.
    #[must_use]
    pub fn row(&self, place: Place) -> Option<&SegmentRow> {
        self.table.segments.get(&place.id())
    }

    /// The rows of a group.
    pub fn rows(&self, group: u8) -> impl Iterator<Item = &SegmentRow> {
        self.table.segments.values().filter(move |row| number(row.group) == group)
    }

    /// Groups that are committed.
    #[must_use]
    pub fn groups(&self) -> u8 {
        u8::try_from(self.execution().groups).unwrap_or(u8::MAX)
    }

    /// Whether a record of that segment is on the stream or with a worker.
    #[must_use]
    pub fn has_record(&self, place: Place, generation: u32) -> bool {
        let of_it = |record: &Record| record.place == place && record.generation == generation;
        self.records.iter().any(of_it) || self.workers.iter().filter_map(Worker::record).any(|record| of_it(&record))
    }

    /// Puts a record of that segment, with an ID that no other record of it has and that did not claim it.
    pub fn put_record(&mut self, place: Place, generation: u32) {
        let claimed_by = self.row(place).filter(|row| row.status == SegmentStatus::Running);
        let claimed_by = claimed_by.and_then(|row| row.claimed_by.clone());
        let taken = |id: &u8| {
            claimed_by.as_deref() == Some(&record_name(*id))
                || self.records.iter().any(|record| record.place == place && record.id == *id)
                || self
                    .workers
                    .iter()
                    .filter_map(Worker::record)
                    .any(|record| record.place == place && record.id == *id)
        };
        let id = (0..u8::MAX).find(|id| !taken(id)).unwrap_or(u8::MAX);
        self.put(Record { place, generation, id, delivery: 0 });
    }

    /// Sends an image to the gather, if it is not on its way already.
    pub fn send(&mut self, image: StreamImage) {
        if !self.images.contains(&image) {
            self.images.push(image);
        }
    }

    /// Puts a record on the stream.
    pub fn put(&mut self, record: Record) {
        self.records.push(record);
        self.records.sort_unstable();
    }
}

/// A record's event ID, as the table has it.
#[must_use]
pub fn record_name(id: u8) -> String {
    format!("r{id}")
}

/// States are the same if they differ only in what has no consequence: which of the two workers is which, and which worker had a
/// row before.
impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.table.executions.values().for_each(|row| hash_execution(row, state));
        self.table.tallies.values().for_each(|row| hash_tally(row, state));
        self.table.segments.values().for_each(|row| hash_segment(row, state));
        self.scatters.hash(state);
        let [one, other] = &self.workers;
        let (one, other) = (one.fingerprint(), other.fingerprint());
        (one.min(other), one.max(other)).hash(state);
        self.records.hash(state);
        // Images are a set: the stream may deliver them in any order.
        let images = self.images.iter().map(|image| {
            let mut hasher = DefaultHasher::new();
            image.hash(&mut hasher);
            hasher.finish()
        });
        images.fold(0_u64, u64::wrapping_add).hash(state);
        self.gathers.hash(state);
        self.cancellers.hash(state);
        self.redrivers.hash(state);
        self.completions.hash(state);
        self.published.hash(state);
        (self.faults, self.redrives, self.cancels, self.breach).hash(state);
    }
}

fn hash_execution<H: Hasher>(row: &ExecutionRow, state: &mut H) {
    (row.status, row.generation, row.groups, row.groups_done, row.segments).hash(state);
    (row.succeeded, row.failed, row.cancelled, row.attempts).hash(state);
    (row.counts.item_count, row.counts.duration_ms, row.published_generation).hash(state);
    (row.sealed_at.is_some(), row.finished_at.is_some(), row.redrive.is_some(), row.stopped).hash(state);
}

fn hash_tally<H: Hasher>(row: &TallyRow, state: &mut H) {
    (row.group.group, row.generation, row.size, row.pending, row.folded).hash(state);
    (&row.succeeded, &row.failed, &row.cancelled).hash(state);
    (row.attempts, row.counts.item_count, row.counts.duration_ms).hash(state);
}

fn hash_segment<H: Hasher>(row: &SegmentRow, state: &mut H) {
    (row.group.group, row.offset, row.status, row.generation, row.attempt).hash(state);
    (row.retry_at.is_some(), row.counts.item_count, row.counts.duration_ms).hash(state);
    if row.status == SegmentStatus::Running {
        (&row.claimed_by, &row.claim_id, row.lease_until).hash(state);
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.group, self.offset)
    }
}
