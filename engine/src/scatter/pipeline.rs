//! One scatter at work on one execution: three stages, joined by short queues.
//!
//! ```text
//! source ──> rows of the next groups ──> commits, one after the other ──> records
//!            (ROWS_AHEAD at once)                                         (one group after the other)
//! ```
//!
//! A slow stage holds up those before it, so memory holds some dozen groups, however many the execution has.
//!
//! A scatter may die anywhere. The next scatter writes uncommitted rows again, which changes nothing. A committed group without
//! records is one of the last [`UNDELIVERED_MAX`] committed ones, because the queue between the two stages is that short; the next scatter sends those records again before anything else.

use control_table::id::GroupId;
use control_table::limits::{GROUP_SIZE, MAX_SEGMENTS, MAX_SPEC_BYTES};
use control_table::message::SegmentRecord;
use control_table::operation::{AddRows, CheckpointStep, CommitGroup, CommitGroupOutcome, Seal, SealOutcome};
use control_table::rows::{ExecutionRow, ExecutionStatus, PlanRow, SegmentStatus};
use futures::stream::{self, StreamExt, TryStreamExt as _};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::Engine;
use crate::error::EngineError;
use crate::records::record;
use crate::scatter::budget::Budget;

use crate::scatter::size::json_bytes;
use crate::scatter::sources::{Source, SourceError};

/// Groups whose rows are written at once. A commit takes some 20 ms, the rows of a group two to three times as long; with
/// eight groups the commits never wait, and a million segments take three minutes.
const ROWS_AHEAD: usize = 8;

/// Groups that are committed and wait for their records to be put.
const COMMITTED_WAITING: usize = 1;

/// Committed groups whose records may be missing after a death: one being put, those waiting, and one on its way.
const UNDELIVERED_MAX: u64 = 1 + COMMITTED_WAITING as u64 + 1;

/// An execution, and what a scatter needs to continue it.
pub(crate) struct Run<'a> {
    pub engine: &'a Engine,
    pub execution: &'a ExecutionRow,
    pub plan: &'a PlanRow,
    pub source: &'a dyn Source,
    pub budget: Budget,
}

/// A group whose rows are in the table.
struct Group {
    id: GroupId,
    specs: Vec<Value>,
}

/// A group that is committed.
enum Committed {
    /// By this scatter, now.
    Here(Group),
    /// By another, which may be dead; or by this one, whose first answer was lost.
    Before(GroupId),
}

/// How the first stage ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Planned {
    All,
    OutOfTime,
}

/// How the second stage ended.
struct Commits {
    /// The groups that are committed.
    groups: u64,
    /// The status in which the execution refused a group.
    refused: Option<ExecutionStatus>,
    /// Whether groups are left whose rows were written, because the time was up.
    are_cut_short: bool,
}

