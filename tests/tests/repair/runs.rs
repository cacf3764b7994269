//! Runs that only the protocol's operations wrote, in every state.

use std::collections::HashMap;

use chrono::TimeDelta;
use control_table::id::ExecutionId;
use control_table::rows::{ExecutionStatus, Selection, Stop};
use control_table::limits::GROUP_SIZE;
use control_table::operation::{
    AddRows, BeginRedrive, BeginRedriveOutcome, Cancel, CancelSegment, CommitGroup, CommitGroupOutcome, Complete,
    CompleteOutcome, EndRedrive, Open, OpenOutcome, Requeue, Seal, SealOutcome, Tally, Unfold, UnfoldOutcome,
};
use control_table::policy::{Policy, Tolerance};
use serde_json::json;
use uuid::Uuid;

use crate::world::World;

/// Two groups, the second one short.
pub const SEGMENTS: u64 = 131;

/// Segments that fail at first: one in each group.
pub const FAIL: [u64; 2] = [1, 129];

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Run {
    /// Its second group has rows and is not committed.
    Scattering,
    /// Nothing is done yet.
    Sealed,
    /// The first group is finished, and folded; of the second, one segment waits for its retry, one is being worked on,
    /// and one is finished and not counted.
    Running,
    /// Both groups are finished, and neither is folded.
    Unfolded,
    /// Stopped, and a segment of each group is cancelled.
    Cancelling,
    /// Stopped before its second group was added.
    CancelledEarly,
    /// Complete; its event is not out.
    Unpublished,
    Succeeded,
    Failed,
    /// The first group is un-folded and one of its rows put back, the second one is untouched.
    Redriving,
    /// The first group's failed segment is put back; the second group keeps its generation.
    RunningAgain,
    /// The same, complete.
    SucceededAgain,
    Empty,
}

impl Run {
    pub const ALL: [Self; 13] = [
        Self::Scattering,
        Self::Sealed,
        Self::Running,
        Self::Unfolded,
        Self::Cancelling,
        Self::CancelledEarly,
        Self::Unpublished,
        Self::Succeeded,
        Self::Failed,
        Self::Redriving,
        Self::RunningAgain,
        Self::SucceededAgain,
        Self::Empty,
    ];

    fn policy(self) -> Policy {
        let tolerated_failures = Tolerance::Count(if self == Self::Failed { 0 } else { 5 });
        Policy { tolerated_failures, ..Policy::default() }
    }

    /// A run in that state, in a world of its own.
    pub async fn make(self) -> (World, ExecutionId) {
        let world = World::new().await;
        let id = ExecutionId::new(Uuid::from_u128(0x0193_a5b0_3c1e_7d2f_8a4b_5c6d_7e8f_9a0b));
        let segments = if self == Self::Empty { 0 } else { SEGMENTS };
        world.open(id, segments, self.policy()).await;
        match self {
            Self::Scattering => {
                world.add_group(id, 0, true).await;
                world.add_group(id, 1, false).await;
                world.work_on(id, 0..20, fails).await;
            }
            Self::CancelledEarly => {
                world.add_group(id, 0, true).await;
                world.work_on(id, 0..20, fails).await;
                world.cancel(id).await;
                world.cancel_rows(id, 0..SEGMENTS).await;
                world.complete(id, true).await;
            }
            _ => {
                for group in 0..segments.div_ceil(GROUP_SIZE) {
                    world.add_group(id, group, true).await;
                }
                world.seal(id, segments.div_ceil(GROUP_SIZE)).await;
                self.go_on(&world, id).await;
            }
        }
        world.advance(TimeDelta::seconds(1));
        (world, id)
    }

    async fn go_on(self, world: &World, id: ExecutionId) {
        match self {
            Self::Sealed | Self::Scattering | Self::CancelledEarly => {}
            Self::Empty => world.complete(id, true).await,
            Self::Running => {
                world.work_on(id, 0..GROUP_SIZE, fails).await;
                world.fold(id).await;
                world.retry_later(&world.segment(id, 128).await).await;
                world.claim(&world.segment(id, 129).await).await;
                world.finish(&world.segment(id, 130).await, false).await;
            }
            Self::Cancelling => {
                world.work_on(id, 0..20, fails).await;
                world.cancel(id).await;
                world.cancel_rows(id, 30..31).await;
                world.cancel_rows(id, 130..131).await;
            }
            Self::Unfolded => world.work_on(id, 0..SEGMENTS, fails).await,
            Self::Unpublished | Self::Succeeded | Self::Failed => {
                world.work_on(id, 0..SEGMENTS, fails).await;
                world.complete(id, self != Self::Unpublished).await;
            }
            Self::Redriving | Self::RunningAgain | Self::SucceededAgain => {
                world.work_on(id, 0..SEGMENTS, fails).await;
                world.complete(id, true).await;
                world.redrive(id, self).await;
            }
        }
    }
}

/// One run of each kind, to be copied: it takes a while to make one.
#[derive(Default)]
pub struct Templates(HashMap<Run, (World, ExecutionId)>);

