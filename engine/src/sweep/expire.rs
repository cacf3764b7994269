//! Deletes executions whose retention is over.
//!
//! Nothing of an execution carries a moment of deletion while it may still run: such a moment would have to be moved, row by row, when
//! the execution takes longer. So the sweeper deletes the rows when the retention after the completion is over, group by group, and the
//! execution's own row last: until then it is found again.

use chrono::{DateTime, Utc};
use control_table::id::{ExecutionId, GroupId};
use control_table::operation::CheckpointStepOutcome;
use control_table::rows::{DueKind, ExecutionRow, RowKey, TallyRow};

use crate::Engine;
use crate::error::EngineError;

/// Groups that are deleted between two checkpoints: some 2,000 rows, which take a second or two.
const GROUPS_AT_ONCE: u64 = 16;

/// Marks of adds that are deleted at once.
const MARKS_AT_ONCE: u16 = 1_000;

/// Deletions of marks at most: an execution has at most one for each of its groups.
const MARK_ROUNDS: usize = 100;

impl Engine {
    /// Deletes an execution until the deadline. Returns whether all of it is deleted; what is left is due at once.
    pub(crate) async fn expire(&self, execution_id: ExecutionId, until: DateTime<Utc>) -> Result<bool, EngineError> {
        let Some(execution) = self.table.execution(execution_id).await? else { return Ok(false) };
        let is_due = |row: &ExecutionRow| {
            row.due.is_some_and(|due| due.due_shard.kind() == DueKind::Expiry && due.due_at <= self.now())
        };
        if !is_due(&execution) || !execution.status.is_terminal() || execution.is_unpublished() {
            return Ok(false);
        }
        let mut cursor = execution.step_cursor.unwrap_or(0);
        // From this checkpoint on the execution cannot be redriven.
        while let CheckpointStepOutcome::Checkpointed(_) =
            self.checkpoint_step(&execution, cursor, self.clock.now() >= until).await?
        {
            if cursor >= execution.groups {
                self.delete_last_rows(&execution).await?;
                tracing::info!(%execution_id, "its retention is over: deleted");
                return Ok(true);
            }
            if self.clock.now() >= until {
                return Ok(false);
            }
            let end = execution.groups.min(cursor + GROUPS_AT_ONCE);
            self.delete_groups(execution_id, cursor..end).await?;
            cursor = end;
        }
        Ok(false)
    }

    /// Deletes the segments of groups, then their tallies: a group without a tally has no segments left, unless the tally was lost.
    async fn delete_groups(&self, execution_id: ExecutionId, groups: std::ops::Range<u64>) -> Result<(), EngineError> {
        let tallies = self.table.tallies(execution_id, groups.clone()).await?;
        let (mut segments, mut last) = (Vec::new(), Vec::new());
        for group in groups.map(|group| execution_id.group(group)) {
            match tallies.iter().find(|tally| tally.group == group) {
                Some(tally) => segments.extend(segments_of(tally)),
                None => segments.extend(self.segments_without_tally(group).await?),
            }
            last.push(RowKey::Tally(group));
        }
        self.table.delete_expired_rows(execution_id, &segments).await?;
        Ok(self.table.delete_expired_rows(execution_id, &last).await?)
    }

    async fn segments_without_tally(&self, group: GroupId) -> Result<Vec<RowKey>, EngineError> {
        let rows = self.table.group_segments(group, None).await?;
        Ok(rows.iter().map(|row| RowKey::Segment(row.id())).collect())
    }

    /// Marks, key, plan, and the execution itself.
    async fn delete_last_rows(&self, execution: &ExecutionRow) -> Result<(), EngineError> {
        let execution_id = execution.execution_id;
        for _ in 0..MARK_ROUNDS {
            let marks = self.table.add_marks(execution_id, MARKS_AT_ONCE).await?;
            if marks.is_empty() {
                break;
            }
            self.table.delete_expired_rows(execution_id, &marks).await?;
        }
        let rest = [RowKey::Key(execution.job.clone(), execution.key.clone()), RowKey::Plan(execution_id)];
        self.table.delete_expired_rows(execution_id, &rest).await?;
        Ok(self.table.delete_expired_rows(execution_id, &[RowKey::Execution(execution_id)]).await?)
    }
}

fn segments_of(tally: &TallyRow) -> impl Iterator<Item = RowKey> + use<> {
    let (group, size) = (tally.group, tally.size);
    let offsets = (0..=u8::MAX).take_while(move |&offset| u64::from(offset) < size);
    offsets.map(move |offset| RowKey::Segment(group.segment(offset)))
}
