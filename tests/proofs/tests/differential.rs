//! `apply` of each operation against its expression, and against the store in a file: random sequences, repeated and out of order, on
//! plain values, on the embedded DynamoDB and on SQLite; outcomes and rows are compared after each step.

mod operator_steps;
mod sweeper_steps;

use std::collections::BTreeMap;
use std::sync::Arc;

use control_table::ControlTable;
use control_table::clock::{Entropy, Timestamp};
use control_table::id::{ExecutionId, GroupId, SegmentId};
use control_table::operation::{
    AddRows, CheckpointProgress, Claim, CommitGroup, Complete, CompleteOutcome, Counted, DeferRetry, Ending, Finish,
    Fold, MarkPublished, Open, Operation, ReleaseLease, Seal, Tally,
};
use control_table::policy::{Policy, Tolerance};
use control_table::rows::{
    Counters, Counts, ErrorKind, ExecutionStatus, FailedAttempt, SegmentFailure, Stop, TallyOutcome,
};
use control_table::store::sqlite::{Durability, Opener, ProcessId};
use control_table::store::{DynamoDbStore, MemoryTable, SqliteStore};
use emulator::embedded::EmbeddedDynamoDb;
use proptest::prelude::*;

use self::operator_steps::OperatorStep;
use self::sweeper_steps::SweeperStep;

/// Group sizes: an edge of two groups, the second one short.
const SIZES: [u64; 2] = [2, 1];
const SEGMENTS: [u64; 3] = [0, 1, 128];
/// Groups of an execution that is filled by external adds.
const GROUPS: u64 = 4;
const MAX_ATTEMPTS: u32 = 2;

/// One step. Numbers choose among the few values at which something happens.
#[derive(Debug, Clone)]
enum Step {
    Open { id: u8 },
    AddRows { group: u64 },
    Commit { group: u64 },
    Seal { groups: u64 },
    Claim { segment: usize, record: u8, nonce: u8, stale: bool },
    Finish { segment: usize, attempt: u32, ending: u8 },
    TallyRow { segment: usize },
    TallyAny { segment: usize, stale: bool, failed: bool },
    Fold { groups: Vec<u64>, stale: bool },
    Complete { generation: u32 },
    MarkPublished { generation: u32 },
    ReleaseLease { segment: usize, attempt: u32 },
    DeferRetry { segment: usize, seen: bool },
    CheckpointProgress { seen: bool, progress: u64 },
    Operator(OperatorStep),
    Sweeper(SweeperStep),
}

fn step() -> impl Strategy<Value = Step> {
    let segment = 0..SEGMENTS.len();
    prop_oneof![
        1 => (0..2_u8).prop_map(|id| Step::Open { id }),
        2 => (0..2_u64).prop_map(|group| Step::AddRows { group }),
        3 => (0..2_u64).prop_map(|group| Step::Commit { group }),
        2 => (1..3_u64).prop_map(|groups| Step::Seal { groups }),
        8 => (segment.clone(), 0..2_u8, 0..2_u8, prop::bool::weighted(0.1))
            .prop_map(|(segment, record, nonce, stale)| Step::Claim { segment, record, nonce, stale }),
        8 => (segment.clone(), 1..3_u32, 0..4_u8)
            .prop_map(|(segment, attempt, ending)| Step::Finish { segment, attempt, ending }),
        8 => segment.clone().prop_map(|segment| Step::TallyRow { segment }),
        2 => (segment.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(segment, stale, failed)| Step::TallyAny { segment, stale, failed }),
        5 => (prop::sample::subsequence(vec![0_u64, 1], 1..=2), prop::bool::weighted(0.1))
            .prop_map(|(groups, stale)| Step::Fold { groups, stale }),
        4 => (1..3_u32).prop_map(|generation| Step::Complete { generation }),
        2 => (1..3_u32).prop_map(|generation| Step::MarkPublished { generation }),
        1 => (segment.clone(), 1..3_u32).prop_map(|(segment, attempt)| Step::ReleaseLease { segment, attempt }),
        2 => (segment, any::<bool>()).prop_map(|(segment, seen)| Step::DeferRetry { segment, seen }),
        1 => (any::<bool>(), 0..3_u64).prop_map(|(seen, progress)| Step::CheckpointProgress { seen, progress }),
        40 => operator_steps::step().prop_map(Step::Operator),
        10 => sweeper_steps::step().prop_map(Step::Sweeper),
    ]
}

