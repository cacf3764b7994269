//! Handing out, freeing and appending: their meanings against their expressions, in random sequences, repeated and out of
//! order. Outcomes and items are compared after each step.

use std::sync::Arc;

use control_table::ControlTable;
use control_table::store::DynamoDbStore;
use control_table::clock::{Entropy, Timestamp};
use control_table::id::ExecutionId;
use control_table::rows::AddPart;
use control_table::rows::Stop;
use control_table::store::memory::MemoryTable;
use control_table::operation::{AddExternal, Cancel, ReleaseSlots, AcquireSlots, Open, Seal, SetPolicy};
use control_table::policy::Policy;
use emulator::embedded::EmbeddedDynamoDb;
use proptest::prelude::*;

/// One step. Numbers choose among the few values at which something happens.
#[derive(Debug, Clone)]
enum Step {
    AcquireSlots { seen: Seen, segments: Vec<u64>, pass: u64, generation: u32, limit: Option<u32> },
    ReleaseSlots { segments: Vec<u64>, generation: u32 },
    AddExternal { ahead: u64, token: u8, number: u64, size: usize },
    SetPolicy { limit: Option<u32> },
    Seal { ahead: u64 },
    Cancel,
}

/// How far the execution was handed out, as a caller sees it: as it is, or as it is not.
#[derive(Debug, Clone, Copy)]
enum Seen {
    Rightly,
    At(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let seen = prop_oneof![4 => Just(Seen::Rightly), 1 => (0..3_u64).prop_map(Seen::At)];
    let generation = prop_oneof![9 => Just(1_u32), 1 => Just(2)];
    let limit = || prop::option::weighted(0.9, 1..4_u32);
    prop_oneof![
        8 => (seen, prop::collection::vec(0..4_u64, 0..4), 0..2_u64, generation.clone(), limit()).prop_map(
            |(seen, segments, pass, generation, limit)| Step::AcquireSlots { seen, segments, pass, generation, limit }
        ),
        5 => (prop::collection::vec(0..12_u64, 0..4), generation)
            .prop_map(|(segments, generation)| Step::ReleaseSlots { segments, generation }),
        4 => (0..2_u64, 0..3_u8, 0..2_u64, 1..4_usize)
            .prop_map(|(ahead, token, number, size)| Step::AddExternal { ahead, token, number, size }),
        3 => limit().prop_map(|limit| Step::SetPolicy { limit }),
        1 => (0..2_u64).prop_map(|ahead| Step::Seal { ahead }),
        1 => Just(Step::Cancel),
    ]
}

struct Pair {
    memory: MemoryTable,
    table: ControlTable,
    id: ExecutionId,
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

impl Pair {
    async fn new(limit: Option<u32>) -> Self {
        let client = EmbeddedDynamoDb::in_memory().unwrap().client();
        let store = DynamoDbStore::new(client, "control", Arc::new(Entropy::from_seed(1)));
        store.create().await.unwrap();
        let table = ControlTable::new(store);
        let id: ExecutionId = "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b".parse().unwrap();
        let mut memory = MemoryTable::default();
        let open = Open {
            execution_id: id,
            job: "job".parse().unwrap(),
            key: "key".parse().unwrap(),
            policy: Policy { max_concurrency: limit, ..Policy::default() },
            expected: None,
            kind: control_table::rows::PlanKind::Planned,
            source: serde_json::json!({ "type": "external" }),
            parameters: serde_json::Value::Null,
            trace: None,
            now: at(1),
            due_at: at(2),
        };
        assert_eq!(table.execute(&open).await.unwrap(), memory.open(&open));
        Self { memory, table, id }
    }

    async fn take(&mut self, step: &Step) {
        let execution = self.memory.executions[&self.id].clone();
        let (execution_id, table, memory) = (self.id, &self.table, &mut self.memory);
        match step.clone() {
            Step::AcquireSlots { seen, segments, pass, generation, limit } => {
                let seen = match seen {
                    Seen::Rightly => execution.admitted_until.unwrap_or_default(),
                    Seen::At(seen) => seen,
                };
                let mut segments: Vec<u64> = segments.into_iter().map(|segment| seen + segment).collect();
                segments.sort_unstable();
                segments.dedup();
                let next = segments.last().map_or(seen, |last| last + 1) + pass;
                let limit = if pass == 0 { execution.policy.max_concurrency } else { limit };
                let request = AcquireSlots { execution_id, generation, seen, next, limit, segments };
                assert_eq!(table.execute(&request).await.unwrap(), memory.admit(&request));
            }
            Step::ReleaseSlots { segments, generation } => {
                let request = ReleaseSlots { execution_id, generation, segments };
                assert_eq!(table.execute(&request).await.unwrap(), memory.free_slot(&request));
            }
            Step::AddExternal { ahead, token, number, size } => {
                let request = AddExternal {
                    group: execution_id.group((execution.groups + 1).saturating_sub(ahead)),
                    part: AddPart { token: token.to_string().parse().unwrap(), number },
                    digest: "digest".to_owned(),
                    specs: vec![serde_json::json!({ "x": 1.0 }); size],
                    generation: 1,
                    now: at(3),
                    expires_at: Some(4),
                };
                assert_eq!(table.execute(&request).await.unwrap(), memory.append(&request));
            }
            Step::SetPolicy { limit } => {
                let request = SetPolicy { execution_id, max_concurrency: limit, tolerated_failures: None };
                assert_eq!(table.execute(&request).await.unwrap(), memory.set_policy(&request));
            }
            Step::Seal { ahead } => {
                let request = Seal { execution_id, groups: execution.groups + ahead, now: at(5) };
                assert_eq!(table.execute(&request).await.unwrap(), memory.seal(&request));
            }
            Step::Cancel => {
                let request = Cancel { execution_id, generation: 1, reason: Stop::Requested, due_at: at(7) };
                assert_eq!(table.execute(&request).await.unwrap(), memory.cancel(&request));
            }
        }
        self.compare().await;
    }

    async fn compare(&self) {
        let execution = &self.memory.executions[&self.id];
        assert_eq!(self.table.execution(self.id).await.unwrap().as_ref(), Some(execution));
        let tallies = self.table.tallies(self.id, 0..execution.groups + 2).await.unwrap();
        assert_eq!(tallies, self.memory.tallies.values().cloned().collect::<Vec<_>>());
        let mut rows = Vec::new();
        for group in 0..execution.groups + 2 {
            rows.extend(self.table.group_segments(self.id.group(group), None).await.unwrap());
        }
        assert_eq!(rows, self.memory.segments.values().cloned().collect::<Vec<_>>());
        for mark in self.memory.marks.values() {
            assert_eq!(self.table.add_mark(self.id, &mark.part).await.unwrap().as_ref(), Some(mark));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn meanings_and_expressions_agree(
        limit in prop::option::weighted(0.9, 1..4_u32),
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut pair = Pair::new(limit).await;
            for step in &steps {
                pair.take(step).await;
            }
        });
    }
}
