//! Admission: which segments get a record next, in an execution that limits its segments in flight.
//!
//! In such an execution a segment gets its record when it acquires a slot, not when its group is committed. Every caller that
//! releases a slot or adds segments admits: the scatter after each group, gather after an outcome, and the sweeper in case one of
//! them died before it did.
//!
//! Concurrent calls are safe: acquiring is a compare-and-swap on the execution, so one call wins and the others read again. A call
//! that dies between the slots and the records leaves segments with a slot and without a record; the sweeper sends those records.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use control_table::ControlTable;
use control_table::id::ExecutionId;
use control_table::limits::{GROUP_SIZE, KEYS_PER_BATCH_GET};
use control_table::operation::{AcquireSlots, AcquireSlotsOutcome};
use control_table::rows::{ExecutionRow, PlanRow, SegmentRow};

use crate::error::EngineError;
use crate::outgoing::Outgoing;
use crate::records::record;

/// Segments admitted in one step: one `PutRecords` takes as many records (Kinesis quota).
const SEGMENTS_PER_STEP: usize = 500;

/// Groups that one step passes over, beside the one it begins in: their tallies are one `BatchGetItem`.
const GROUPS_PER_STEP: u64 = KEYS_PER_BATCH_GET as u64;

/// Steps of one call. The largest execution has 78,125 groups, so passing over all of them takes 774; the rest is for slots
/// that workers release meanwhile.
const MAX_STEPS: usize = 2_000;

/// Steps that a call may lose to others before it leaves the rest to them: the call that wins continues until no slot is free.
const MAX_LOST: usize = 16;

/// Cheap to clone; clones share the plan they read last.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    table: ControlTable,
    outgoing: Outgoing,
    /// The plan of the latest execution, without its source. A plan never changes, and its parameters may be long.
    latest_plan: Arc<Mutex<Option<Arc<PlanRow>>>>,
}

/// What one call did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Admitted {
    /// Records it sent.
    pub records: u64,
}

/// The next segments to admit, and the index that admission has reached with them.
struct Next {
    rows: Vec<SegmentRow>,
    next: u64,
}

impl Admission {
    #[must_use]
    pub fn new(table: ControlTable, outgoing: Outgoing) -> Self {
        Self { table, outgoing, latest_plan: Arc::default() }
    }

    /// See [`crate::Engine::admit`].
    pub async fn admit(&self, execution_id: ExecutionId) -> Result<Admitted, EngineError> {
        let execution = self.table.execution(execution_id).await?;
        let mut execution = execution.ok_or(EngineError::NotFound { execution_id })?;
        let (mut admitted, mut lost) = (Admitted::default(), 0);
        for _ in 0..MAX_STEPS {
            let Some(next) = self.next(&execution).await? else { break };
            execution = match self.acquire(&execution, &next).await? {
                AcquireSlotsOutcome::Admitted(row) => {
                    admitted.records += self.put(&row, next.rows).await?;
                    *row
                }
                AcquireSlotsOutcome::Full(row) | AcquireSlotsOutcome::Moved(row) if lost < MAX_LOST => {
                    lost += 1;
                    *row
                }
                _ => break,
            };
        }
        Ok(admitted)
    }

    async fn acquire(&self, execution: &ExecutionRow, next: &Next) -> Result<AcquireSlotsOutcome, EngineError> {
        let request = AcquireSlots {
            execution_id: execution.execution_id,
            generation: execution.generation,
            seen: execution.admitted_until.unwrap_or_default(),
            next: next.next,
            limit: execution.policy.max_concurrency,
            segments: next.rows.iter().map(|row| row.index).collect(),
        };
        Ok(self.table.execute(&request).await?)
    }

    /// Finds the next waiting segments: in the group that admission has reached, and in later groups whose tallies have pending
    /// segments. `None` if no slot is free or no group is left.
    async fn next(&self, execution: &ExecutionRow) -> Result<Option<Next>, EngineError> {
        let (Some(free), Some(from)) = (execution.free_slots(), execution.admitted_until) else { return Ok(None) };
        let (want, first) = (free.min(SEGMENTS_PER_STEP), from / GROUP_SIZE);
        if want == 0 || first >= execution.groups {
            return Ok(None);
        }
        // A remainder below GROUP_SIZE, so it fits.
        let offset = u8::try_from(from % GROUP_SIZE).unwrap_or(0);
        let mut rows = self.waiting(execution, first, offset, want).await?;
        let mut end = first + 1;
        if rows.len() < want {
            let after = end..execution.groups.min(end + GROUPS_PER_STEP);
            end = after.end;
            for group in self.unfinished(execution, after).await? {
                if rows.len() == want {
                    break;
                }
                rows.extend(self.waiting(execution, group, 0, want - rows.len()).await?);
            }
        }
        let next = match rows.last() {
            Some(last) if rows.len() == want => last.index + 1,
            _ => end * GROUP_SIZE,
        };
        Ok(Some(Next { rows, next }))
    }

    async fn waiting(
        &self,
        execution: &ExecutionRow,
        group: u64,
        offset: u8,
        limit: usize,
    ) -> Result<Vec<SegmentRow>, EngineError> {
        let group = execution.execution_id.group(group);
        Ok(self.table.waiting_segments(group, offset, execution.generation, limit).await?)
    }

    /// The groups with segments that have no outcome in this generation; in a redrive most have none. A group that lost its tally
    /// counts as one.
    async fn unfinished(&self, execution: &ExecutionRow, groups: Range<u64>) -> Result<Vec<u64>, EngineError> {
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let tallies = self.table.tallies(execution.execution_id, groups.clone()).await?;
        let done = |group: u64| {
            let tally = tallies.iter().find(|tally| tally.group.group == group);
            tally.is_some_and(|tally| tally.pending == 0 || tally.generation != execution.generation)
        };
        Ok(groups.filter(|&group| !done(group)).collect())
    }

    async fn put(&self, execution: &ExecutionRow, rows: Vec<SegmentRow>) -> Result<u64, EngineError> {
        if rows.is_empty() {
            return Ok(0);
        }
        let plan = self.plan(execution.execution_id).await?;
        let records: Vec<_> =
            rows.into_iter().map(|row| record(execution, &plan, row.index, row.generation, row.spec)).collect();
        self.outgoing.put(&records).await?;
        Ok(records.len() as u64)
    }

    /// The plan without its source, which no record carries.
    async fn plan(&self, execution_id: ExecutionId) -> Result<Arc<PlanRow>, EngineError> {
        let remembered = self.latest_plan.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(plan) = remembered.filter(|plan| plan.execution_id == execution_id) {
            return Ok(plan);
        }
        let mut plan = self.table.plan(execution_id).await?.ok_or(EngineError::NotFound { execution_id })?;
        plan.source = serde_json::Value::Null;
        let plan = Arc::new(plan);
        *self.latest_plan.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&plan));
        Ok(plan)
    }
}
