//! Steps of operators and of admission: cancel, redrive, slots, external adds, overwrites of a repair, dead letters.

use std::collections::BTreeMap;

use control_table::operation::{
    AcquireSlots, AddDeadLetter, AddExternal, AddExternalOutcome, BeginRedrive, Cancel, CancelSegment, Counted,
    EndRedrive, FlagFirstFailure, MarkNotified, OverwriteIfUnchanged, ReleaseSlots, Requeue, SetPolicy, Tally, Unfold,
    UnfoldGroup, UnfoldOutcome,
};
use control_table::policy::Tolerance;
use control_table::rows::{AddPart, DeadLetterSource, Notification, Row, Selection, Stop, TallyOutcome, TallyRow};
use proptest::prelude::*;

use super::{GROUPS, Pair, SEGMENTS, counts};

/// One step. `stale` has it name a generation that is not the execution's.
#[derive(Debug, Clone)]
pub enum OperatorStep {
    TallyMany {
        group: u64,
        outcomes: Vec<(u8, bool)>,
    },
    Cancel {
        stale: bool,
        reason: Stop,
    },
    CancelSegment {
        segment: usize,
        stale: bool,
    },
    BeginRedrive {
        stale: bool,
        cancelled: bool,
        limited: bool,
    },
    /// Of these groups in one request. With a third number, one of them is un-folded before.
    Unfold {
        groups: Vec<u64>,
    },
    Requeue {
        segment: usize,
        stale: bool,
    },
    EndRedrive {
        stale: bool,
    },
    SetPolicy {
        slots: Option<u32>,
        tolerated: Option<u64>,
    },
    AcquireSlots {
        stale: bool,
        from: Option<u64>,
        segments: Vec<usize>,
    },
    ReleaseSlots {
        stale: bool,
        segments: Vec<u64>,
    },
    AddExternal {
        part: u64,
        digest: bool,
        ahead: u64,
    },
    FlagFirstFailure {
        segment: usize,
        stale: bool,
    },
    MarkNotified {
        stale: bool,
        stalled: bool,
    },
    OverwriteExecution {
        seen: Seen,
        counter: i64,
    },
    OverwriteTally {
        group: u64,
        seen: Seen,
        counter: i64,
    },
    OverwriteSegment {
        segment: usize,
        seen: Seen,
        counter: i64,
    },
    AddDeadLetter {
        gather: bool,
        event: u8,
        payload: Vec<u8>,
    },
}

/// What the caller of an overwrite saw of the row.
#[derive(Debug, Clone, Copy)]
pub enum Seen {
    AsItIs,
    AsItIsNot,
    NotThere,
}

fn seen() -> impl Strategy<Value = Seen> {
    prop_oneof![4 => Just(Seen::AsItIs), 1 => Just(Seen::AsItIsNot), 1 => Just(Seen::NotThere)]
}

fn stale() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.1)
}

