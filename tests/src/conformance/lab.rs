//! One table under test, beside the same on plain values.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use chrono::TimeDelta;
use control_table::ControlTable;
use control_table::clock::{Entropy, Timestamp};
use control_table::id::{ExecutionId, GroupId, SegmentId};
use control_table::item::{Counters, Counts, ErrorKind, ExecutionRow, SegmentFailure, SegmentRow, TallyRow};
use control_table::memory::MemoryTable;
use control_table::op::{
    AddRows, BeginRedrive, BeginRedriveOutcome, Cancel, CancelOutcome, CancelRow, CancelRowOutcome, Claim,
    ClaimOutcome, CommitGroup, CommitGroupOutcome, Complete, CompleteOutcome, EndRedrive, EndRedriveOutcome, Ending,
    Finish, FinishOutcome, Fold, FoldOutcome, MarkPublished, MarkPublishedOutcome, NoteFailure, NoteFailureOutcome,
    Observe, ObserveOutcome, Open, OpenOutcome, PutBack, PutBackOutcome, Release, ReleaseOutcome, Reschedule,
    RescheduleOutcome, Seal, SealOutcome, SetPolicy, SetPolicyOutcome, Tally, TallyResult, Tell, TellOutcome, Unfold,
    UnfoldOutcome,
};
use control_table::policy::Policy;

/// The day that the cases are on, in milliseconds.
const DAY: i64 = 1_795_478_400_000;

/// A moment of that day.
#[must_use]
pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(DAY + millis)
}

/// A table, and the rows that the operations made of it should be.
pub struct Lab {
    /// The table under test.
    pub table: ControlTable,
    /// What each operation so far means.
    pub memory: MemoryTable,
    /// The execution that a case is about, if it is about one.
    pub id: ExecutionId,
    client: Client,
}

/// Each operation, on both sides: the outcomes agree, and so do the rows afterwards.
macro_rules! on_both_sides {
    ($($operation:ident($request:ty) -> $outcome:ty;)*) => {
        impl Lab {
            $(
                #[doc = concat!("`", stringify!($operation), "`, on both sides.")]
                pub async fn $operation(&mut self, request: &$request) -> $outcome {
                    let outcome = self.table.$operation(request).await.unwrap();
                    assert_eq!(outcome, self.memory.$operation(request), "{request:?}");
                    self.compare().await;
                    outcome
                }
            )*
        }
    };
}

on_both_sides! {
    open(Open) -> OpenOutcome;
    commit_group(CommitGroup) -> CommitGroupOutcome;
    seal(Seal) -> SealOutcome;
    claim(Claim) -> ClaimOutcome;
    finish(Finish) -> FinishOutcome;
    tally(Tally) -> TallyResult;
    fold(Fold) -> FoldOutcome;
    mark_published(MarkPublished) -> MarkPublishedOutcome;
    release(Release) -> ReleaseOutcome;
    reschedule(Reschedule) -> RescheduleOutcome;
    observe(Observe) -> ObserveOutcome;
    cancel(Cancel) -> CancelOutcome;
    cancel_row(CancelRow) -> CancelRowOutcome;
    begin_redrive(BeginRedrive) -> BeginRedriveOutcome;
    unfold(Unfold) -> UnfoldOutcome;
    put_back(PutBack) -> PutBackOutcome;
    end_redrive(EndRedrive) -> EndRedriveOutcome;
    note_failure(NoteFailure) -> NoteFailureOutcome;
    tell(Tell) -> TellOutcome;
    set_policy(SetPolicy) -> SetPolicyOutcome;
}

impl Lab {
    /// A fresh table of that name.
    pub async fn new(client: Client, name: &str) -> Self {
        let table = ControlTable::new(client.clone(), name, Arc::new(Entropy::from_seed(1)));
        table.create().await.unwrap();
        table.verify().await.unwrap();
        Self { table, memory: MemoryTable::default(), id: execution_id(DAY, 1), client }
    }

    /// The same table through another client.
    #[must_use]
    pub fn table_through(&self, change: impl FnOnce(Client) -> Client) -> ControlTable {
        ControlTable::new(change(self.client.clone()), self.table.name(), Arc::new(Entropy::from_seed(2)))
    }

    /// `add_rows`, on both sides.
    pub async fn add_rows(&mut self, request: &AddRows) {
        self.table.add_rows(request).await.unwrap();
        self.memory.add_rows(request);
        self.compare().await;
    }

