//! Hands segments out to the stream, where an execution limits those in flight.
//!
//! With such a limit a segment gets its record when it gets a slot, not when its group is committed. Whoever makes a slot free, or
//! adds segments, calls this: the scatter after each group, a worker or the gather after an outcome, and the sweeper in case
//! one of them died before it did.
//!
//! Calls at once are safe: the next segments are taken by whoever moves the execution on from what it has seen, and the others
//! look again. A call that dies between the slots and the records leaves slots whose segments have no record; the sweeper's
//! walk puts those again.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use control_table::ControlTable;
use control_table::id::ExecutionId;
use control_table::rows::{ExecutionRow, PlanRow, SegmentRow};
use control_table::limits::{GROUP_SIZE, KEYS_PER_BATCH_GET};
use control_table::operation::{AcquireSlots, AcquireSlotsOutcome};

use crate::dispatch::Dispatcher;
use crate::error::EngineError;
use crate::records::record;

/// Segments handed out in one step: one request to the stream takes as many records.
const SEGMENTS_PER_STEP: usize = 500;

/// Groups that one step passes over, beside the one it begins in: their tallies are one request.
const GROUPS_PER_STEP: u64 = KEYS_PER_BATCH_GET as u64;

/// Steps of one call. The largest execution has 78,125 groups, so passing over all of them takes 774; the rest is for
/// segments that other calls make room for meanwhile.
const MAX_STEPS: usize = 2_000;

/// Steps that a call may lose to others before it leaves the rest to them: whoever is first goes on until there is no room.
const MAX_LOST: usize = 16;

/// Hands segments out. Cheap to clone; clones remember the same parameters.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    table: ControlTable,
    dispatcher: Arc<dyn Dispatcher>,
    /// What the workers of the latest execution are told: it never changes, and may be long.
    told: Arc<Mutex<Option<Arc<PlanRow>>>>,
}

/// What one call did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Admitted {
    /// Records it put on the stream.
    pub records: u64,
}

/// The next segments, and how far the execution is then.
struct Next {
    rows: Vec<SegmentRow>,
    next: u64,
}

impl Admission {
    /// Hands out from that table, through that dispatcher.
    #[must_use]
    pub fn new(table: ControlTable, dispatcher: Arc<dyn Dispatcher>) -> Self {
        Self { table, dispatcher, told: Arc::default() }
    }

    /// Puts records of the next segments on the stream, until as many are in flight as the policy allows or all have been
    /// handed out. An execution without a limit, or in which nothing starts any more, is left as it is.
    pub async fn admit(&self, execution_id: ExecutionId) -> Result<Admitted, EngineError> {
        let execution = self.table.execution(execution_id).await?;
        let mut execution = execution.ok_or(EngineError::NotFound { execution_id })?;
        let (mut admitted_until, mut lost) = (Admitted::default(), 0);
        for _ in 0..MAX_STEPS {
            let Some(next) = self.next(&execution).await? else { break };
            execution = match self.take(&execution, &next).await? {
                AcquireSlotsOutcome::Admitted(row) => {
                    admitted_until.records += self.put(&row, next.rows).await?;
                    *row
                }
                AcquireSlotsOutcome::Full(row) | AcquireSlotsOutcome::Moved(row) if lost < MAX_LOST => {
                    lost += 1;
                    *row
                }
                _ => break,
            };
        }
        Ok(admitted_until)
    }

    /// The slots for the segments that were found.
    async fn take(&self, execution: &ExecutionRow, next: &Next) -> Result<AcquireSlotsOutcome, EngineError> {
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

    /// Looks for the next segments that wait: in the group that was reached, and in those after it whose tallies say that they
    /// have some. `None` where there is no room, or nothing left.
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

    /// The groups that have segments without an outcome in this generation. In a redrive most have none. One without a tally,
    /// which only damage can do, is looked into.
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
        let plan = self.told(execution.execution_id).await?;
        let records: Vec<_> = rows.into_iter().map(|row| record(execution, &plan, row.index, row.generation, row.spec)).collect();
        self.dispatcher.put(&records).await?;
        Ok(records.len() as u64)
    }

    /// The plan without its source, which no record has.
    async fn told(&self, execution_id: ExecutionId) -> Result<Arc<PlanRow>, EngineError> {
        let remembered = self.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(plan) = remembered.filter(|plan| plan.execution_id == execution_id) {
            return Ok(plan);
        }
        let mut plan = self.table.plan(execution_id).await?.ok_or(EngineError::NotFound { execution_id })?;
        plan.source = serde_json::Value::Null;
        let plan = Arc::new(plan);
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&plan));
        Ok(plan)
    }
}
