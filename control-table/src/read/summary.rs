//! The summary of an execution, while it runs and after.
//!
//! The execution item has the sums of the folded groups; those of the others are in their tallies. A group that is folded
//! between the two reads would be missing or counted twice. A tally says whether it is folded, so a summary whose execution
//! item is older than its tallies is found out, and read again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

use crate::ControlTable;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::{ExecutionId, ExecutionKey, JobName};
use crate::rows::{Counts, ExecutionRow, ExecutionStatus, SegmentStatus, Stop, TallyRow};

/// Unfinished groups in which running segments are counted at most: a query for each. Workers take segments in order, so the
/// running ones are in the earliest of these groups.
const GROUPS_COUNTED: usize = 256;

/// Queries for running segments that are sent at the same time.
const QUERIES_AT_ONCE: usize = 16;

/// Tallies that a refresh of [`Progress`] reads at most: one `BatchGetItem`.
const TALLIES_PER_REFRESH: usize = 100;

/// Reads of execution and tallies at most, until the two agree. The gather folds an execution a few times a second.
const READS: usize = 5;

/// An execution with the sums of all its groups. Also the JSON that the CLI prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ExecutionSummary {
    /// The execution's ID.
    pub execution_id: ExecutionId,
    /// The execution's job.
    pub job: JobName,
    /// The execution's idempotency key.
    pub key: ExecutionKey,
    /// See [`ExecutionStatus`].
    pub status: ExecutionStatus,
    /// 1 at first, one more after each redrive.
    pub generation: u32,
    /// Segments added so far; all of them once it is sealed.
    pub segments: u64,
    /// Segments that it will have, if its source knows.
    pub expected: Option<u64>,
    /// Segments that wait for a worker or for their retry.
    pub pending: u64,
    /// Segments that a worker has claimed.
    pub running: u64,
    /// Segments that succeeded.
    pub succeeded: u64,
    /// Segments that failed.
    pub failed: u64,
    /// Segments that were cancelled.
    pub cancelled: u64,
    /// Items, as the work counted them.
    pub item_count: i64,
    /// Milliseconds of work, summed over the segments.
    pub duration_ms: u64,
    /// The user's counters.
    pub counters: BTreeMap<String, i64>,
    /// Attempts of the segments with an outcome.
    pub attempts: u64,
    /// When the execution was opened.
    pub created_at: DateTime<Utc>,
    /// When it was sealed.
    pub sealed_at: Option<DateTime<Utc>>,
    /// When it completed.
    pub finished_at: Option<DateTime<Utc>>,
    /// Why it is being, or was, stopped; absent if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stop>,
    /// Since when it counts as stalled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stalled_at: Option<DateTime<Utc>>,
    /// When its progress was last seen to change, if it is stalled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_at: Option<DateTime<Utc>>,
    /// The index of the first segment of this generation that failed for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<u64>,
    /// Segments with a slot, if it has a limit of segments in flight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<u64>,
    /// The limit of segments in flight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u32>,
}

impl ExecutionSummary {
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
            sealed_at: sums.sealed_at.map(Timestamp::to_datetime),
            finished_at: sums.finished_at.map(Timestamp::to_datetime),
            stopped: sums.stopped,
            stalled_at: sums.stalled_at.map(Timestamp::to_datetime),
            progress_at: sums.progress_at.filter(|_| is_stalled).map(Timestamp::to_datetime),
            first_failure: sums.first_failure,
            in_flight: sums.admitted_until.map(|_| sums.in_flight.len() as u64),
            max_concurrency: sums.policy.max_concurrency,
        }
    }

    /// Segments with an outcome.
    #[must_use]
    pub const fn done(&self) -> u64 {
        self.succeeded + self.failed + self.cancelled
    }
}

/// Whether the execution item has the sums of this tally.
const fn is_folded(tally: &TallyRow) -> bool {
    tally.folded == tally.generation
}

impl ControlTable {
    /// The summary of an execution, with its running segments; `None` if the execution does not exist.
    ///
    /// Reads every tally of an execution that is not complete, a hundred to a request; none of one that is.
    pub async fn summary(&self, execution_id: ExecutionId) -> Result<Option<ExecutionSummary>, Error> {
        for _ in 0..READS {
            let Some(execution) = self.execution(execution_id).await? else {
                return Ok(None);
            };
            if execution.groups_done == execution.groups {
                return Ok(Some(ExecutionSummary::new(&execution, [], 0)));
            }
            let tallies = self.tallies(execution_id, 0..execution.groups).await?;
            let unfolded: Vec<_> = tallies.iter().filter(|tally| !is_folded(tally)).collect();
            if unfolded.len() as u64 == execution.groups - execution.groups_done {
                let running = self.running(&unfolded).await?;
                return Ok(Some(ExecutionSummary::new(&execution, unfolded, running)));
            }
        }
        // The sums do not agree with the tallies: a damaged table, or a gather that folds faster than this reads. Show the
        // folded sums.
        let execution = self.execution(execution_id).await?;
        Ok(execution.map(|execution| ExecutionSummary::new(&execution, [], 0)))
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

/// A live summary that is cheap to refresh: two requests, whatever the size of the execution.
///
/// It keeps finished tallies until they are folded, and reads only the earliest unfinished ones again.
#[derive(Debug)]
pub struct Progress {
    execution_id: ExecutionId,
    generation: u32,
    unfinished: BTreeSet<u64>,
    known_groups: u64,
    finished: BTreeMap<u64, TallyRow>,
    shown: Option<ExecutionSummary>,
}

impl Progress {
    /// The progress of that execution, before its first refresh.
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

    /// Reads the execution again. The summary lacks groups whose tallies were not read this time, and its `running` is zero.
    pub async fn refresh(&mut self, table: &ControlTable) -> Result<Option<ExecutionSummary>, Error> {
        let Some(execution) = table.execution(self.execution_id).await? else {
            return Ok(None);
        };
        if execution.generation != self.generation || execution.groups_done == execution.groups {
            *self = Self { generation: execution.generation, ..Self::new(self.execution_id) };
        }
        if execution.groups_done == execution.groups {
            return Ok(Some(ExecutionSummary::new(&execution, [], 0)));
        }
        self.unfinished.extend(self.known_groups..execution.groups);
        self.known_groups = execution.groups;
        let tallies = self.read(table).await?;
        let running_groups = tallies.iter().filter(|tally| tally.pending > 0);
        let summary = ExecutionSummary::new(&execution, self.finished.values().chain(running_groups), 0);
        Ok(Some(self.never_backwards(summary)))
    }

    /// Reads the finished tallies that were not folded last time, and the earliest unfinished ones.
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

    /// A group that was folded between the two reads is missing from the summary. A display that counts backwards would worry its
    /// reader for nothing, so such a summary is dropped and the previous one is shown again.
    fn never_backwards(&mut self, summary: ExecutionSummary) -> ExecutionSummary {
        let newest = self.shown.take().filter(|shown| shown.done() > summary.done()).unwrap_or(summary);
        self.shown = Some(newest.clone());
        newest
    }
}