    /// `complete`, on both sides, by somebody who saw the execution as it was then.
    pub async fn complete_seeing(&mut self, request: &Complete, seen: ExecutionRow) -> CompleteOutcome {
        let outcome = self.table.complete(request, seen).await.unwrap();
        assert_eq!(outcome, self.memory.complete(request, self.id), "{request:?}");
        self.compare().await;
        outcome
    }

    /// `complete`, on both sides, by somebody who sees the execution as it is.
    pub async fn complete(&mut self, request: &Complete) -> CompleteOutcome {
        let seen = self.execution();
        self.complete_seeing(request, seen).await
    }

    /// An opened execution.
    pub async fn opened(&mut self, policy: Policy) {
        assert!(matches!(self.open(&opening(self.id, "2026-11-24", policy)).await, OpenOutcome::Opened(_)));
    }

    /// A group with its rows, committed.
    pub async fn grouped(&mut self, group: u64, size: u64) {
        let rows = self.rows_of(group, size);
        self.add_rows(&rows).await;
        let commit = self.commit_of(group, size);
        assert_eq!(self.commit_group(&commit).await, CommitGroupOutcome::Committed);
    }

    /// A sealed execution with groups of these sizes.
    pub async fn sealed(&mut self, policy: Policy, sizes: &[u64]) {
        self.opened(policy).await;
        for (group, size) in (0..).zip(sizes) {
            self.grouped(group, *size).await;
        }
        let seal = Seal { execution_id: self.id, groups: sizes.len() as u64, now: at(10) };
        assert_eq!(self.seal(&seal).await, SealOutcome::Sealed);
    }

    /// A segment claimed, finished and counted.
    pub async fn done(&mut self, index: u64, ending: Ending) {
        let claimed = self.claim(&self.claim_of(index)).await;
        let ClaimOutcome::Claimed(row) = claimed else { panic!("{claimed:?}") };
        let finish = Finish { ending, ..self.finish_of(index, row.attempt) };
        let finish = Finish { generation: row.generation, ..finish };
        let finished = self.finish(&finish).await;
        let FinishOutcome::Finished(row) = finished else { panic!("{finished:?}") };
        let counted = self.tally(&Tally::of(&row).unwrap()).await;
        assert!(matches!(counted, TallyResult::Counted { .. }), "{counted:?}");
    }

    /// An execution of one group whose only segment failed, complete and published.
    pub async fn failed_and_published(&mut self) {
        self.sealed(Policy::default(), &[2]).await;
        self.done(0, succeeded(0)).await;
        self.done(1, failed()).await;
        self.folded(&[0]).await;
        assert!(matches!(self.complete(&self.complete_of(1)).await, CompleteOutcome::Completed(_)));
        let mark = MarkPublished { execution_id: self.id, generation: 1 };
        assert_eq!(self.mark_published(&mark).await, MarkPublishedOutcome::Marked);
    }

    /// These groups folded, as they are.
    pub async fn folded(&mut self, groups: &[u64]) {
        let fold = self.fold_of(groups);
        assert_eq!(self.fold(&fold).await, FoldOutcome::Folded(groups.len()));
    }

    /// The execution's row.
    #[must_use]
    pub fn execution(&self) -> ExecutionRow {
        self.memory.executions[&self.id].clone()
    }

    /// A group's tally.
    #[must_use]
    pub fn tally_row(&self, group: u64) -> TallyRow {
        self.memory.tallies[&self.id.group(group)].clone()
    }

    /// A segment's row.
    #[must_use]
    pub fn row(&self, index: u64) -> SegmentRow {
        self.memory.segments[&self.id.segment(index)].clone()
    }

    /// The rows of a group.
    #[must_use]
    pub fn rows_of(&self, group: u64, size: u64) -> AddRows {
        let specs = (0..size).map(|offset| serde_json::json!({"group": group, "offset": offset, "share": 0.5}));
        let expires_at = self.memory.executions.get(&self.id).and_then(|row| row.expires_at);
        AddRows { group: self.id.group(group), generation: 1, specs: specs.collect(), now: at(1), expires_at }
    }

    /// The commit of a group.
    #[must_use]
    pub fn commit_of(&self, group: u64, size: u64) -> CommitGroup {
        let expires_at = self.memory.executions.get(&self.id).and_then(|row| row.expires_at);
        CommitGroup { group: self.id.group(group), size, generation: 1, scatter_until: at(400), expires_at }
    }

    /// A claim of a segment in the generation it is in, at 100, for a lease until 200.
    #[must_use]
    pub fn claim_of(&self, index: u64) -> Claim {
        let row = self.memory.segments.get(&self.id.segment(index));
        Claim {
            segment: self.id.segment(index),
            generation: row.map_or(1, |row| row.generation),
            record: format!("shard:{index}"),
            claim_id: "nonce".to_owned(),
            max_attempts: 2,
            now: at(100),
            lease_until: at(200),
        }
    }

