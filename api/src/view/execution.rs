//! An execution, as `status --json` shows it.

use chrono::{DateTime, Utc};
use control_table::ControlTable;
use control_table::id::ExecutionId;
use control_table::read::{ExecutionSummary, Retries};
use control_table::rows::SegmentFailure;
use serde::Serialize;
use utoipa::ToSchema;

/// An execution, with what is worth knowing of its segments.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ExecutionView {
    /// The execution with its sums.
    #[serde(flatten)]
    pub summary: ExecutionSummary,
    /// Why the first segment failed that failed for good; absent if none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_error: Option<SegmentFailure>,
    /// The segments that wait for a retry; absent if none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retrying: Option<Retrying>,
}

/// The segments of an execution that wait for a retry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Retrying {
    /// How many wait; of more than some thousands not all are counted.
    pub count: u64,
    /// Why the last attempt of the next segment failed.
    pub error: Option<SegmentFailure>,
    /// When the next one may be tried.
    pub next_at: DateTime<Utc>,
    /// The index of the segment that is tried next.
    pub segment: u64,
}

impl From<Retries> for Retrying {
    fn from(retries: Retries) -> Self {
        let Retries { count, next, next_at, error } = retries;
        Self { count, error, next_at: next_at.to_datetime(), segment: next.index }
    }
}

impl ExecutionView {
    /// Reads an execution; `None` if there is no such execution.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn read(table: &ControlTable, execution_id: ExecutionId) -> Result<Option<Self>, control_table::Error> {
        match table.summary(execution_id).await? {
            Some(summary) => Self::of(table, summary).await.map(Some),
            None => Ok(None),
        }
    }

    /// Reads what a summary lacks: of an execution that is going well, nothing but an empty index.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn of(table: &ControlTable, summary: ExecutionSummary) -> Result<Self, control_table::Error> {
        let is_over = summary.status.is_terminal();
        let retries = if is_over { None } else { table.retries(summary.execution_id).await? };
        let first = match summary.first_failure {
            Some(index) => table.segment(summary.execution_id.segment(index)).await?,
            None => None,
        };
        let first_error = first.and_then(|row| row.error);
        Ok(Self { summary, first_error, retrying: retries.map(Retrying::from) })
    }

    /// The summary alone.
    #[must_use]
    pub const fn without_details(summary: ExecutionSummary) -> Self {
        Self { summary, first_error: None, retrying: None }
    }
}
