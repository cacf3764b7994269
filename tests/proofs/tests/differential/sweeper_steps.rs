//! Steps of the sweeper and of workers beside a segment: checkpoints of long steps, marks of puts, watermarks, names of counters.

use control_table::limits::MAX_COUNTERS;
use control_table::operation::{CheckpointStep, MarkPut, Moment, MoveWatermark, QueueCancel, RegisterCounters};
use control_table::rows::{ExecutionStatus, Stop, WatermarkRow};
use proptest::prelude::*;

use super::Pair;

/// One step. `stale` has it name a generation that is not the execution's; `seen`, what the caller read.
#[derive(Debug, Clone)]
pub enum SweeperStep {
    CheckpointStep { stale: bool, status: Option<ExecutionStatus>, cursor: u64 },
    MarkPut { group: u64, stale: bool, seen: bool },
    MoveWatermark { shard: bool, moment: Moment, back: bool },
    RegisterCounters { set: usize, count: usize },
    QueueCancel { stale: bool, reason: Stop },
}

fn stale() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.1)
}

pub fn step() -> impl Strategy<Value = SweeperStep> {
    let status = prop_oneof![
        Just(ExecutionStatus::Scattering),
        Just(ExecutionStatus::Cancelling),
        Just(ExecutionStatus::Redriving),
        Just(ExecutionStatus::Failed),
    ];
    let moment = prop_oneof![Just(Moment::Put), Just(Moment::Probed), (0..2_u8).prop_map(Moment::Probe)];
    let reason = prop_oneof![Just(Stop::Requested), Just(Stop::TimedOut)];
    prop_oneof![
        4 => (stale(), prop::option::weighted(0.3, status), 0..3_u64)
            .prop_map(|(stale, status, cursor)| SweeperStep::CheckpointStep { stale, status, cursor }),
        3 => (0..2_u64, stale(), prop::bool::weighted(0.8))
            .prop_map(|(group, stale, seen)| SweeperStep::MarkPut { group, stale, seen }),
        2 => (any::<bool>(), moment, prop::bool::weighted(0.3))
            .prop_map(|(shard, moment, back)| SweeperStep::MoveWatermark { shard, moment, back }),
        // Six sets of 16 names are more than an execution may have.
        3 => (0..6_usize, 0..=MAX_COUNTERS).prop_map(|(set, count)| SweeperStep::RegisterCounters { set, count }),
        3 => (stale(), reason).prop_map(|(stale, reason)| SweeperStep::QueueCancel { stale, reason }),
    ]
}

impl Pair {
    pub async fn take_sweeper_step(&mut self, step: &SweeperStep) {
        let execution_id = self.execution_id;
        match step {
            SweeperStep::CheckpointStep { stale, status, cursor } => {
                let present = self.memory.executions.get(&execution_id).map(|row| row.status);
                let status = status.or(present).unwrap_or(ExecutionStatus::Cancelling);
                let (generation, due_at) = (self.generation_or(*stale), self.later(90));
                self.both(&CheckpointStep { execution_id, generation, status, cursor: *cursor, due_at }).await;
            }
            SweeperStep::MarkPut { group, stale, seen } => {
                let group = self.group(*group);
                let put_at = self.memory.tallies.get(&group).filter(|_| *seen).map(|tally| tally.put_at);
                let (generation, seen) = (self.generation_or(*stale), put_at.unwrap_or(self.now));
                self.both(&MarkPut { group, generation, seen, put_at: self.now }).await;
            }
            SweeperStep::MoveWatermark { shard, moment, back } => {
                let shard = if *shard { "shardId-000000000000" } else { WatermarkRow::STREAM }.to_owned();
                let at = if *back { self.later(-500) } else { self.now };
                self.both(&MoveWatermark { stream: "segments".to_owned(), shard, moment: *moment, at }).await;
            }
            SweeperStep::RegisterCounters { set, count } => {
                let names = (0..*count).map(|number| format!("set {set}, {number}")).collect();
                self.both(&RegisterCounters { execution_id, names }).await;
            }
            SweeperStep::QueueCancel { stale, reason } => {
                let generation = self.generation_or(*stale);
                self.both(&QueueCancel { execution_id, generation, reason: *reason }).await;
            }
        }
    }
}
