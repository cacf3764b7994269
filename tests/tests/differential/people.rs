//! What people, and limits, do to a run: cancel, redrive, limits of segments in flight, adds from outside, repairs.

use std::collections::BTreeMap;

use control_table::item::{AddPart, AsideSource, Notice, Selection, Stop, TallyOutcome, TallyRow};
use control_table::op::{
    Append, AppendOutcome, BeginRedrive, Cancel, CancelRow, Counted, EndRedrive, FreeSlot, HandOut, NoteFailure,
    PutBack, Restore, SetAside, SetPolicy, Tally, Tell, Unfold, UnfoldOutcome,
};
use control_table::policy::Tolerance;
use proptest::prelude::*;

use crate::{GROUPS, Pair, SEGMENTS, counts};

/// One step. `stale` has it speak of a generation that is not the execution's.
#[derive(Debug, Clone)]
pub enum People {
    TallyMany { group: u64, outcomes: Vec<(u8, bool)> },
    Cancel { stale: bool, reason: Stop },
    CancelRow { segment: usize, stale: bool },
    BeginRedrive { stale: bool, cancelled: bool, limited: bool },
    Unfold { group: u64 },
    PutBack { segment: usize, stale: bool },
    EndRedrive { stale: bool },
    SetPolicy { slots: Option<u32>, tolerated: Option<u64> },
    HandOut { stale: bool, from: Option<u64>, segments: Vec<usize> },
    FreeSlot { stale: bool, segments: Vec<u64> },
    Append { part: u64, digest: bool, ahead: u64 },
    NoteFailure { segment: usize, stale: bool },
    Tell { stale: bool, stalled: bool },
    RestoreExecution { seen: Seen, counter: i64 },
    RestoreTally { group: u64, seen: Seen, counter: i64 },
    RestoreSegment { segment: usize, seen: Seen, counter: i64 },
    SetAside { gather: bool, event: u8, payload: Vec<u8> },
}

/// What whoever restores a row believes that it was.
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

pub fn step() -> impl Strategy<Value = People> {
    let segment = 0..SEGMENTS.len();
    let indexes = prop::sample::subsequence(SEGMENTS.to_vec(), 0..=SEGMENTS.len());
    let which = prop::sample::subsequence((0..SEGMENTS.len()).collect::<Vec<_>>(), 0..=SEGMENTS.len());
    let reason = prop_oneof![Just(Stop::Requested), Just(Stop::TooManyFailures)];
    prop_oneof![
        3 => (0..2_u64, prop::collection::vec((0..2_u8, any::<bool>()), 1..5))
            .prop_map(|(group, outcomes)| People::TallyMany { group, outcomes }),
        1 => (stale(), reason).prop_map(|(stale, reason)| People::Cancel { stale, reason }),
        3 => (segment.clone(), stale()).prop_map(|(segment, stale)| People::CancelRow { segment, stale }),
        3 => (stale(), any::<bool>(), stale())
            .prop_map(|(stale, cancelled, limited)| People::BeginRedrive { stale, cancelled, limited }),
        4 => (0..2_u64).prop_map(|group| People::Unfold { group }),
        4 => (segment.clone(), stale()).prop_map(|(segment, stale)| People::PutBack { segment, stale }),
        2 => stale().prop_map(|stale| People::EndRedrive { stale }),
        2 => (prop::option::of(1..4_u32), prop::option::of(0..4_u64))
            .prop_map(|(slots, tolerated)| People::SetPolicy { slots, tolerated }),
        6 => (stale(), prop::option::weighted(0.1, 0..130_u64), which)
            .prop_map(|(stale, from, segments)| People::HandOut { stale, from, segments }),
        3 => (stale(), indexes, 0..2_usize).prop_map(|(stale, indexes, repeats)| {
            let segments = std::iter::repeat_n(indexes, repeats + 1).flatten().collect();
            People::FreeSlot { stale, segments }
        }),
        4 => (0..3_u64, stale(), prop_oneof![9 => Just(0_u64), 1 => Just(1)])
            .prop_map(|(part, digest, ahead)| People::Append { part, digest, ahead }),
        1 => (segment.clone(), stale()).prop_map(|(segment, stale)| People::NoteFailure { segment, stale }),
        1 => (stale(), any::<bool>()).prop_map(|(stale, stalled)| People::Tell { stale, stalled }),
        1 => (seen(), -2..3_i64).prop_map(|(seen, counter)| People::RestoreExecution { seen, counter }),
        1 => (0..2_u64, seen(), -2..3_i64)
            .prop_map(|(group, seen, counter)| People::RestoreTally { group, seen, counter }),
        1 => (segment, seen(), -2..3_i64)
            .prop_map(|(segment, seen, counter)| People::RestoreSegment { segment, seen, counter }),
        1 => (any::<bool>(), 0..3_u8, prop::collection::vec(any::<u8>(), 0..4))
            .prop_map(|(gather, event, payload)| People::SetAside { gather, event, payload }),
    ]
}