    /// The successful end of that attempt, at 150.
    #[must_use]
    pub fn finish_of(&self, index: u64, attempt: u32) -> Finish {
        let ending = succeeded(index);
        Finish { segment: self.id.segment(index), generation: 1, attempt, now: at(150), ending }
    }

    /// A fold of these groups, as they are.
    #[must_use]
    pub fn fold_of(&self, groups: &[u64]) -> Fold {
        let tallies = groups.iter().map(|group| self.tally_row(*group)).collect();
        Fold { execution_id: self.id, generation: self.execution().generation, tallies }
    }

    /// A completion of that generation, at 300.
    #[must_use]
    pub fn complete_of(&self, generation: u32) -> Complete {
        Complete { generation, now: at(300), due_at: at(360) }
    }

    /// Every row that there should be is there, as it should be.
    pub async fn compare(&self) {
        for (id, expected) in &self.memory.executions {
            assert_eq!(self.table.execution(*id).await.unwrap().as_ref(), Some(expected));
            assert_eq!(self.table.plan(*id).await.unwrap().as_ref(), self.memory.plans.get(id));
            let groups: Vec<u64> =
                self.memory.tallies.keys().filter(|g| g.execution_id == *id).map(|g| g.group).collect();
            let tallies = self.table.tallies_of(*id, &groups).await.unwrap();
            assert_eq!(
                tallies,
                self.memory.tallies.values().filter(|t| t.group.execution_id == *id).cloned().collect::<Vec<_>>()
            );
        }
        for (key, row) in &self.memory.keys {
            let (job, key) = key.pk.strip_prefix("KEY#").unwrap().split_once('#').unwrap();
            let found = self.table.execution_of_key(&job.parse().unwrap(), &key.parse().unwrap()).await.unwrap();
            assert_eq!(found, Some(row.execution_id));
        }
        let groups: BTreeSet<GroupId> = self.memory.segments.keys().map(|id| id.group()).collect();
        for group in groups {
            let expected: Vec<_> = self.memory.segments.values().filter(|row| row.group == group).cloned().collect();
            assert_eq!(self.table.group_segments(group, None).await.unwrap(), expected);
        }
    }
}

/// An execution's ID, of that moment.
#[must_use]
pub fn execution_id(millis: i64, number: u8) -> ExecutionId {
    let millis = u64::try_from(millis).unwrap();
    ExecutionId::new(uuid::Builder::from_unix_timestamp_millis(millis, &[number; 10]).into_uuid())
}

/// An execution to be opened at 0.
#[must_use]
pub fn opening(execution_id: ExecutionId, key: &str, policy: Policy) -> Open {
    Open {
        execution_id,
        job: "nightly".parse().unwrap(),
        key: key.parse().unwrap(),
        policy,
        expected: Some(3),
        source: serde_json::json!({"type": "range", "from": 0, "to": 3, "note": "été \u{1F30D} \"'"}),
        parameters: serde_json::json!({"table": "cities", "share": 0.25}),
        trace: None,
        now: at(0),
        due_at: at(500),
    }
}

/// A success, with counters whose names are words of `DynamoDB`'s and words with blanks.
#[must_use]
pub fn succeeded(index: u64) -> Ending {
    let value = i64::try_from(index).unwrap();
    let counters = [("status".to_owned(), value - 1), ("rows read, été".to_owned(), 7)];
    let counts = Counts { item_count: 10 + value, duration_ms: 20, counters: Counters(counters.into_iter().collect()) };
    Ending::Succeeded { counts, result: index.is_multiple_of(2).then(|| serde_json::json!({"ok": [1, 2.5, null]})) }
}

/// A failure for good.
#[must_use]
pub fn failed() -> Ending {
    let failure = SegmentFailure::new(ErrorKind::Permanent, "no such table: \"cities\"");
    Ending::Failed { failure, duration_ms: 3 }
}

/// A failure that is tried again at that moment.
#[must_use]
pub fn retry(retry_at: Timestamp) -> Ending {
    Ending::Retry { failure: SegmentFailure::new(ErrorKind::Retryable, "no luck"), retry_at }
}

/// That many milliseconds later.
#[must_use]
pub fn later(moment: Timestamp, millis: i64) -> Timestamp {
    moment.plus(TimeDelta::milliseconds(millis))
}

/// A segment of the execution.
#[must_use]
pub fn segment_of(lab: &Lab, index: u64) -> SegmentId {
    lab.id.segment(index)
}
