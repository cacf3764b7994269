//! The control table on plain values: the meanings of the operations, over a map of rows.
//!
//! The model checker explores it, and a differential test holds it against `DynamoDB`.

use std::collections::BTreeMap;

use crate::id::{ExecutionId, GroupId, SegmentId};
use crate::item::{AddMarkRow, ExecutionRow, ItemKey, KeyRow, PlanRow, Row, SegmentRow, SetAsideRow, TallyRow};
use crate::op::{
    AddRows, Append, AppendOutcome, BeginRedrive, BeginRedriveOutcome, Cancel, CancelOutcome, CancelRow,
    CancelRowOutcome, Claim, ClaimOutcome, CommitGroup, CommitGroupOutcome, Complete, CompleteOutcome, EndRedrive,
    EndRedriveOutcome, Finish, FinishOutcome, Fold, FoldOutcome, FreeSlot, FreeSlotOutcome, HandOut, HandOutOutcome,
    MarkPublished, MarkPublishedOutcome, NoteFailure, NoteFailureOutcome, Observe, ObserveOutcome, Open, OpenOutcome,
    PutBack, PutBackOutcome, Release, ReleaseOutcome, Reschedule, RescheduleOutcome, Restore, RestoreOutcome, Seal,
    SealOutcome, SetAside, SetAsideOutcome, SetPolicy, SetPolicyOutcome, Tally, TallyResult, Tell, TellOutcome, Unfold,
    UnfoldOutcome,
};

/// Every row of the table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MemoryTable {
    /// Key items, by their keys.
    pub keys: BTreeMap<ItemKey, KeyRow>,
    /// Executions.
    pub executions: BTreeMap<ExecutionId, ExecutionRow>,
    /// Plans.
    pub plans: BTreeMap<ExecutionId, PlanRow>,
    /// Tallies.
    pub tallies: BTreeMap<GroupId, TallyRow>,
    /// Marks of adds, by their keys.
    pub marks: BTreeMap<ItemKey, AddMarkRow>,
    /// Segments.
    pub segments: BTreeMap<SegmentId, SegmentRow>,
    /// What was set aside.
    pub set_aside: BTreeMap<ItemKey, SetAsideRow>,
}

/// Runs `change` on the entry as an optional row, and puts back what it leaves.
fn with<K: Ord, R, O>(rows: &mut BTreeMap<K, R>, key: K, change: impl FnOnce(&mut Option<R>) -> O) -> O {
    let mut row = rows.remove(&key);
    let outcome = change(&mut row);
    if let Some(row) = row {
        rows.insert(key, row);
    }
    outcome
}

impl MemoryTable {
    /// See [`Open`].
    pub fn open(&mut self, request: &Open) -> OpenOutcome {
        let key = KeyRow::key_of(&request.job, &request.key);
        let (outcome, rows) = with(&mut self.keys, key, |key| request.apply(key));
        if let Some((execution, plan)) = rows {
            self.plans.insert(request.execution_id, plan);
            self.executions.insert(request.execution_id, execution);
        }
        outcome
    }

    /// See [`AddRows`].
    pub fn add_rows(&mut self, request: &AddRows) {
        for fresh in request.rows() {
            with(&mut self.segments, fresh.id(), |row| AddRows::apply(row, fresh));
        }
    }

    /// See [`CommitGroup`].
    pub fn commit_group(&mut self, request: &CommitGroup) -> CommitGroupOutcome {
        let tallies = &mut self.tallies;
        with(&mut self.executions, request.group.execution_id, |execution| {
            with(tallies, request.group, |tally| request.apply(execution, tally))
        })
    }

    /// See [`Append`].
    pub fn append(&mut self, request: &Append) -> AppendOutcome {
        let execution_id = request.group.execution_id;
        let marks = &mut self.marks;
        let outcome = with(&mut self.executions, execution_id, |execution| {
            with(marks, AddMarkRow::key_of(execution_id, &request.part), |mark| request.apply(execution, mark))
        });
        if outcome == AppendOutcome::Appended {
            self.tallies.insert(request.group, request.tally());
            self.segments.extend(request.rows().map(|row| (row.id(), row)));
        }
        outcome
    }

    /// See [`Seal`].
    pub fn seal(&mut self, request: &Seal) -> SealOutcome {
        with(&mut self.executions, request.execution_id, |execution| request.apply(execution))
    }

    /// See [`Claim`].
    pub fn claim(&mut self, request: &Claim) -> ClaimOutcome {
        with(&mut self.segments, request.segment, |row| request.apply(row))
    }

    /// See [`Finish`].
    pub fn finish(&mut self, request: &Finish) -> FinishOutcome {
        with(&mut self.segments, request.segment, |row| request.apply(row))
    }

    /// See [`Tally`].
    pub fn tally(&mut self, request: &Tally) -> TallyResult {
        with(&mut self.tallies, request.group, |tally| request.apply(tally))
    }