pub fn step() -> impl Strategy<Value = OperatorStep> {
    let segment = 0..SEGMENTS.len();
    let indexes = prop::sample::subsequence(SEGMENTS.to_vec(), 0..=SEGMENTS.len());
    let which = prop::sample::subsequence((0..SEGMENTS.len()).collect::<Vec<_>>(), 0..=SEGMENTS.len());
    let reason = prop_oneof![Just(Stop::Requested), Just(Stop::TooManyFailures)];
    prop_oneof![
        3 => (0..2_u64, prop::collection::vec((0..2_u8, any::<bool>()), 1..5))
            .prop_map(|(group, outcomes)| OperatorStep::TallyMany { group, outcomes }),
        1 => (stale(), reason).prop_map(|(stale, reason)| OperatorStep::Cancel { stale, reason }),
        3 => (segment.clone(), stale()).prop_map(|(segment, stale)| OperatorStep::CancelSegment { segment, stale }),
        3 => (stale(), any::<bool>(), stale())
            .prop_map(|(stale, cancelled, limited)| OperatorStep::BeginRedrive { stale, cancelled, limited }),
        4 => prop::sample::subsequence(vec![0_u64, 1, GROUPS], 1..=3).prop_map(|groups| OperatorStep::Unfold { groups }),
        4 => (segment.clone(), stale()).prop_map(|(segment, stale)| OperatorStep::Requeue { segment, stale }),
        2 => stale().prop_map(|stale| OperatorStep::EndRedrive { stale }),
        2 => (prop::option::of(1..4_u32), prop::option::of(0..4_u64))
            .prop_map(|(slots, tolerated)| OperatorStep::SetPolicy { slots, tolerated }),
        6 => (stale(), prop::option::weighted(0.1, 0..130_u64), which)
            .prop_map(|(stale, from, segments)| OperatorStep::AcquireSlots { stale, from, segments }),
        3 => (stale(), indexes, 0..2_usize).prop_map(|(stale, indexes, repeats)| {
            let segments = std::iter::repeat_n(indexes, repeats + 1).flatten().collect();
            OperatorStep::ReleaseSlots { stale, segments }
        }),
        4 => (0..3_u64, stale(), prop_oneof![9 => Just(0_u64), 1 => Just(1)])
            .prop_map(|(part, digest, ahead)| OperatorStep::AddExternal { part, digest, ahead }),
        1 => (segment.clone(), stale()).prop_map(|(segment, stale)| OperatorStep::FlagFirstFailure { segment, stale }),
        1 => (stale(), any::<bool>()).prop_map(|(stale, stalled)| OperatorStep::MarkNotified { stale, stalled }),
        1 => (seen(), -2..3_i64).prop_map(|(seen, counter)| OperatorStep::OverwriteExecution { seen, counter }),
        1 => (0..2_u64, seen(), -2..3_i64)
            .prop_map(|(group, seen, counter)| OperatorStep::OverwriteTally { group, seen, counter }),
        1 => (segment, seen(), -2..3_i64)
            .prop_map(|(segment, seen, counter)| OperatorStep::OverwriteSegment { segment, seen, counter }),
        1 => (any::<bool>(), 0..3_u8, prop::collection::vec(any::<u8>(), 0..4))
            .prop_map(|(gather, event, payload)| OperatorStep::AddDeadLetter { gather, event, payload }),
    ]
}

impl Pair {
    pub async fn take_operator_step(&mut self, step: &OperatorStep) {
        let (execution_id, now) = (self.execution_id, self.now);
        match step {
            OperatorStep::TallyMany { group, outcomes } => self.tally_many(*group, outcomes).await,
            OperatorStep::Cancel { stale, reason } => {
                let (generation, due_at) = (self.generation_or(*stale), self.later(300));
                self.both(&Cancel { execution_id, generation, reason: *reason, due_at }).await;
            }
            OperatorStep::CancelSegment { segment, stale } => {
                let (segment, generation) = (self.segment(*segment), self.generation_or(*stale));
                self.both(&CancelSegment { segment, generation, now }).await;
            }
            OperatorStep::BeginRedrive { stale, cancelled, limited } => {
                self.begin_redrive(*stale, *cancelled, *limited).await;
            }
            OperatorStep::Unfold { groups } => self.unfold(groups).await,
            OperatorStep::Requeue { segment, stale } => {
                let (segment, generation) = (self.segment(*segment), self.generation_or(*stale));
                self.both(&Requeue { segment, generation }).await;
            }
            OperatorStep::EndRedrive { stale } => {
                let generation = self.generation_or(*stale);
                self.both(&EndRedrive { execution_id, generation, stop_requested: None, now: self.now }).await;
            }
            OperatorStep::SetPolicy { slots, tolerated } => {
                let (max_concurrency, tolerated_failures) = (*slots, tolerated.map(Tolerance::Count));
                self.both(&SetPolicy { execution_id, max_concurrency, tolerated_failures }).await;
            }
            OperatorStep::AcquireSlots { stale, from, segments } => self.acquire(*stale, *from, segments).await,
            OperatorStep::ReleaseSlots { stale, segments } => {
                let (generation, segments) = (self.generation_or(*stale), segments.clone());
                self.both(&ReleaseSlots { execution_id, generation, segments }).await;
            }
            OperatorStep::AddExternal { part, digest, ahead } => self.add_external(*part, *digest, *ahead).await,
            OperatorStep::FlagFirstFailure { segment, stale } => {
                let (segment, generation) = (self.segment(*segment), self.generation_or(*stale));
                self.both(&FlagFirstFailure { segment, generation, due_at: now }).await;
            }
            OperatorStep::MarkNotified { stale, stalled } => {
                let notification = if *stalled { Notification::Stalled } else { Notification::FirstFailure };
                let generation = self.generation_or(*stale);
                self.both(&MarkNotified { execution_id, generation, notification }).await;
            }
            OperatorStep::OverwriteExecution { .. }
            | OperatorStep::OverwriteTally { .. }
            | OperatorStep::OverwriteSegment { .. } => {
                self.overwrite(step).await;
            }
            OperatorStep::AddDeadLetter { gather, event, payload } => {
                let source = if *gather { DeadLetterSource::Gather } else { DeadLetterSource::Worker };
                let event_id = if *event == 0 { String::new() } else { format!("shard:{event}") };
                let (reason, payload) = ("no record of ours".to_owned(), payload.clone());
                self.both(&AddDeadLetter { source, event_id, reason, payload, now }).await;
            }
        }
    }

