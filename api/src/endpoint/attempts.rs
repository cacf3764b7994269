//! The failed attempts at an execution's segments, also those that a later attempt made good.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use control_table::rows::{ErrorKind, ExecutionRow, SegmentRow, TallyRow};
use serde::Serialize;
use utoipa::ToSchema;

use crate::parts::Parts;
use crate::problem::Problem;
use crate::problem::responses::ReadProblems;
use crate::read::{self, Scan};
use crate::request::{Page, Path, Query};

/// A failed attempt.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names are those of the JSON")]
pub struct Attempt {
    /// The segment's index.
    pub segment: u64,
    /// The generation.
    pub generation: u32,
    /// The attempt in it, from 1.
    pub attempt: u32,
    /// Why it failed.
    pub error: AttemptError,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// Milliseconds that it took.
    pub duration_ms: u64,
}

/// Why an attempt failed.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptError {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// The end of its message, at most 200 bytes.
    pub message: String,
}

/// A page of failed attempts, in order of the segments' indexes.
#[derive(Debug, Serialize, ToSchema)]
pub struct Attempts {
    /// Of each segment the newest five at most, oldest first. There may be fewer than asked for, and a next page all the same.
    pub attempts: Vec<Attempt>,
    /// The cursor of the next page, if there may be one.
    pub next: Option<String>,
}

/// Lists the failed attempts that the rows keep: of each segment the newest five.
#[utoipa::path(
    get,
    path = "/executions/{id}/attempts",
    operation_id = "list_failed_attempts",
    tag = "segments",
    params(("id" = String, Path, description = "The execution's ID"), Page),
    responses(
        (status = 200, description = "A page of failed attempts", body = Attempts),
        ReadProblems,
    ),
)]
pub async fn list(
    State(parts): State<Parts>,
    Path(id): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<Attempts>, Problem> {
    let limit = usize::from(page.limit()?);
    let execution = read::execution(&parts, &id).await?;
    let scan = Scan { table: parts.table(), execution: &execution, status: None, limit };
    let page = scan.page(page.cursor.as_deref(), None, |tally| may_have_failed(&execution, tally), attempts_of).await?;
    Ok(Json(Attempts { attempts: page.found, next: page.next }))
}

/// Whether an attempt at a segment of the group may have failed: not, if each has its outcome by its first attempt. A redrive counts the
/// attempts of its generation alone.
fn may_have_failed(execution: &ExecutionRow, tally: &TallyRow) -> bool {
    let is_done = tally.pending == 0 && tally.failed.is_empty();
    !is_done || execution.generation > 1 || tally.attempts > tally.succeeded.len() as u64
}

fn attempts_of(row: SegmentRow) -> Vec<Attempt> {
    let segment = row.index;
    let attempts = row.failures.into_iter().map(|failed| Attempt {
        segment,
        generation: failed.generation,
        attempt: failed.attempt,
        error: AttemptError { kind: failed.kind, message: failed.message },
        at: failed.finished_at.to_datetime(),
        duration_ms: failed.duration_ms,
    });
    attempts.collect()
}
