//! An execution as people and scripts see it, while it runs and after.
//!
//! Folded groups are summed in the execution item; what is going on in the others is read off their tallies. A group that
//! is folded between the two reads would be counted twice or not at all, so tallies say whether they are folded, and a
//! view whose execution item is older than its tallies is read again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::id::{ExecutionId, ExecutionKey, JobName};
use crate::item::{Counts, ExecutionRow, ExecutionStatus, SegmentStatus, Stop, TallyRow};
use crate::table::ControlTable;

/// Unfinished groups in which running segments are counted: one short query each. Workers take segments in order, so
/// what runs is in the earliest of them.
const GROUPS_COUNTED: usize = 256;

/// Queries for running segments at once.
const QUERIES_AT_ONCE: usize = 16;

/// Tallies that one refresh of a live progress display reads at most: one `BatchGetItem`.
const TALLIES_PER_REFRESH: usize = 100;

/// Reads of execution and tallies until the two agree. A gather folds some times a second at most.
const READS: usize = 5;

/// An execution, with everything in it added up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExecutionView {
    /// Its ID.
    pub execution_id: ExecutionId,
    /// Its job.
    pub job: JobName,
    /// Its key.
    pub key: ExecutionKey,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// 1 for the first run, one more for each redrive.
    pub generation: u32,
    /// Segments added so far; all of them once it is sealed.
    pub segments: u64,
    /// Segments it will have, where its source knows.
    pub expected: Option<u64>,
    /// Segments that wait for a worker or for their retry.
    pub pending: u64,
    /// Segments that a worker has.
    pub running: u64,
    /// Segments that succeeded.
    pub succeeded: u64,
    /// Segments that failed.
    pub failed: u64,
    /// Segments that were cancelled.
    pub cancelled: u64,
    /// Items that the work counted.
    pub item_count: i64,
    /// Milliseconds of work, summed over the segments.
    pub duration_ms: u64,
    /// The user's counters.
    pub counters: BTreeMap<String, i64>,
    /// Attempts made by segments that have their outcome.
    pub attempts: u64,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// When it was sealed.
    pub sealed_at: Option<DateTime<Utc>>,
    /// When it completed.
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it is being, or was, stopped before its last segment had its outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stop>,
    /// Since when it counts as stalled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stalled_at: Option<DateTime<Utc>>,
    /// When it was last seen to move on, of one that is stalled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_at: Option<DateTime<Utc>>,
    /// The first segment of this generation that was seen to fail for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<u64>,
    /// Segments in flight, of one with a limit of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<u64>,
    /// The limit of segments in flight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u32>,
}

impl ExecutionView {
    /// The folded sums of an execution, plus those of tallies that are not folded.
    fn new<'a>(execution: &ExecutionRow, unfolded: impl IntoIterator<Item = &'a TallyRow>, running: u64) -> Self {
        let mut sums = execution.clone();
        for tally in unfolded {
            sums.succeeded += tally.succeeded.len() as u64;
            sums.failed += tally.failed.len() as u64;
            sums.cancelled += tally.cancelled.len() as u64;
            sums.attempts += tally.attempts;
            sums.counts.add(&tally.counts);
        }
        let open = sums.segments.saturating_sub(sums.succeeded + sums.failed + sums.cancelled);
        let running = running.min(open);
        let Counts { item_count, duration_ms, counters } = sums.counts;
        let is_stalled = sums.stalled_at.is_some();
        Self {
            execution_id: sums.execution_id,
            job: sums.job,
            key: sums.key,
            status: sums.status,
            generation: sums.generation,
            segments: sums.segments,
            expected: sums.expected,
            pending: open - running,
            running,
            succeeded: sums.succeeded,
            failed: sums.failed,
            cancelled: sums.cancelled,
            item_count,
            duration_ms,
            counters: counters.0,
            attempts: sums.attempts,
            created_at: sums.created_at.to_datetime(),
            sealed_at: sums.sealed_at.map(crate::clock::Timestamp::to_datetime),
            finished_at: sums.finished_at.map(crate::clock::Timestamp::to_datetime),
            stopped: sums.stopped,
            stalled_at: sums.stalled_at.map(crate::clock::Timestamp::to_datetime),
            progress_at: sums.progress_at.filter(|_| is_stalled).map(crate::clock::Timestamp::to_datetime),
            first_failure: sums.first_failure,
            in_flight: sums.handed_out.map(|_| sums.in_flight.len() as u64),
            max_concurrency: sums.policy.max_concurrency,
        }
    }

    /// Segments that have their outcome.
    #[must_use]
    pub const fn done(&self) -> u64 {
        self.succeeded + self.failed + self.cancelled
    }
}