/// Both sides take the request, with the same outcome.
macro_rules! both {
    ($pair:expr, $operation:ident, $request:expr) => {{
        let request = $request;
        let outcome = $pair.table.$operation(&request).await.unwrap();
        assert_eq!(outcome, $pair.memory.$operation(&request), "{request:?}");
        outcome
    }};
}

impl Pair {
    pub async fn take_of_people(&mut self, step: &People) {
        let (execution_id, now) = (self.execution_id, self.now);
        match step {
            People::TallyMany { group, outcomes } => self.tally_many(*group, outcomes).await,
            People::Cancel { stale, reason } => {
                let (generation, due_at) = (self.generation_or(*stale), self.later(300));
                both!(self, cancel, Cancel { execution_id, generation, reason: *reason, due_at });
            }
            People::CancelRow { segment, stale } => {
                let (segment, generation) = (self.segment(*segment), self.generation_or(*stale));
                both!(self, cancel_row, CancelRow { segment, generation, now });
            }
            People::BeginRedrive { stale, cancelled, limited } => {
                self.begin_redrive(*stale, *cancelled, *limited).await;
            }
            People::Unfold { group } => self.unfold(*group).await,
            People::PutBack { segment, stale } => {
                let (segment, generation) = (self.segment(*segment), self.generation_or(*stale));
                both!(self, put_back, PutBack { segment, generation });
            }
            People::EndRedrive { stale } => {
                let generation = self.generation_or(*stale);
                both!(self, end_redrive, EndRedrive { execution_id, generation });
            }
            People::SetPolicy { slots, tolerated } => {
                let (max_concurrency, tolerated_failures) = (*slots, tolerated.map(Tolerance::Count));
                both!(self, set_policy, SetPolicy { execution_id, max_concurrency, tolerated_failures });
            }
            People::HandOut { stale, from, segments } => self.hand_out(*stale, *from, segments).await,
            People::FreeSlot { stale, segments } => {
                let (generation, segments) = (self.generation_or(*stale), segments.clone());
                both!(self, free_slot, FreeSlot { execution_id, generation, segments });
            }
            People::Append { part, digest, ahead } => self.append(*part, *digest, *ahead).await,
            People::NoteFailure { segment, stale } => {
                let (segment, generation) = (self.segment(*segment), self.generation_or(*stale));
                both!(self, note_failure, NoteFailure { segment, generation, due_at: now });
            }
            People::Tell { stale, stalled } => {
                let notice = if *stalled { Notice::Stalled } else { Notice::FirstFailure };
                let generation = self.generation_or(*stale);
                both!(self, tell, Tell { execution_id, generation, notice });
            }
            People::RestoreExecution { .. } | People::RestoreTally { .. } | People::RestoreSegment { .. } => {
                self.restore(step).await;
            }
            People::SetAside { gather, event, payload } => {
                let source = if *gather { AsideSource::Gather } else { AsideSource::Worker };
                let event_id = if *event == 0 { String::new() } else { format!("shard:{event}") };
                let (reason, payload) = ("no record of ours".to_owned(), payload.clone());
                both!(self, set_aside, SetAside { source, event_id, reason, payload, now });
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
        both!(self, begin_redrive, request);
    }

    /// Everything of a group that did not succeed, with what it was counted with.
    async fn unfold(&mut self, group: u64) {
        let group = self.group(group);
        // One of this generation is taken back already: nobody asks for it again.
        let generation = self.generation_or(false);
        let is_older = |tally: &&TallyRow| tally.generation < generation;
        let Some(tally) = self.memory.tallies.get(&group).filter(is_older).cloned() else { return };
        let unsuccessful = |&(offset, _): &(&u8, _)| tally.failed.contains(offset) || tally.cancelled.contains(offset);
        let counted: BTreeMap<u8, Counted> = self.counted.get(&group).cloned().unwrap_or_default();
        let mut request = Unfold {
            generation,
            tally: tally.clone(),
            offsets: BTreeMap::new(),
            attempts: 0,
            counts: control_table::item::Counts::default(),
        };
        for (offset, counted) in counted.iter().filter(unsuccessful) {
            request.offsets.insert(*offset, counted.outcome);
            request.attempts += u64::from(counted.attempts);
            request.counts.add(&counted.counts);
        }
        if request.offsets.is_empty() {
            return;
        }
        let offsets = request.offsets.clone();
        if both!(self, unfold, request) == UnfoldOutcome::Unfolded {
            self.counted.entry(group).or_default().retain(|offset, _| !offsets.contains_key(offset));
        }
    }

    async fn hand_out(&mut self, stale: bool, from: Option<u64>, segments: &[usize]) {
        let execution = self.memory.executions.get(&self.execution_id);
        let reached = execution.and_then(|row| row.handed_out).unwrap_or_default();
        let seen = from.unwrap_or(reached);
        let segments: Vec<u64> = segments.iter().map(|&at| SEGMENTS[at]).filter(|&index| index >= seen).collect();
        let request = HandOut {
            execution_id: self.execution_id,
            generation: self.generation_or(stale),
            seen,
            next: segments.last().map_or(seen, |last| last + 1),
            limit: execution.and_then(|row| row.policy.max_concurrency),
            segments,
        };
        both!(self, hand_out, request);
    }

    /// A group from outside. Its rows cannot be there: who fills an execution from outside plans none of it.
    async fn append(&mut self, part: u64, other: bool, ahead: u64) {
        let groups = self.memory.executions.get(&self.execution_id).map_or(0, |row| row.groups);
        let group = self.group(groups + ahead);
        if groups + ahead >= GROUPS || self.memory.segments.values().any(|row| row.group == group) {
            return;
        }
        let request = Append {
            group,
            part: AddPart { token: "token".parse().unwrap(), number: part },
            digest: if other { "two" } else { "one" }.to_owned(),
            specs: vec![serde_json::json!({"x": 1.0}), serde_json::Value::Null],
            generation: 1,
            now: self.now,
            expires_at: other.then_some(9_000),
        };
        if both!(self, append, request.clone()) == AppendOutcome::Appended {
            let mark = self.table.add_mark(self.execution_id, &request.part).await.unwrap();
            assert_eq!(mark, Some(request.mark()));
        }
    }

    /// A repair's correction of a row that is there.
    async fn restore(&mut self, step: &People) {
        let id = self.execution_id;
        match step {
            People::RestoreExecution { seen, counter } => {
                let Some(row) = self.memory.executions.get(&id).cloned() else { return };
                let mut right = row.clone();
                right.counts.counters.0.insert("restored".to_owned(), *counter);
                right.due = None;
                let request = request(*seen, row, right, |row| row.attempts += 1);
                let outcome = self.table.restore(&request).await.unwrap();
                assert_eq!(outcome, self.memory.restore_execution(&request));
            }
            People::RestoreTally { group, seen, counter } => {
                let Some(row) = self.memory.tallies.get(&self.group(*group)).cloned() else { return };
                let mut right = row.clone();
                // No count that an un-fold takes from the execution: it may be folded already.
                right.counts.counters.0.insert("restored".to_owned(), *counter);
                right.expires_at = Some(9_000 + counter);
                let request = request(*seen, row, right, |row| row.folded += 7);
                let outcome = self.table.restore(&request).await.unwrap();
                assert_eq!(outcome, self.memory.restore_tally(&request));
            }
            People::RestoreSegment { segment, seen, counter } => {
                let Some(row) = self.memory.segments.get(&self.segment(*segment)).cloned() else { return };
                let mut right = row.clone();
                // No counter: a row that is not finished has none.
                (right.spec, right.expires_at) = (serde_json::json!({ "restored": counter }), Some(9_000 + counter));
                let request = request(*seen, row, right, |row| row.attempt += 7);
                let outcome = self.table.restore(&request).await.unwrap();
                assert_eq!(outcome, self.memory.restore_segment(&request));
            }
            _ => {}
        }
    }
}

fn request<R: Clone>(seen: Seen, row: R, right: R, other: impl FnOnce(&mut R)) -> Restore<R> {
    let mut believed = row;
    let seen = match seen {
        Seen::AsItIs => Some(believed),
        Seen::AsItIsNot => {
            other(&mut believed);
            Some(believed)
        }
        Seen::NotThere => None,
    };
    Restore { seen, below_zero: BTreeMap::new(), row: right }
}
