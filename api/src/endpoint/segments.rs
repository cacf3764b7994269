//! The segments of an execution, and what their attempts have printed.

use axum::Json;
use axum::extract::State;
use control_table::rows::SegmentStatus;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::machine::AttemptOutput;
use crate::parts::Parts;
use crate::problem::Problem;
use crate::problem::responses::ReadProblems;
use crate::read::{self, Scan, may_have};
use crate::request::{Path, Query, page_size};
use crate::view::SegmentView;

/// Which segments to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Only segments with this status.
    pub status: Option<SegmentStatus>,
    /// Only segments from this index on; the first page's; its `next` continues from there.
    pub from: Option<u64>,
    /// Entries at most: 1 to 1000, and 50 if not given.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u16>,
    /// The `next` of the page before.
    pub cursor: Option<String>,
}

/// A page of segments, in order of their indexes.
#[derive(Debug, Serialize, ToSchema)]
pub struct Segments {
    /// The segments. There may be fewer than asked for, and a next page all the same.
    pub segments: Vec<SegmentView>,
    /// The cursor of the next page, if there may be one.
    pub next: Option<String>,
}

/// What the attempts at a segment have printed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Logs {
    /// In order.
    pub attempts: Vec<AttemptOutput>,
}

/// Lists segments, in order of their indexes.
#[utoipa::path(
    get,
    path = "/executions/{id}/segments",
    operation_id = "list_segments",
    tag = "segments",
    params(("id" = String, Path, description = "The execution's ID"), Filter),
    responses(
        (status = 200, description = "A page of segments, in order", body = Segments),
        ReadProblems,
    ),
)]
pub async fn list(
    State(parts): State<Parts>,
    Path(id): Path<String>,
    Query(filter): Query<Filter>,
) -> Result<Json<Segments>, Problem> {
    let limit = usize::from(page_size(filter.limit)?);
    let execution = read::execution(&parts, &id).await?;
    let scan = Scan { table: parts.table(), execution: &execution, status: filter.status, limit };
    let wanted = |tally: &_| may_have(tally, filter.status);
    let page = scan.page(filter.cursor.as_deref(), filter.from, wanted, |row| vec![SegmentView::from(row)]).await?;
    Ok(Json(Segments { segments: page.found, next: page.next }))
}

/// Shows a segment.
#[utoipa::path(
    get,
    path = "/executions/{id}/segments/{index}",
    operation_id = "get_segment",
    tag = "segments",
    params(("id" = String, Path, description = "The execution's ID"), ("index" = u64, Path, description = "The segment's index, from zero")),
    responses(
        (status = 200, description = "The segment", body = SegmentView),
        ReadProblems,
    ),
)]
pub async fn get(
    State(parts): State<Parts>,
    Path((id, index)): Path<(String, u64)>,
) -> Result<Json<SegmentView>, Problem> {
    let execution_id = read::find(&parts, &id).await?;
    let row = parts.table().segment(execution_id.segment(index)).await?;
    row.map(|row| Json(row.into()))
        .ok_or_else(|| Problem::not_found(format_args!("{execution_id} has no segment {index}")))
}

/// Shows what the attempts at a segment have printed.
#[utoipa::path(
    get,
    path = "/executions/{id}/segments/{index}/logs",
    operation_id = "get_segment_logs",
    tag = "segments",
    params(("id" = String, Path, description = "The execution's ID"), ("index" = u64, Path, description = "The segment's index, from zero")),
    responses(
        (status = 200, description = "What its attempts have printed", body = Logs),
        ReadProblems,
    ),
)]
pub async fn logs(State(parts): State<Parts>, Path((id, index)): Path<(String, u64)>) -> Result<Json<Logs>, Problem> {
    let execution_id = read::find(&parts, &id).await?;
    let machine = parts.machine.as_ref().ok_or_else(|| Problem::not_kept_here("the output of attempts"))?;
    Ok(Json(Logs { attempts: machine.output_of(execution_id.segment(index)).await? }))
}