/// The tables, and the one execution that the steps are about.
struct Pair {
    memory: MemoryTable,
    /// The embedded DynamoDB's, and one in a file.
    tables: [ControlTable; 2],
    _directory: tempfile::TempDir,
    execution_id: ExecutionId,
    now: Timestamp,
    /// Whether the execution limits the segments in flight.
    limited: bool,
    /// What is in each tally, by offset.
    counted: BTreeMap<GroupId, BTreeMap<u8, Counted>>,
}

impl Pair {
    async fn new(limited: bool) -> Self {
        let client = EmbeddedDynamoDb::in_memory().unwrap().client();
        let store = DynamoDbStore::new(client, "control", Arc::new(Entropy::from_seed(1)));
        store.create().await.unwrap();
        store.verify().await.unwrap();
        let directory = tempfile::tempdir().unwrap();
        let process = ProcessId::new(uuid::Uuid::from_u128(1));
        let (file, opener) = (directory.path().join("control.db"), Opener { process, origin: String::new() });
        let sqlite = SqliteStore::open(&file, Durability::ProcessCrash, opener).unwrap();
        let tables = [ControlTable::new(store), ControlTable::new(sqlite)];
        let (memory, now) = (MemoryTable::default(), Timestamp::from_millis(1_000));
        Self { memory, tables, _directory: directory, execution_id: id(0), now, limited, counted: BTreeMap::new() }
    }

    /// Executes the operation on both sides, with the same outcome.
    async fn both<O: Operation>(&mut self, request: &O) -> O::Outcome {
        let expected = self.memory.execute(request);
        for table in &self.tables {
            assert_eq!(table.execute(request).await.unwrap(), expected, "{}: {request:?}", table.name());
        }
        expected
    }

    /// The execution's generation, or another.
    fn generation_or(&self, stale: bool) -> u32 {
        self.memory.executions.get(&self.execution_id).map_or(1, |row| row.generation) + u32::from(stale)
    }

    fn later(&self, millis: i64) -> Timestamp {
        self.now.plus(chrono::TimeDelta::milliseconds(millis))
    }

    fn group(&self, group: u64) -> GroupId {
        self.execution_id.group(group)
    }

    fn segment(&self, segment: usize) -> SegmentId {
        self.execution_id.segment(SEGMENTS[segment])
    }

    /// Takes the step on both sides; the outcomes are the same, and so are the rows afterwards.
    async fn take(&mut self, step: &Step) {
        let before = self.now;
        self.now = self.later(40);
        match step {
            Step::Open { id } => self.open(*id).await,
            Step::AddRows { group } => self.add_rows(*group).await,
            Step::Commit { group } => self.commit(*group).await,
            Step::Seal { groups } => self.seal(*groups).await,
            Step::Claim { segment, record, nonce, stale } => {
                self.claim(*segment, *record, *nonce, *stale).await;
            }
            Step::Finish { segment, attempt, ending } => self.finish(*segment, *attempt, *ending).await,
            Step::TallyRow { segment } => self.tally_row(*segment).await,
            Step::TallyAny { segment, stale, failed } => self.tally_any(*segment, *stale, *failed).await,
            Step::Fold { groups, stale } => self.fold(groups, *stale).await,
            Step::Complete { generation } => self.complete(*generation).await,
            Step::MarkPublished { generation } => {
                let request =
                    MarkPublished { execution_id: self.execution_id, generation: *generation, expires_at: None };
                self.both(&request).await;
            }
            Step::ReleaseLease { segment, attempt } => {
                let generation = self.generation_or(false);
                let request = ReleaseLease { segment: self.segment(*segment), generation, attempt: *attempt };
                self.both(&request).await;
            }
            Step::DeferRetry { segment, seen } => self.defer_retry(*segment, *seen, before).await,
            Step::CheckpointProgress { seen, progress } => self.checkpoint(*seen, *progress, before).await,
            // Boxed, so that this future stays small.
            Step::Operator(step) => Box::pin(self.take_operator_step(step)).await,
            Step::Sweeper(step) => Box::pin(self.take_sweeper_step(step)).await,
        }
        self.compare().await;
    }

    async fn open(&mut self, number: u8) {
        let request = Open {
            // Every other step is about the first execution.
            execution_id: if self.memory.keys.is_empty() { id(0) } else { id(number) },
            job: "job".parse().unwrap(),
            key: "key".parse().unwrap(),
            tags: vec!["team=maps".parse().unwrap()].try_into().unwrap(),
            policy: Policy {
                tolerated_failures: Tolerance::Count(1),
                max_concurrency: self.limited.then_some(2),
                ..Policy::default()
            },
            expected: Some(3),
            kind: control_table::rows::PlanKind::Planned,
            asked: String::new(),
            source: serde_json::json!({"type": "list"}),
            parameters: serde_json::Value::Null,
            trace: None,
            now: self.now,
            due_at: self.later(500),
        };
        self.both(&request).await;
    }