impl Templates {
    pub async fn copy(&mut self, run: Run) -> (World, ExecutionId) {
        if let std::collections::hash_map::Entry::Vacant(place) = self.0.entry(run) {
            place.insert(run.make().await);
        }
        let (world, id) = &self.0[&run];
        (world.copy().await, *id)
    }
}

fn fails(index: u64) -> bool {
    FAIL.contains(&index)
}

impl World {
    async fn open(&self, id: ExecutionId, segments: u64, policy: Policy) {
        let open = Open {
            execution_id: id,
            job: "job".parse().unwrap(),
            key: "key".parse().unwrap(),
            policy,
            expected: Some(segments),
            kind: control_table::rows::PlanKind::Planned,
            source: json!({ "type": "range", "from": 0, "to": segments, "size": 1 }),
            parameters: json!({}),
            trace: None,
            now: self.now(),
            due_at: self.now().plus(TimeDelta::minutes(5)),
        };
        assert!(matches!(self.table.execute(&open).await.unwrap(), OpenOutcome::Opened(_)));
    }

    async fn add_group(&self, id: ExecutionId, group: u64, is_committed: bool) {
        let indexes = group * GROUP_SIZE..SEGMENTS.min((group + 1) * GROUP_SIZE);
        let specs: Vec<_> = indexes.map(|index| json!({ "from": index, "to": index + 1 })).collect();
        let size = specs.len() as u64;
        let rows = AddRows { group: id.group(group), generation: 1, specs, now: self.now(), expires_at: None };
        self.table.execute(&rows).await.unwrap();
        if is_committed {
            let due_at = self.now().plus(TimeDelta::minutes(5));
            let commit =
                CommitGroup { group: rows.group, size, generation: 1, scatter_until: due_at, expires_at: None };
            assert_eq!(self.table.execute(&commit).await.unwrap(), CommitGroupOutcome::Committed);
        }
    }

    async fn seal(&self, execution_id: ExecutionId, groups: u64) {
        let seal = Seal { execution_id, groups, now: self.now() };
        assert_eq!(self.table.execute(&seal).await.unwrap(), SealOutcome::Sealed);
    }

    async fn complete(&self, id: ExecutionId, is_published: bool) {
        self.fold(id).await;
        if is_published {
            self.repair_free_settle(id).await;
            return;
        }
        let due_at = self.now().plus(TimeDelta::minutes(1));
        let complete = Complete { generation: 1, now: self.now(), due_at };
        let outcome = self.table.execute(&complete, self.execution(id).await).await.unwrap();
        assert!(matches!(outcome, CompleteOutcome::Completed(_)), "{outcome:?}");
    }

    /// The sweeper finds it due, and settles it.
    async fn repair_free_settle(&self, id: ExecutionId) {
        self.advance(TimeDelta::hours(1));
        self.sweeper.sweep(self.now().to_datetime() + TimeDelta::minutes(15)).await.unwrap();
        assert!(self.execution(id).await.status.is_terminal());
    }

    async fn cancel(&self, execution_id: ExecutionId) {
        let due_at = self.now().plus(TimeDelta::minutes(5));
        let cancel = Cancel { execution_id, generation: 1, reason: Stop::Requested, due_at };
        self.table.execute(&cancel).await.unwrap();
    }

    async fn cancel_rows(&self, id: ExecutionId, indexes: std::ops::Range<u64>) {
        let groups = self.execution(id).await.groups;
        for index in indexes.filter(|index| index / GROUP_SIZE < groups) {
            let cancel = CancelSegment { segment: id.segment(index), generation: 1, now: self.now() };
            self.table.execute(&cancel).await.unwrap();
            self.table.execute(&Tally::of(&self.segment(id, index).await).unwrap()).await.unwrap();
        }
    }

    /// Of the segments that failed, the first group's goes again; while it is under way, neither is put back yet.
    async fn redrive(&self, id: ExecutionId, run: Run) {
        let is_half_way = run == Run::Redriving;
        let only = if is_half_way { None } else { Some("1".parse().unwrap()) };
        let begin = BeginRedrive {
            execution_id: id,
            generation: 2,
            selection: Selection { only, ..Selection::unsuccessful() },
            limited: false,
            now: self.now(),
            due_at: self.now().plus(TimeDelta::minutes(5)),
        };
        assert!(matches!(self.table.execute(&begin).await.unwrap(), BeginRedriveOutcome::Begun(_)));
        let tally = self.table.tallies(id, 0..1).await.unwrap().remove(0);
        let row = self.segment(id, 1).await;
        let unfold = Unfold::of(2, &tally, [&row]).unwrap();
        assert_eq!(self.table.execute(&unfold).await.unwrap(), UnfoldOutcome::Unfolded);
        if is_half_way {
            return;
        }
        self.table.execute(&Requeue { segment: row.id(), generation: 2 }).await.unwrap();
        self.table.execute(&EndRedrive { execution_id: id, generation: 2 }).await.unwrap();
        assert_eq!(self.execution(id).await.status, ExecutionStatus::Running);
        if run == Run::SucceededAgain {
            self.work_on(id, 0..SEGMENTS, |_| false).await;
            self.complete(id, true).await;
        }
    }
}
