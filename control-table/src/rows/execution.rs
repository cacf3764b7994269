//! The execution row: an execution of a job, with the sums of its folded groups.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use super::{Counts, Due, ItemKey, Selection};
use crate::clock::Timestamp;
use crate::id::{ExecutionId, ExecutionKey, JobName};
use crate::policy::Policy;
use crate::tags::Tags;

/// The status of an execution.
///
/// ```text
/// SCATTERING -> RUNNING -> SUCCEEDED | FAILED      (RUNNING: sealed, no segment will be added)
/// SCATTERING | RUNNING -> CANCELLING -> CANCELLED | FAILED
/// terminal and published -> REDRIVING -> RUNNING   (generation + 1)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExecutionStatus {
    /// The scatter adds groups.
    Scattering,
    /// Sealed: every segment is in the table.
    Running,
    /// Complete, with no more failures than tolerated.
    Succeeded,
    /// Complete, with more failures than tolerated.
    Failed,
    /// Segments without an outcome are being cancelled.
    Cancelling,
    /// Complete: segments without an outcome were cancelled on request.
    Cancelled,
    /// Segments are being requeued, in a new generation.
    Redriving,
}

impl ExecutionStatus {
    /// Whether the generation is complete: none of its segments will change.
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

/// Why an execution is stopped before every segment has an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stop {
    /// An operator cancelled it. It ends `CANCELLED`.
    Requested,
    /// More segments failed than the policy tolerates. It ends `FAILED`.
    TooManyFailures,
    /// Its time limit was reached. It ends `FAILED`.
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

    /// The terminal status of an execution that was stopped for this reason.
    #[must_use]
    pub const fn ends_as(self) -> ExecutionStatus {
        match self {
            Self::Requested => ExecutionStatus::Cancelled,
            Self::TooManyFailures | Self::TimedOut => ExecutionStatus::Failed,
        }
    }
}

/// An event, other than the completion event, that has to be published for an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Notification {
    /// The first segment of the generation has failed for good.
    FirstFailure,
    /// The execution has made no progress for as long as its policy allows.
    Stalled,
}

impl Notification {
    /// As the table spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirstFailure => "FIRST_FAILURE",
            Self::Stalled => "STALLED",
        }
    }

    /// The set of this notification alone, for `ADD` and `DELETE`.
    pub(crate) fn set(self) -> AttributeValue {
        AttributeValue::Ss(vec![self.as_str().to_owned()])
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// The execution item. `pk` is also the sort key of the indexes by job and by day: IDs sort by their time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionRow {
    /// The item's `pk`.
    #[serde(rename = "pk")]
    pub execution_id: ExecutionId,
    /// Hash key of the index by job.
    pub job: JobName,
    /// The UTC day it was opened on, `2026-11-24`; hash key of the index by day.
    pub day: String,
    /// The caller's idempotency key, or the ID of its request.
    pub key: ExecutionKey,
    /// The caller's tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// See [`ExecutionStatus`].
    pub status: ExecutionStatus,
    /// 1 at first, one more after each redrive.
    pub generation: u32,
    /// How failures are treated.
    pub policy: Policy,
    /// Segments that it will have, if its source knows.
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
    /// Sums of the folded groups.
    #[serde(flatten)]
    pub counts: Counts,
    /// Names of the user's counters, each with a value above.
    #[serde(default, skip_serializing_if = "super::tally::is_zero")]
    pub counters_registered: u32,
    /// When the execution was opened.
    pub created_at: Timestamp,
    /// Until when its scatter is presumed alive. Each commit of a group extends it.
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
    /// When this generation began; the time limit of the execution counts from here.
    pub started_at: Timestamp,
    /// Why it is being, or was, stopped; absent if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stop>,
    /// The segments that a redrive requeues, while the redrive is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redrive: Option<Selection>,
    /// The progress that the sweeper saw last (see [`crate::operation::CheckpointProgress`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_seen: Option<u64>,
    /// When the sweeper last saw that number change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_at: Option<Timestamp>,
    /// Since when it counts as stalled; absent if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stalled_at: Option<Timestamp>,
    /// The index of the first segment of this generation that failed for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_failure: Option<u64>,
    /// Events that still have to be published.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty", with = "serde_dynamo::string_set")]
    pub notifications: BTreeSet<Notification>,
    /// With a limit of segments in flight: every segment before this index has had a slot, or needed none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admitted_until: Option<u64>,
    /// With a limit of segments in flight: indexes of the segments that have a slot.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty", with = "serde_dynamo::number_set")]
    pub in_flight: BTreeSet<u64>,
    /// Groups that the step under way is through with: a cancel, a redrive, or the deletion of an expired execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_cursor: Option<u64>,
    /// Why it is stopped as soon as the redrive under way has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_requested: Option<Stop>,
    /// Every group before this one was folded in this generation when the sweeper last checked, or is not part of it.
    #[serde(default)]
    pub open_from: u64,
    /// Where the sweeper begins its next look for lost records if that is not one at everything: a group. With a limit of segments in
    /// flight it is `admitted_until` at `healed_at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heal_cursor: Option<u64>,
    /// When the sweeper last began to look for lost records in all groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub healed_at: Option<Timestamp>,
    /// When the sweeper last found segments that later ones had overtaken: for a while it looks again soon, because more records may be
    /// lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_at: Option<Timestamp>,
    /// Whether all records that its next segments need wait in the stream, behind others, as the sweeper saw it last.
    #[serde(default, skip_serializing_if = "is_false")]
    pub waits_in_stream: bool,
    /// When the sweeper checks it next; once it is complete and published, when its rows are deleted, or absent.
    #[serde(flatten)]
    pub due: Option<Due>,
}

impl ExecutionRow {
    /// The sort key of every execution item.
    pub const SK: &str = "EXECUTION";

    /// When its rows are deleted if it stays as it is; `None` if they are kept, or it is not complete.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.policy.expires_at(self.finished_at?)
    }

    /// Whether its completion event still has to be published.
    #[must_use]
    pub const fn is_unpublished(&self) -> bool {
        self.status.is_terminal() && self.published_generation < self.generation
    }

    /// The item key of that execution.
    #[must_use]
    pub fn key_of(execution_id: ExecutionId) -> ItemKey {
        ItemKey { pk: execution_id.to_string(), sk: Self::SK.to_owned() }
    }
}