impl Run<'_> {
    /// Adds the missing groups, and seals. Ends without an error if the execution is cancelled meanwhile.
    pub async fn carry_out(&self) -> Result<(), EngineError> {
        if self.is_limited() {
            self.admit().await?;
        } else {
            self.put_undelivered().await?;
        }
        let (planned, to_commit) = mpsc::channel(1);
        let (committed, to_put) = mpsc::channel(COMMITTED_WAITING);
        let stages = (self.write_rows(planned), self.commit(to_commit, committed), self.put_records(to_put));
        let (planned, commits, ()) = tokio::try_join!(stages.0, stages.1, stages.2)?;
        let execution_id = self.execution.execution_id;
        if let Some(status) = commits.refused {
            tracing::warn!(%execution_id, status = status.as_str(), "stopped: it takes no more groups");
            return Ok(());
        }
        if planned == Planned::OutOfTime || commits.are_cut_short {
            return self.yield_to_sweeper(commits.groups).await;
        }
        self.seal(commits.groups).await
    }

    /// The time is up: the execution is due at once, and the sweeper's next tick continues it. No error, because nothing is wrong.
    async fn yield_to_sweeper(&self, groups: u64) -> Result<(), EngineError> {
        let execution = self.execution;
        let (execution_id, generation, status) = (execution.execution_id, execution.generation, execution.status);
        tracing::info!(%execution_id, groups, "its time is up: the sweeper continues it");
        let checkpoint = CheckpointStep { execution_id, generation, status, cursor: groups, due_at: self.engine.now() };
        self.engine.table.execute(&checkpoint).await?;
        Ok(())
    }

    /// Whether segments get their records by admission, not when their groups are committed.
    const fn is_limited(&self) -> bool {
        self.execution.admitted_until.is_some()
    }

    async fn admit(&self) -> Result<(), EngineError> {
        self.engine.admit_if_limited(self.execution).await.map(drop)
    }

    /// Sends the records again that an earlier scatter may not have sent: none of the groups before the cursor with which it yielded. It
    /// ends before this scatter commits a group: otherwise a crash in between would move the window past them.
    async fn put_undelivered(&self) -> Result<(), EngineError> {
        let groups = self.execution.groups;
        let first = groups.saturating_sub(UNDELIVERED_MAX).max(self.execution.step_cursor.unwrap_or(0));
        for group in first..groups {
            self.put_pending(self.execution.execution_id.group(group)).await?;
        }
        Ok(())
    }

    /// First stage: the rows of the groups that are not committed, several groups at once, passed on in order.
    async fn write_rows(&self, written: mpsc::Sender<Group>) -> Result<Planned, EngineError> {
        let first = self.execution.groups;
        let groups = self
            .source
            .specs(first.saturating_mul(GROUP_SIZE))
            // The size of a group fits everywhere.
            .try_chunks(usize::try_from(GROUP_SIZE).unwrap_or(usize::MAX))
            .zip(stream::iter(first..))
            .map(|(specs, group)| self.write_group(group, specs.map_err(|cut| cut.1)));
        let mut groups = groups.buffered(ROWS_AHEAD).boxed();
        while let Some(group) = groups.next().await {
            match group? {
                Some(group) => {
                    if written.send(group).await.is_err() {
                        // The commit stage ended, and returns the reason.
                        break;
                    }
                }
                None => return Ok(Planned::OutOfTime),
            }
        }
        Ok(Planned::All)
    }

    /// The rows of one group; `None` if there was no time left to begin it.
    async fn write_group(
        &self,
        group: u64,
        specs: Result<Vec<Value>, SourceError>,
    ) -> Result<Option<Group>, EngineError> {
        if self.budget.is_over(&*self.engine.clock) {
            return Ok(None);
        }
        let (specs, id) = (specs?, self.execution.execution_id.group(group));
        self.check(id, &specs)?;
        let (generation, now) = (self.execution.generation, self.engine.clock.timestamp());
        let request = AddRows { group: id, generation, specs, now };
        self.engine.table.execute(&request).await?;
        Ok(Some(Group { id, specs: request.specs }))
    }

    fn check(&self, group: GroupId, specs: &[Value]) -> Result<(), EngineError> {
        let execution_id = self.execution.execution_id;
        let indexes = group.group.saturating_mul(GROUP_SIZE)..;
        for (index, spec) in indexes.zip(specs) {
            let bytes = json_bytes(spec);
            if bytes > MAX_SPEC_BYTES {
                return Err(EngineError::SpecTooLarge { execution_id, index, bytes });
            }
            if index >= MAX_SEGMENTS {
                return Err(EngineError::TooManySegments { execution_id });
            }
        }
        Ok(())
    }

    /// Second stage: the commits, strictly in order.
    async fn commit(
        &self,
        mut written: mpsc::Receiver<Group>,
        committed: mpsc::Sender<Committed>,
    ) -> Result<Commits, EngineError> {
        let mut groups = self.execution.groups;
        while let Some(group) = written.recv().await {
            if self.budget.is_exceeded(&*self.engine.clock) {
                return Ok(Commits { groups, refused: None, are_cut_short: true });
            }
            let done = match self.commit_group(&group).await? {
                CommitGroupOutcome::Committed => Committed::Here(group),
                CommitGroupOutcome::AlreadyCommitted => Committed::Before(group.id),
                CommitGroupOutcome::NotScattering(status) => {
                    return Ok(Commits { groups, refused: Some(status), are_cut_short: false });
                }
                CommitGroupOutcome::TooEarly(so_far) => {
                    return Err(self.defect(format!("group {} follows {so_far} committed ones", group.id.group)));
                }
                CommitGroupOutcome::Missing => return Err(self.defect("it disappeared".to_owned())),
            };
            groups += 1;
            if committed.send(done).await.is_err() {
                // The third stage ended with an error, which is the one that counts.
                break;
            }
        }
        Ok(Commits { groups, refused: None, are_cut_short: false })
    }

    async fn commit_group(&self, group: &Group) -> Result<CommitGroupOutcome, EngineError> {
        let request = CommitGroup {
            group: group.id,
            size: group.specs.len() as u64,
            generation: self.execution.generation,
            now: self.engine.now(),
            scatter_until: self.engine.due_at(self.execution),
        };
        Ok(self.engine.table.execute(&request).await?)
    }

    /// Third stage: the records of the committed groups, one group after the other. So the records of an execution are put in the order
    /// of its segments, by which the sweeper finds those that are lost; and after a crash the groups without records are the last ones.
    /// A put takes less time than a commit, so it does not hold the commits up.
    async fn put_records(&self, mut committed: mpsc::Receiver<Committed>) -> Result<(), EngineError> {
        while let Some(group) = committed.recv().await {
            if self.is_limited() {
                self.admit().await?;
            } else {
                self.put_group(group).await?;
            }
        }
        Ok(())
    }

    async fn put_group(&self, group: Committed) -> Result<(), EngineError> {
        match group {
            Committed::Here(group) => {
                let specs = group.specs.into_iter().zip(group.id.group * GROUP_SIZE..);
                let records: Vec<_> = specs.map(|(spec, index)| self.record(index, spec)).collect();
                Ok(self.engine.outgoing.put(&records).await?)
            }
            Committed::Before(group) => self.put_pending(group).await,
        }
    }

    /// Sends the records of a group's pending segments. A record that is on the stream already does no harm.
    async fn put_pending(&self, group: GroupId) -> Result<(), EngineError> {
        let rows = self.engine.table.group_segments(group, Some(SegmentStatus::Pending)).await?;
        let records: Vec<_> = rows.into_iter().map(|row| self.record(row.index, row.spec)).collect();
        Ok(self.engine.outgoing.put(&records).await?)
    }

    fn record(&self, index: u64, spec: Value) -> SegmentRecord {
        record(self.execution, self.plan, index, self.execution.generation, spec)
    }

    async fn seal(&self, groups: u64) -> Result<(), EngineError> {
        let execution_id = self.execution.execution_id;
        let request = Seal { execution_id, groups, now: self.engine.clock.timestamp() };
        match self.engine.table.execute(&request).await? {
            SealOutcome::Sealed => {
                tracing::info!(%execution_id, groups, "sealed");
                self.admit().await
            }
            // The answer has its status.
            SealOutcome::AlreadySealed | SealOutcome::NotScattering(_) => self.admit().await,
            SealOutcome::GroupsDiffer(found) => {
                Err(self.defect(format!("its source has {groups} groups, and {found} are committed")))
            }
            SealOutcome::Missing => Err(self.defect("it disappeared".to_owned())),
        }
    }

    fn defect(&self, what: String) -> EngineError {
        EngineError::Defect { execution_id: self.execution.execution_id, what }
    }
}