    /// Outcomes of one group at once, with the same segment more than once among them.
    async fn tally_many(&mut self, group: u64, outcomes: &[(u8, bool)]) {
        let group = self.group(group);
        let size = self.memory.tallies.get(&group).map_or(0, |tally| tally.size);
        let counted = |&(offset, failed): &(u8, bool)| Counted {
            offset,
            outcome: if failed { TallyOutcome::Failed } else { TallyOutcome::Succeeded },
            attempts: 1 + u32::from(offset),
            counts: counts(usize::from(offset)),
        };
        let outcomes: Vec<_> = outcomes.iter().filter(|(offset, _)| u64::from(*offset) < size).map(counted).collect();
        if outcomes.is_empty() {
            return;
        }
        self.tally(Tally { group, generation: self.generation_or(false), outcomes }).await;
    }

    async fn begin_redrive(&mut self, stale: bool, cancelled: bool, other_limit: bool) {
        let execution = self.memory.executions.get(&self.execution_id);
        let has_limit = execution.is_some_and(|row| row.policy.max_concurrency.is_some());
        let request = BeginRedrive {
            execution_id: self.execution_id,
            generation: self.generation_or(stale) + 1,
            selection: Selection { failed: true, cancelled, only: cancelled.then(|| "0,5-200".parse().unwrap()) },
            limited: has_limit != other_limit,
            now: self.now,
            due_at: self.later(300),
        };
        self.both(&request).await;
    }

    /// Everything of some groups that did not succeed, with what it was counted with. Groups that are un-folded already may be among them,
    /// as a caller read them before.
    async fn unfold(&mut self, groups: &[u64]) {
        let generation = self.generation_or(false);
        let unfolds: Vec<_> = groups.iter().filter_map(|group| self.unfold_of(*group, generation)).collect();
        let Some(first) = unfolds.first() else { return };
        // As another caller, who was faster by one group.
        let one = Unfold { execution_id: self.execution_id, generation, groups: vec![first.clone()], now: self.now };
        let all = Unfold { groups: unfolds.clone(), ..one.clone() };
        for request in if groups.len() > 2 { vec![one, all] } else { vec![all] } {
            if let UnfoldOutcome::Unfolded(_) = self.both(&request).await {
                for UnfoldGroup { tally, offsets, .. } in &request.groups {
                    self.counted.entry(tally.group).or_default().retain(|offset, _| !offsets.contains_key(offset));
                }
            }
        }
    }

    fn unfold_of(&self, group: u64, generation: u32) -> Option<UnfoldGroup> {
        let group = self.group(group);
        // One of this generation is un-folded already: no caller asks for it again.
        let is_older = |tally: &&TallyRow| tally.generation < generation;
        let tally = self.memory.tallies.get(&group).filter(is_older).cloned()?;
        let unsuccessful =
            |&(offset, _): &(&u8, _)| tally.failed.contains(*offset) || tally.cancelled.contains(*offset);
        let counted: BTreeMap<u8, Counted> = self.counted.get(&group).cloned().unwrap_or_default();
        let mut unfold = UnfoldGroup {
            tally: tally.clone(),
            offsets: BTreeMap::new(),
            attempts: 0,
            counts: control_table::rows::Counts::default(),
        };
        for (offset, counted) in counted.iter().filter(unsuccessful) {
            unfold.offsets.insert(*offset, counted.outcome);
            unfold.attempts += u64::from(counted.attempts);
            unfold.counts.add(&counted.counts);
        }
        (!unfold.offsets.is_empty()).then_some(unfold)
    }