    async fn add_rows(&mut self, group: u64) {
        let size = SIZES[usize::try_from(group).unwrap()];
        let specs = (0..size).map(|offset| serde_json::json!({"group": group, "offset": offset, "x": 1.0})).collect();
        let request = AddRows { group: self.group(group), generation: 1, specs, now: self.now };
        self.both(&request).await;
    }

    async fn commit(&mut self, group: u64) {
        let size = SIZES[usize::try_from(group).unwrap()];
        let request = CommitGroup {
            group: self.group(group),
            size,
            generation: 1,
            now: self.now,
            scatter_until: self.later(500),
        };
        self.both(&request).await;
    }

    async fn seal(&mut self, groups: u64) {
        let now = self.now;
        let request = Seal { execution_id: self.execution_id, groups, now };
        self.both(&request).await;
    }

    async fn claim(&mut self, segment: usize, record: u8, nonce: u8, stale: bool) {
        let request = Claim {
            segment: self.segment(segment),
            generation: self.generation_or(stale),
            record: format!("shard:{record}"),
            claim_id: format!("nonce{nonce}"),
            max_attempts: MAX_ATTEMPTS,
            now: self.now,
            lease_until: self.later(90),
        };
        self.both(&request).await;
    }

    async fn finish(&mut self, segment: usize, attempt: u32, ending: u8) {
        let failure = SegmentFailure::new(ErrorKind::Retryable, "no luck");
        let ending = match ending {
            0 => Ending::Failed { failure, duration_ms: 3 },
            1 => Ending::Retry { failure, retry_at: self.later(60) },
            2 => Ending::Succeeded { counts: counts(segment), result: None },
            _ => Ending::Succeeded { counts: counts(segment), result: Some(serde_json::json!({"ok": [1, 2.5]})) },
        };
        let generation = self.generation_or(false);
        let earlier = self.memory.segments.get(&self.segment(segment)).map_or(&[][..], |row| &row.failures);
        let failures = match &ending {
            Ending::Succeeded { .. } => Vec::new(),
            Ending::Failed { failure, .. } | Ending::Retry { failure, .. } => {
                FailedAttempt::new((generation, attempt), failure, self.now, 3).after(earlier)
            }
        };
        let request = Finish { segment: self.segment(segment), generation, attempt, now: self.now, ending, failures };
        self.both(&request).await;
    }

    async fn tally_row(&mut self, segment: usize) {
        let row = self.memory.segments.get(&self.segment(segment));
        if let Some(request) = row.and_then(Tally::of) {
            self.tally(request).await;
        }
    }

    async fn tally_any(&mut self, segment: usize, stale: bool, failed: bool) {
        let id = self.segment(segment);
        let outcome = if failed { TallyOutcome::Failed } else { TallyOutcome::Succeeded };
        let counted = Counted { offset: id.offset(), outcome, attempts: 1, counts: counts(segment) };
        let request = Tally { group: id.group(), generation: self.generation_or(stale), outcomes: vec![counted] };
        self.tally(request).await;
    }

    /// Counts, and remembers what was counted with what.
    async fn tally(&mut self, request: Tally) {
        let before = self.memory.tallies.get(&request.group).cloned();
        self.both(&request).await;
        let (Some(before), Some(after)) = (before, self.memory.tallies.get(&request.group)) else { return };
        let counted = self.counted.entry(request.group).or_default();
        for outcome in request.outcomes {
            if after.has(outcome.offset) && !before.has(outcome.offset) {
                counted.entry(outcome.offset).or_insert(outcome);
            }
        }
    }

    /// Folds what the stream would show: tallies as they are. A stale fold is of another generation.
    async fn fold(&mut self, groups: &[u64], stale: bool) {
        let tallies = groups.iter().filter_map(|group| self.memory.tallies.get(&self.group(*group)).cloned());
        let tallies: Vec<_> = tallies.filter(|tally| tally.pending == 0).collect();
        if tallies.is_empty() {
            return;
        }
        let request = Fold { execution_id: self.execution_id, generation: self.generation_or(stale), tallies };
        self.both(&request).await;
    }

    async fn complete(&mut self, generation: u32) {
        let Some(seen) = self.memory.executions.get(&self.execution_id).cloned().map(Box::new) else { return };
        let request = Complete { seen, generation, now: self.now, due_at: self.later(500) };
        if let CompleteOutcome::Completed(row) = self.both(&request).await {
            assert_eq!(row.groups_done, row.groups);
        }
    }

