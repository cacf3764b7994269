//! An execution made by hand, in any state, and what workers do to it.

use std::sync::Arc;

use chrono::TimeDelta;
use control_table::ControlTable;
use control_table::clock::Clock;
use control_table::id::{ExecutionId, ExecutionKey};
use control_table::limits::GROUP_SIZE;
use control_table::operation::{
    AddRows, Claim, ClaimOutcome, CommitGroup, CommitGroupOutcome, Ending, Finish, FinishOutcome, FlagFirstFailure,
    FlagFirstFailureOutcome, Open, OpenOutcome, Seal, SealOutcome, Tally, TallyResult,
};
use control_table::policy::Policy;
use control_table::rows::{Counts, ErrorKind, ExecutionRow, PlanKind, SegmentFailure, SegmentRow, TallyRow};
use control_table::trace::TraceContext;
use serde_json::{Value, json};

use crate::clock::ManualClock;
use crate::lab::{Lab, PATIENCE, TRACE};

/// The lease of a worker that takes its time.
pub const LONG: TimeDelta = TimeDelta::hours(1);

/// The plan of a range of single numbers.
#[must_use]
pub fn numbers(count: u64) -> Value {
    json!({ "type": "range", "from": 0, "to": count, "size": 1 })
}

/// The spec of the segment with that index of such a range.
#[must_use]
pub fn number(index: u64) -> Value {
    json!({ "from": index, "to": index + 1 })
}

/// An execution to be made: of no segments, in the job `job`, its ID as its key, due after the patience.
pub struct ExecutionBuilder<'a> {
    lab: &'a Lab,
    id: ExecutionId,
    key: Option<ExecutionKey>,
    policy: Policy,
    source: Value,
    expected: Option<u64>,
    parameters: Value,
    due_after: TimeDelta,
    groups: Vec<Vec<Value>>,
    sealed: bool,
}

impl<'a> ExecutionBuilder<'a> {
    pub(crate) fn new(lab: &'a Lab) -> Self {
        Self {
            lab,
            id: lab.new_id(),
            key: None,
            policy: Policy::default(),
            source: Value::Null,
            expected: None,
            parameters: json!({ "greeting": "hello" }),
            due_after: PATIENCE,
            groups: Vec::new(),
            sealed: false,
        }
    }

    /// With that ID.
    #[must_use]
    pub fn id(self, id: ExecutionId) -> Self {
        Self { id, ..self }
    }

    /// With that key.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        Self { key: Some(key.parse().unwrap()), ..self }
    }

    /// With that policy.
    #[must_use]
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// With that plan, and so many segments expected; the groups are not made.
    #[must_use]
    pub fn source(self, source: Value, expected: u64) -> Self {
        Self { source, expected: Some(expected), ..self }
    }

    /// With these parameters.
    #[must_use]
    pub fn parameters(self, parameters: Value) -> Self {
        Self { parameters, ..self }
    }

    /// First due then.
    #[must_use]
    pub fn due_after(self, due_after: TimeDelta) -> Self {
        Self { due_after, ..self }
    }

    /// With so many segments of one number each, committed and sealed, as its scatter leaves it. No records are put.
    #[must_use]
    pub fn segments(self, count: u64) -> Self {
        let specs: Vec<Value> = (0..count).map(number).collect();
        let size = usize::try_from(GROUP_SIZE).unwrap();
        let groups = specs.chunks(size).map(<[Value]>::to_vec).collect();
        Self { groups, sealed: true, ..self.source(numbers(count), count) }
    }

    /// With committed groups of these sizes, not sealed.
    #[must_use]
    pub fn groups(self, sizes: &[u64]) -> Self {
        Self { groups: sizes.iter().map(|&size| (0..size).map(Value::from).collect()).collect(), ..self }
    }

    /// With one committed group of segments with these specs, not sealed.
    #[must_use]
    pub fn specs(self, specs: Vec<Value>) -> Self {
        let expected = Some(specs.len() as u64);
        Self { groups: vec![specs], expected, ..self }
    }

    /// Makes it.
    pub async fn make(self) -> Execution {
        let now = self.lab.now();
        let key = self.key.unwrap_or_else(|| self.id.to_string().parse().unwrap());
        let open = Open {
            execution_id: self.id,
            job: "job".parse().unwrap(),
            key,
            tags: control_table::tags::Tags::default(),
            policy: self.policy,
            expected: self.expected,
            kind: PlanKind::Planned,
            asked: String::new(),
            source: self.source,
            parameters: self.parameters,
            trace: TraceContext::from_header(TRACE),
            now,
            due_at: now.plus(self.due_after),
        };
        let table = self.lab.table.clone();
        assert!(matches!(table.execute(&open).await.unwrap(), OpenOutcome::Opened(_)), "the key is used");
        let clock = Arc::clone(&self.lab.clock);
        let execution = Execution { id: self.id, generation: 1, policy: self.policy, table, clock };
        for (group, specs) in (0..).zip(self.groups) {
            execution.add_group(group, specs).await;
        }
        if self.sealed {
            execution.seal().await;
        }
        execution
    }
}

/// A handle on an execution.
#[derive(Debug, Clone)]
pub struct Execution {
    /// Its ID.
    pub id: ExecutionId,
    /// The generation that the workers of this handle work in.
    pub generation: u32,
    policy: Policy,
    table: ControlTable,
    clock: Arc<ManualClock>,
}

impl Execution {
    /// The rows of a group, not committed.
    pub async fn add_rows(&self, group: u64, specs: Vec<Value>) {
        let now = self.clock.timestamp();
        let rows = AddRows { group: self.id.group(group), generation: 1, specs, now };
        self.table.execute(&rows).await.unwrap();
    }