    async fn acquire(&mut self, stale: bool, from: Option<u64>, segments: &[usize]) {
        let execution = self.memory.executions.get(&self.execution_id);
        let reached = execution.and_then(|row| row.admitted_until).unwrap_or_default();
        let seen = from.unwrap_or(reached);
        let segments: Vec<u64> = segments.iter().map(|&at| SEGMENTS[at]).filter(|&index| index >= seen).collect();
        let request = AcquireSlots {
            execution_id: self.execution_id,
            generation: self.generation_or(stale),
            seen,
            next: segments.last().map_or(seen, |last| last + 1),
            limit: execution.and_then(|row| row.policy.max_concurrency),
            segments,
        };
        self.both(&request).await;
    }

    /// An external group. Its rows cannot exist: an execution that is filled by external adds has no plan.
    async fn add_external(&mut self, part: u64, other: bool, ahead: u64) {
        let groups = self.memory.executions.get(&self.execution_id).map_or(0, |row| row.groups);
        let group = self.group(groups + ahead);
        if groups + ahead >= GROUPS || self.memory.segments.values().any(|row| row.group == group) {
            return;
        }
        let request = AddExternal {
            group,
            part: AddPart { token: "token".parse().unwrap(), number: part },
            digest: if other { "two" } else { "one" }.to_owned(),
            specs: vec![serde_json::json!({"x": 1.0}), serde_json::Value::Null],
            generation: 1,
            now: self.now,
        };
        if self.both(&request).await == AddExternalOutcome::Added {
            let mark = self.tables[0].add_mark(self.execution_id, &request.part).await.unwrap();
            assert_eq!(self.tables[1].add_mark(self.execution_id, &request.part).await.unwrap(), mark);
            assert_eq!(mark, Some(request.mark()));
        }
    }

    /// A repair's correction of a row that exists.
    async fn overwrite(&mut self, step: &OperatorStep) {
        let id = self.execution_id;
        match step {
            OperatorStep::OverwriteExecution { seen, counter } => {
                let Some(row) = self.memory.executions.get(&id).cloned() else { return };
                let mut right = row.clone();
                right.counts.counters.0.insert("overwritten".to_owned(), *counter);
                right.due = None;
                self.overwrite_with(request(*seen, row, right, |row| row.attempts += 1)).await;
            }
            OperatorStep::OverwriteTally { group, seen, counter } => {
                let Some(row) = self.memory.tallies.get(&self.group(*group)).cloned() else { return };
                let mut right = row.clone();
                // No count that an un-fold takes from the execution: it may be folded already.
                right.counts.counters.0.insert("overwritten".to_owned(), *counter);
                right.puts_again += 1;
                self.overwrite_with(request(*seen, row, right, |row| row.folded += 7)).await;
            }
            OperatorStep::OverwriteSegment { segment, seen, counter } => {
                let Some(row) = self.memory.segments.get(&self.segment(*segment)).cloned() else { return };
                let mut right = row.clone();
                // No counter: a row that is not finished has none.
                (right.spec, right.retry_puts) = (serde_json::json!({ "overwritten": counter }), 9);
                self.overwrite_with(request(*seen, row, right, |row| row.attempt += 7)).await;
            }
            _ => {}
        }
    }
}

impl Pair {
    /// Nothing to do if the row is right already.
    async fn overwrite_with<R: Row>(&mut self, request: Option<OverwriteIfUnchanged<R>>) {
        if let Some(request) = request {
            self.both(&request).await;
        }
    }
}

fn request<R: Row>(seen: Seen, row: R, right: R, other: impl FnOnce(&mut R)) -> Option<OverwriteIfUnchanged<R>> {
    let mut believed = row;
    let seen = match seen {
        Seen::AsItIs => Some(believed),
        Seen::AsItIsNot => {
            other(&mut believed);
            Some(believed)
        }
        Seen::NotThere => None,
    };
    OverwriteIfUnchanged::new(seen, right)
}