    async fn defer_retry(&mut self, segment: usize, seen: bool, before: Timestamp) {
        let segment = self.segment(segment);
        let due = self.memory.segments.get(&segment).and_then(|row| row.due);
        let seen_due_at = if seen { due.map(|due| due.due_at) } else { Some(before) };
        let generation = self.generation_or(false);
        let request = DeferRetry { segment, generation, seen_due_at, due_at: self.later(200) };
        self.both(&request).await;
    }

    async fn checkpoint(&mut self, seen: bool, progress: u64, before: Timestamp) {
        let execution_id = self.execution_id;
        let due = self.memory.executions.get(&execution_id).and_then(|row| row.due);
        let seen_due_at = due.filter(|_| seen).map_or(before, |due| due.due_at);
        let request = CheckpointProgress {
            execution_id,
            seen_due_at,
            progress,
            progress_at: self.now,
            stalled_at: (progress == 1).then_some(self.now),
            notification: progress == 1,
            open_from: 1,
            heal_cursor: Some(2),
            healed_at: Some(self.now),
            lost_at: (self.now.as_millis() % 2 == 0).then_some(self.now),
            waits_in_stream: true,
            due_at: self.later(200),
        };
        self.both(&request).await;
    }

    async fn compare(&self) {
        for table in &self.tables {
            self.compare_with(table).await;
        }
    }

    async fn compare_with(&self, table: &ControlTable) {
        let execution = table.execution(self.execution_id).await.unwrap();
        assert_eq!(execution.as_ref(), self.memory.executions.get(&self.execution_id));
        assert_eq!(table.plan(self.execution_id).await.unwrap().as_ref(), self.memory.plans.get(&self.execution_id));
        let tallies = table.tallies(self.execution_id, 0..GROUPS).await.unwrap();
        assert_eq!(tallies, self.memory.tallies.values().cloned().collect::<Vec<_>>());
        for group in 0..GROUPS {
            let rows = table.group_segments(self.group(group), None).await.unwrap();
            let expected: Vec<_> =
                self.memory.segments.values().filter(|row| row.group.group == group).cloned().collect();
            assert_eq!(rows, expected);
        }
        for row in self.memory.watermarks.values() {
            let found = table.watermarks(&row.stream, std::slice::from_ref(&row.shard)).await.unwrap();
            assert_eq!(found, std::slice::from_ref(row));
        }
        let mut letters = table.dead_letters(100).await.unwrap();
        letters.sort_by_key(|row| (row.source, row.event_id.clone()));
        assert_eq!(letters, self.memory.dead_letters.values().cloned().collect::<Vec<_>>());
        for tally in tallies {
            let outcomes = tally.succeeded.len() + tally.failed.len() + tally.cancelled.len();
            assert_eq!(tally.pending + outcomes as u64, tally.size);
        }
    }
}

fn id(number: u8) -> ExecutionId {
    ExecutionId::new(uuid::Uuid::from_u128(u128::from(number) + 1))
}

fn counts(segment: usize) -> Counts {
    let counters =
        Counters([("rows read".to_owned(), 5), ("status".to_owned(), -1)].into_iter().take(segment).collect());
    Counts { item_count: 10, duration_ms: 20, counters }
}

/// Where a sequence begins: random steps alone rarely open, add, commit and seal in order, and hardly ever reach a redrive.
#[derive(Debug, Clone, Copy)]
enum Beginning {
    Nothing,
    Committed,
    External,
    /// With a segment that failed.
    Published,
    Redriving,
}

const BEGINNINGS: [Beginning; 5] =
    [Beginning::Nothing, Beginning::Committed, Beginning::External, Beginning::Published, Beginning::Redriving];

impl Beginning {
    fn steps(self) -> Vec<Step> {
        let mut steps = vec![Step::Open { id: 0 }];
        match self {
            Self::Nothing => return Vec::new(),
            Self::External => {
                let add = |part| Step::Operator(OperatorStep::AddExternal { part, digest: false, ahead: 0 });
                steps.extend([add(0), add(1)]);
            }
            Self::Committed | Self::Published | Self::Redriving => {
                for group in 0..2 {
                    steps.extend([Step::AddRows { group }, Step::Commit { group }]);
                }
            }
        }
        if matches!(self, Self::Published | Self::Redriving) {
            steps.push(Step::Seal { groups: 2 });
            for segment in 0..SEGMENTS.len() {
                steps.push(Step::Claim { segment, record: 0, nonce: 0, stale: false });
                steps.push(Step::Finish { segment, attempt: 1, ending: if segment == 1 { 3 } else { 0 } });
                steps.push(Step::TallyRow { segment });
            }
            steps.push(Step::Fold { groups: vec![0, 1], stale: false });
            steps.extend([Step::Complete { generation: 1 }, Step::MarkPublished { generation: 1 }]);
        }
        if matches!(self, Self::Redriving) {
            steps.push(Step::Operator(OperatorStep::BeginRedrive { stale: false, cancelled: false, limited: false }));
        }
        steps
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn apply_and_expressions_agree(
        mut steps in prop::collection::vec(step(), 1..60),
        beginning in prop::sample::select(BEGINNINGS.to_vec()),
        limited in any::<bool>(),
    ) {
        steps.splice(0..0, beginning.steps());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut pair = Pair::new(limited).await;
            for step in &steps {
                pair.take(step).await;
            }
        });
    }
}