    /// The rows of a group of single numbers, not committed.
    pub async fn add_number_rows(&self, group: u64, size: u64) {
        self.add_rows(group, (0..size).map(|offset| number(group * GROUP_SIZE + offset)).collect()).await;
    }

    /// A committed group of single numbers, without records.
    pub async fn add_number_group(&self, group: u64, size: u64) {
        self.add_number_rows(group, size).await;
        self.commit(group, size).await;
    }

    /// Commits a group of that size.
    pub async fn commit(&self, group: u64, size: u64) {
        let now = self.clock.timestamp();
        let scatter_until = now.plus(PATIENCE);
        let commit = CommitGroup { group: self.id.group(group), size, generation: 1, now, scatter_until };
        assert_eq!(self.table.execute(&commit).await.unwrap(), CommitGroupOutcome::Committed);
    }

    /// A committed group, without records.
    pub async fn add_group(&self, group: u64, specs: Vec<Value>) {
        let size = specs.len() as u64;
        self.add_rows(group, specs).await;
        self.commit(group, size).await;
    }

    /// Seals it with the groups that it has.
    pub async fn seal(&self) {
        let groups = self.row().await.groups;
        let seal = Seal { execution_id: self.id, groups, now: self.clock.timestamp() };
        assert_eq!(self.table.execute(&seal).await.unwrap(), SealOutcome::Sealed);
    }

    /// A claim of this segment by that record, now.
    #[must_use]
    pub fn claim_of(&self, index: u64, record: &str, lease: TimeDelta) -> Claim {
        let now = self.clock.timestamp();
        Claim {
            segment: self.id.segment(index),
            generation: self.generation,
            record: record.to_owned(),
            claim_id: format!("{record} at {now}"),
            max_attempts: self.policy.max_attempts,
            now,
            lease_until: now.plus(lease),
        }
    }

    /// A worker takes the segment; its attempt.
    pub async fn claim(&self, index: u64, record: &str, lease: TimeDelta) -> u32 {
        match self.table.execute(&self.claim_of(index, record, lease)).await.unwrap() {
            ClaimOutcome::Claimed(row) => row.attempt,
            other => panic!("{other:?}"),
        }
    }

    async fn end(&self, index: u64, attempt: u32, ending: Ending) -> SegmentRow {
        let segment = self.id.segment(index);
        let finish = Finish {
            segment,
            generation: self.generation,
            attempt,
            now: self.clock.timestamp(),
            ending,
            failures: Vec::new(),
        };
        match self.table.execute(&finish).await.unwrap() {
            FinishOutcome::Finished(row) => *row,
            other => panic!("{other:?}"),
        }
    }

    /// A worker does the segment's work, counts that many items, and dies before it has tallied them.
    pub async fn finish(&self, index: u64, item_count: i64) -> SegmentRow {
        let attempt = self.claim(index, "a record", LONG).await;
        let counts = Counts { item_count, duration_ms: 7, ..Counts::default() };
        self.end(index, attempt, Ending::Succeeded { counts, result: None }).await
    }

    /// A worker does the segment's work and counts that many items; how many segments of the group are left.
    pub async fn succeed(&self, index: u64, item_count: i64) -> u64 {
        let row = self.finish(index, item_count).await;
        match self.table.execute(&Tally::of(&row).unwrap()).await.unwrap() {
            TallyResult::Counted { pending, .. } => pending,
            other => panic!("{other:?}"),
        }
    }

    /// A worker fails for good; whether it is the first failure of its group.
    pub async fn fail(&self, index: u64) -> bool {
        let attempt = self.claim(index, "a record", LONG).await;
        let failure = SegmentFailure::new(ErrorKind::Permanent, "never");
        let row = self.end(index, attempt, Ending::Failed { failure, duration_ms: 3 }).await;
        match self.table.execute(&Tally::of(&row).unwrap()).await.unwrap() {
            TallyResult::Counted { first_failure, .. } => first_failure,
            other => panic!("{other:?}"),
        }
    }

    /// Flags the first failure of a group, as a worker does.
    pub async fn flag_failure(&self, index: u64) -> FlagFirstFailureOutcome {
        let (segment, generation) = (self.id.segment(index), self.generation);
        self.table.execute(&FlagFirstFailure { segment, generation, due_at: self.clock.timestamp() }).await.unwrap()
    }

    /// A worker fails, and the segment waits for its retry.
    pub async fn wait_for_retry(&self, index: u64, wait: TimeDelta) {
        let attempt = self.claim(index, "a record", LONG).await;
        let failure = SegmentFailure::new(ErrorKind::Retryable, "not now");
        let retry_at = self.clock.timestamp().plus(wait);
        self.end(index, attempt, Ending::Retry { failure, retry_at }).await;
    }

    /// A segment's row.
    pub async fn segment(&self, index: u64) -> SegmentRow {
        self.table.segment(self.id.segment(index)).await.unwrap().unwrap()
    }

    /// The execution's row.
    pub async fn row(&self) -> ExecutionRow {
        self.table.execution(self.id).await.unwrap().unwrap()
    }

    /// The tallies, whose sums must add up.
    pub async fn tallies(&self) -> Vec<TallyRow> {
        let tallies = self.table.tallies(self.id, 0..self.row().await.groups).await.unwrap();
        for tally in &tallies {
            let done = tally.succeeded.len() + tally.failed.len() + tally.cancelled.len();
            assert_eq!(tally.pending + done as u64, tally.size);
        }
        tallies
    }
}
