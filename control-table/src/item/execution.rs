//! The execution: one run of a job.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::{Counts, Due, ItemKey, Row, Selection};
use crate::clock::Timestamp;
use crate::id::{ExecutionId, ExecutionKey, JobName};
use crate::policy::Policy;

/// Where an execution stands.
///
/// ```text
/// SCATTERING -> RUNNING -> SUCCEEDED | FAILED      (RUNNING: sealed, no segment will be added)
/// SCATTERING | RUNNING -> CANCELLING -> CANCELLED
/// terminal and published -> REDRIVING -> RUNNING   (generation + 1)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExecutionStatus {
    /// Groups are still being added.
    Scattering,
    /// Sealed: every segment is in the table.
    Running,
    /// Complete, with no more failures than tolerated.
    Succeeded,
    /// Complete, with more failures than tolerated.
    Failed,
    /// What has not finished is being cancelled.
    Cancelling,
    /// Complete: what had not finished was cancelled.
    Cancelled,
    /// Failed segments are being put back.
    Redriving,
}

impl ExecutionStatus {
    /// No segment of this generation will change any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// As the table and the CLI spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scattering => "SCATTERING",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Cancelling => "CANCELLING",
            Self::Cancelled => "CANCELLED",
            Self::Redriving => "REDRIVING",
        }
    }
}

/// Why an execution is stopped before its last segment has its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stop {
    /// Somebody asked for it. It ends CANCELLED.
    Requested,
    /// More segments failed than are tolerated. It ends FAILED.
    TooManyFailures,
    /// Its time is up. It ends FAILED.
    TimedOut,
}

impl Stop {
    /// As the table and the CLI spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "REQUESTED",
            Self::TooManyFailures => "TOO_MANY_FAILURES",
            Self::TimedOut => "TIMED_OUT",
        }
    }

    /// How an execution that was stopped for this ends: nobody asked for the other two, so they are failures.
    #[must_use]
    pub const fn ends_as(self) -> ExecutionStatus {
        match self {
            Self::Requested => ExecutionStatus::Cancelled,
            Self::TooManyFailures | Self::TimedOut => ExecutionStatus::Failed,
        }
    }
}

/// An event, other than the completion, that an execution has to publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Notice {
    /// The first segment of the generation has failed for good.
    FirstFailure,
    /// The execution stands still.
    Stalled,
}

impl Notice {
    /// As the table spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirstFailure => "FIRST_FAILURE",
            Self::Stalled => "STALLED",
        }
    }

    /// The set of this one notice, to be added or taken away.
    pub(crate) fn set(self) -> AttributeValue {
        AttributeValue::Ss(vec![self.as_str().to_owned()])
    }
}

/// The execution item. `pk` doubles as the sort key of the indexes by job and by day: an ID sorts by its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionRow {
    /// Its ID, and the item's `pk`.
    #[serde(rename = "pk")]
    pub execution_id: ExecutionId,
    /// The job it is a run of; hash key of the index by job.
    pub job: JobName,
    /// The UTC day it was opened on, `2026-11-24`; hash key of the index by day.
    pub day: String,
    /// The caller's idempotency key, or the request ID that stood in for it.
    pub key: ExecutionKey,
    /// Where it stands.
    pub status: ExecutionStatus,
    /// 1 for the first run, one more for each redrive.
    pub generation: u32,
    /// How it treats failure.
    pub policy: Policy,
    /// Segments it will have, where its source knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
    /// Groups committed so far.
    pub groups: u64,
    /// Groups folded in this generation.
    pub groups_done: u64,
    /// Segments in the committed groups.
    pub segments: u64,
    /// Segments succeeded, in folded groups.
    pub succeeded: u64,
    /// Segments failed, in folded groups.
    pub failed: u64,
    /// Segments cancelled, in folded groups.
    pub cancelled: u64,
    /// Attempts made, in folded groups.
    pub attempts: u64,
    /// What the folded groups add up to.
    #[serde(flatten)]
    pub counts: Counts,
    /// When it was opened.
    pub created_at: Timestamp,
    /// Until when its scatter is presumed alive: each group it commits moves this on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scatter_until: Option<Timestamp>,
    /// When it was sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_at: Option<Timestamp>,
    /// When it completed, in this generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The last generation whose completion event was published; 0 for none.
    pub published_generation: u32,
    /// When this generation began: the time limit of the execution counts from here.
    pub started_at: Timestamp,
    /// Why it is being, or was, stopped before its last segment had its outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stop>,
    /// What its redrive puts back, while it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redrive: Option<Selection>,
    /// What the sweeper last saw of its progress (see [`crate::op::Observe`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_seen: Option<u64>,
    /// When the sweeper last saw it move on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_at: Option<Timestamp>,
    /// Since when it counts as stalled; absent while it moves on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stalled_at: Option<Timestamp>,
    /// The first segment of this generation that was seen to fail for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<u64>,
    /// Events that still have to be published.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty", with = "serde_dynamo::string_set")]
    pub notices: BTreeSet<Notice>,
    /// With a limit of segments in flight: all segments before this index have been handed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_out: Option<u64>,
    /// With a limit of segments in flight: those handed out that have no outcome yet.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty", with = "serde_dynamo::number_set")]
    pub in_flight: BTreeSet<u64>,
    /// When it is deleted, in seconds since 1970 (`DynamoDB`'s TTL).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// When the sweeper should look at it again; absent once there is nothing left to do.
    #[serde(flatten)]
    pub due: Option<Due>,
}

impl ExecutionRow {
    /// The sort key of execution items.
    pub const SK: &str = "EXECUTION";

    /// Whether its completion event still has to be published.
    #[must_use]
    pub const fn is_unpublished(&self) -> bool {
        self.status.is_terminal() && self.published_generation < self.generation
    }

    /// The keys of the execution with that ID.
    #[must_use]
    pub fn key_of(execution_id: ExecutionId) -> ItemKey {
        ItemKey { pk: execution_id.to_string(), sk: Self::SK.to_owned() }
    }
}

impl Row for ExecutionRow {
    fn key(&self) -> ItemKey {
        Self::key_of(self.execution_id)
    }
}