/// The steps of every execution without faults, so that they are compared at least once whatever the generator draws.
#[tokio::test]
async fn an_execution_agrees_from_open_to_published() {
    let mut pair = Pair::new(false).await;
    let mut steps = vec![
        Step::Open { id: 0 },
        Step::AddRows { group: 0 },
        Step::Commit { group: 0 },
        Step::AddRows { group: 1 },
        Step::Commit { group: 1 },
        Step::Seal { groups: 2 },
    ];
    for segment in 0..SEGMENTS.len() {
        steps.push(Step::Claim { segment, record: 0, nonce: 0, stale: false });
        steps.push(Step::Finish { segment, attempt: 1, ending: 3 });
        steps.push(Step::TallyRow { segment });
    }
    steps.extend([
        Step::Fold { groups: vec![0, 1], stale: false },
        Step::Fold { groups: vec![0], stale: false },
        Step::Complete { generation: 1 },
        Step::MarkPublished { generation: 1 },
    ]);
    for step in &steps {
        pair.take(step).await;
    }
    let execution = pair.tables[0].execution(pair.execution_id).await.unwrap().unwrap();
    assert_eq!((execution.published_generation, execution.succeeded, execution.counts.item_count), (1, 3, 30));
    assert_eq!(execution.due, None);
}

/// And the steps of a redrive, with a limit of segments in flight.
#[tokio::test]
async fn a_redrive_agrees_from_its_begin_to_its_second_completion() {
    let mut pair = Pair::new(true).await;
    let mut steps = Beginning::Redriving.steps();
    let requeue = |segment| Step::Operator(OperatorStep::Requeue { segment, stale: false });
    steps.extend([
        Step::Operator(OperatorStep::Unfold { groups: vec![0, 1] }),
        requeue(0),
        requeue(2),
        Step::Operator(OperatorStep::EndRedrive { stale: false }),
        Step::Operator(OperatorStep::AcquireSlots { stale: false, from: None, segments: vec![0, 2] }),
    ]);
    for segment in [0, 2] {
        steps.push(Step::Claim { segment, record: 1, nonce: 0, stale: false });
        steps.push(Step::Finish { segment, attempt: 1, ending: 2 });
        steps.push(Step::TallyRow { segment });
        steps.push(Step::Operator(OperatorStep::ReleaseSlots { stale: false, segments: vec![SEGMENTS[segment]] }));
    }
    steps.push(Step::Fold { groups: vec![0, 1], stale: false });
    steps.extend([Step::Complete { generation: 2 }, Step::MarkPublished { generation: 2 }]);
    for step in &steps {
        pair.take(step).await;
    }
    let execution = pair.tables[0].execution(pair.execution_id).await.unwrap().unwrap();
    assert_eq!((execution.published_generation, execution.succeeded, execution.failed), (2, 3, 0));
    assert!(execution.in_flight.is_empty());
}

/// And those of a redrive that is cancelled before it ends, by a caller who does not know it.
#[tokio::test]
async fn a_redrive_with_a_queued_cancel_agrees() {
    let mut pair = Pair::new(false).await;
    let mut steps = Beginning::Redriving.steps();
    let sweeper = |cursor| Step::Sweeper(SweeperStep::CheckpointStep { stale: false, status: None, cursor });
    steps.extend([
        sweeper(0),
        Step::Operator(OperatorStep::Unfold { groups: vec![0, 1, GROUPS] }),
        Step::Sweeper(SweeperStep::QueueCancel { stale: false, reason: Stop::Requested }),
        sweeper(2),
        Step::Operator(OperatorStep::EndRedrive { stale: false }),
    ]);
    for step in &steps {
        pair.take(step).await;
    }
    let execution = pair.tables[0].execution(pair.execution_id).await.unwrap().unwrap();
    assert_eq!((execution.status, execution.stopped), (ExecutionStatus::Cancelling, Some(Stop::Requested)));
}