    /// See [`Fold`].
    pub fn fold(&mut self, request: &Fold) -> FoldOutcome {
        let mut stored: Vec<_> = request.tallies.iter().map(|seen| self.tallies.remove(&seen.group)).collect();
        let outcome = with(&mut self.executions, request.execution_id, |row| request.apply(row, &mut stored));
        self.tallies.extend(stored.into_iter().flatten().map(|tally| (tally.group, tally)));
        outcome
    }

    /// See [`Complete`].
    pub fn complete(&mut self, request: &Complete, execution_id: ExecutionId) -> CompleteOutcome {
        with(&mut self.executions, execution_id, |execution| request.apply(execution))
    }

    /// See [`MarkPublished`].
    pub fn mark_published(&mut self, request: &MarkPublished) -> MarkPublishedOutcome {
        with(&mut self.executions, request.execution_id, |execution| request.apply(execution))
    }

    /// See [`Release`].
    pub fn release(&mut self, request: &Release) -> ReleaseOutcome {
        with(&mut self.segments, request.segment, |row| request.apply(row))
    }

    /// See [`Reschedule`].
    pub fn reschedule(&mut self, request: &Reschedule) -> RescheduleOutcome {
        with(&mut self.segments, request.segment, |row| request.apply(row))
    }

    /// See [`Observe`].
    pub fn observe(&mut self, request: &Observe) -> ObserveOutcome {
        with(&mut self.executions, request.execution_id, |execution| request.apply(execution))
    }

    /// See [`Cancel`].
    pub fn cancel(&mut self, request: &Cancel) -> CancelOutcome {
        with(&mut self.executions, request.execution_id, |execution| request.apply(execution))
    }

    /// See [`CancelRow`].
    pub fn cancel_row(&mut self, request: &CancelRow) -> CancelRowOutcome {
        with(&mut self.segments, request.segment, |row| request.apply(row))
    }

    /// See [`BeginRedrive`].
    pub fn begin_redrive(&mut self, request: &BeginRedrive) -> BeginRedriveOutcome {
        with(&mut self.executions, request.execution_id, |execution| request.apply(execution))
    }

    /// See [`PutBack`].
    pub fn put_back(&mut self, request: &PutBack) -> PutBackOutcome {
        with(&mut self.segments, request.segment, |row| request.apply(row))
    }

    /// See [`EndRedrive`].
    pub fn end_redrive(&mut self, request: &EndRedrive) -> EndRedriveOutcome {
        with(&mut self.executions, request.execution_id, |execution| request.apply(execution))
    }

    /// See [`Tell`].
    pub fn tell(&mut self, request: &Tell) -> TellOutcome {
        with(&mut self.executions, request.execution_id, |execution| request.apply(execution))
    }

    /// See [`SetAside`].
    pub fn set_aside(&mut self, request: &SetAside) -> SetAsideOutcome {
        with(&mut self.set_aside, request.row().key(), |row| request.apply(row))
    }

    /// See [`SetPolicy`].
    pub fn set_policy(&mut self, request: &SetPolicy) -> SetPolicyOutcome {
        with(&mut self.executions, request.execution_id, |execution| request.apply(execution))
    }

    /// See [`NoteFailure`].
    pub fn note_failure(&mut self, request: &NoteFailure) -> NoteFailureOutcome {
        with(&mut self.executions, request.segment.execution_id, |execution| request.apply(execution))
    }

    /// See [`FreeSlot`].
    pub fn free_slot(&mut self, request: &FreeSlot) -> FreeSlotOutcome {
        with(&mut self.executions, request.execution_id, |execution| request.apply(execution))
    }

    /// See [`HandOut`].
    pub fn hand_out(&mut self, request: &HandOut) -> HandOutOutcome {
        with(&mut self.executions, request.execution_id, |execution| request.apply(execution))
    }

    /// See [`Restore`].
    pub fn restore_execution(&mut self, request: &Restore<ExecutionRow>) -> RestoreOutcome<ExecutionRow> {
        with(&mut self.executions, request.row.execution_id, |row| request.apply(row))
    }

    /// See [`Restore`].
    pub fn restore_tally(&mut self, request: &Restore<TallyRow>) -> RestoreOutcome<TallyRow> {
        with(&mut self.tallies, request.row.group, |row| request.apply(row))
    }

    /// See [`Restore`].
    pub fn restore_segment(&mut self, request: &Restore<SegmentRow>) -> RestoreOutcome<SegmentRow> {
        with(&mut self.segments, request.row.id(), |row| request.apply(row))
    }

    /// See [`Restore`].
    pub fn restore_key(&mut self, request: &Restore<KeyRow>) -> RestoreOutcome<KeyRow> {
        with(&mut self.keys, request.row.key(), |row| request.apply(row))
    }

    /// See [`Unfold`].
    pub fn unfold(&mut self, request: &Unfold) -> UnfoldOutcome {
        let tallies = &mut self.tallies;
        with(&mut self.executions, request.group().execution_id, |execution| {
            with(tallies, request.group(), |tally| request.apply(execution, tally))
        })
    }
}