/// Whether the execution item holds this tally's sums already.
const fn is_folded(tally: &TallyRow) -> bool {
    tally.folded == tally.generation
}

impl ControlTable {
    /// The view of an execution, running segments included; `None` if there is no such execution.
    ///
    /// Reads every tally of an execution that runs, a hundred to a request, and none of one that is complete.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn view(&self, execution_id: ExecutionId) -> Result<Option<ExecutionView>, Error> {
        for _ in 0..READS {
            let Some(execution) = self.execution(execution_id).await? else {
                return Ok(None);
            };
            if execution.groups_done == execution.groups {
                return Ok(Some(ExecutionView::new(&execution, [], 0)));
            }
            let tallies = self.tallies(execution_id, 0..execution.groups).await?;
            let unfolded: Vec<_> = tallies.iter().filter(|tally| !is_folded(tally)).collect();
            if unfolded.len() as u64 == execution.groups - execution.groups_done {
                let running = self.running(&unfolded).await?;
                return Ok(Some(ExecutionView::new(&execution, unfolded, running)));
            }
        }
        // A table whose counters do not agree with its tallies: what is folded is still true.
        let execution = self.execution(execution_id).await?;
        Ok(execution.map(|execution| ExecutionView::new(&execution, [], 0)))
    }

    async fn running(&self, unfolded: &[&TallyRow]) -> Result<u64, Error> {
        let groups: Vec<_> = unfolded.iter().filter(|tally| tally.pending > 0).map(|tally| tally.group).collect();
        let queries = groups.into_iter().take(GROUPS_COUNTED);
        stream::iter(queries.map(|group| self.count_segments(group, SegmentStatus::Running)))
            .buffer_unordered(QUERIES_AT_ONCE)
            .try_fold(0, async |sum, count| Ok(sum + count))
            .await
    }
}

/// A live view that is cheap to refresh: two requests, whatever the execution's size.
///
/// It remembers finished tallies until they are folded, and asks only after the earliest unfinished ones.
#[derive(Debug)]
pub struct Progress {
    execution_id: ExecutionId,
    generation: u32,
    unfinished: BTreeSet<u64>,
    known_groups: u64,
    finished: BTreeMap<u64, TallyRow>,
    shown: Option<ExecutionView>,
}

impl Progress {
    /// Follows that execution.
    #[must_use]
    pub const fn new(execution_id: ExecutionId) -> Self {
        Self {
            execution_id,
            generation: 0,
            unfinished: BTreeSet::new(),
            known_groups: 0,
            finished: BTreeMap::new(),
            shown: None,
        }
    }

    /// The execution as it is now, up to groups whose tallies were not read this time; `running` is left at zero.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn refresh(&mut self, table: &ControlTable) -> Result<Option<ExecutionView>, Error> {
        let Some(execution) = table.execution(self.execution_id).await? else {
            return Ok(None);
        };
        if execution.generation != self.generation || execution.groups_done == execution.groups {
            *self = Self { generation: execution.generation, ..Self::new(self.execution_id) };
        }
        if execution.groups_done == execution.groups {
            return Ok(Some(ExecutionView::new(&execution, [], 0)));
        }
        self.unfinished.extend(self.known_groups..execution.groups);
        self.known_groups = execution.groups;
        let tallies = self.read(table).await?;
        let running_groups = tallies.iter().filter(|tally| tally.pending > 0);
        let view = ExecutionView::new(&execution, self.finished.values().chain(running_groups), 0);
        Ok(Some(self.never_backwards(view)))
    }

    /// The earliest tallies that were not finished last time, and the finished ones that were not folded.
    async fn read(&mut self, table: &ControlTable) -> Result<Vec<TallyRow>, Error> {
        let asked = self.finished.keys().chain(&self.unfinished).take(TALLIES_PER_REFRESH);
        let asked: Vec<u64> = asked.copied().collect();
        let tallies = table.tallies_of(self.execution_id, &asked).await?;
        for tally in &tallies {
            let group = tally.group.group;
            self.finished.remove(&group);
            if tally.pending == 0 {
                self.unfinished.remove(&group);
            }
            if tally.pending == 0 && !is_folded(tally) {
                self.finished.insert(group, tally.clone());
            }
        }
        Ok(tallies)
    }

    /// A group that was folded between the two reads is missing from one view. A display that goes backwards worries people
    /// for nothing, so such a view is passed over: the one before it is shown again.
    fn never_backwards(&mut self, view: ExecutionView) -> ExecutionView {
        let newest = self.shown.take().filter(|shown| shown.done() > view.done()).unwrap_or(view);
        self.shown = Some(newest.clone());
        newest
    }
}
