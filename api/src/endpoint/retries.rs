//! The segments of an execution that wait for a retry.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use control_table::rows::SegmentFailure;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::parts::Parts;
use crate::problem::Problem;
use crate::problem::responses::ReadProblems;
use crate::read;
use crate::request::{Path, Query, page_size};

/// How many to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct First {
    /// Entries at most: 1 to 1000, and 50 if not given.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u16>,
}

/// A segment that waits for a retry.
#[derive(Debug, Serialize, ToSchema)]
pub struct Retry {
    /// Its index.
    pub segment: u64,
    /// The attempt that failed last.
    pub attempt: u32,
    /// When it may be tried again.
    pub next_at: DateTime<Utc>,
    /// Why that attempt failed.
    pub error: Option<SegmentFailure>,
}

/// The segments that wait for a retry.
#[derive(Debug, Serialize, ToSchema)]
pub struct Retries {
    /// Those that are tried next.
    pub retries: Vec<Retry>,
    /// How many wait; of more than some thousands not all are counted.
    pub count: u64,
}

/// Lists the segments that wait for a retry, the next one first.
#[utoipa::path(
    get,
    path = "/executions/{id}/retries",
    operation_id = "list_retries",
    tag = "executions",
    params(("id" = String, Path, description = "The execution's ID"), First),
    responses(
        (status = 200, description = "The segments that wait", body = Retries),
        ReadProblems,
    ),
)]
pub async fn list(
    State(parts): State<Parts>,
    Path(id): Path<String>,
    Query(first): Query<First>,
) -> Result<Json<Retries>, Problem> {
    let limit = usize::from(page_size(first.limit)?);
    let execution_id = read::find(&parts, &id).await?;
    let (count, rows) = parts.table().next_retries(execution_id, limit).await?;
    let retries = rows.into_iter().filter_map(|row| {
        let next_at = row.retry_at?.to_datetime();
        Some(Retry { segment: row.index, attempt: row.attempt, next_at, error: row.error })
    });
    Ok(Json(Retries { retries: retries.collect(), count }))
}
