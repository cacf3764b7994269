//! The outcomes of an execution's segments.

use axum::Json;
use axum::extract::State;
use control_table::rows::{SegmentStatus, TallyRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::parts::Parts;
use crate::problem::Problem;
use crate::problem::responses::ReadProblems;
use crate::read::{self, Scan, may_have};
use crate::request::{Path, Query, page_size};
use crate::view::OutcomeView;

/// Which outcomes to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Only segments with this status.
    pub status: Option<SegmentStatus>,
    /// Entries at most: 1 to 1000, and 50 if not given.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u16>,
    /// The `next` of the page before.
    pub cursor: Option<String>,
}

/// A page of outcomes, in order of the segments' indexes.
#[derive(Debug, Serialize, ToSchema)]
pub struct Results {
    /// The outcomes. There may be fewer than asked for, and a next page all the same.
    pub results: Vec<OutcomeView>,
    /// The cursor of the next page, if there may be one.
    pub next: Option<String>,
}

/// Lists the outcomes of segments that have one, in order of their indexes.
#[utoipa::path(
    get,
    path = "/executions/{id}/results",
    operation_id = "list_results",
    tag = "segments",
    params(("id" = String, Path, description = "The execution's ID"), Filter),
    responses(
        (status = 200, description = "A page of outcomes, in order", body = Results),
        ReadProblems,
    ),
)]
pub async fn list(
    State(parts): State<Parts>,
    Path(id): Path<String>,
    Query(filter): Query<Filter>,
) -> Result<Json<Results>, Problem> {
    let limit = usize::from(page_size(filter.limit)?);
    let execution = read::execution(&parts, &id).await?;
    let scan = Scan { table: parts.table(), execution: &execution, status: filter.status, limit };
    // A segment has its outcome before its tally counts it: also a group that counts none is looked at.
    let wanted = |tally: &TallyRow| may_have(tally, filter.status) || tally.pending > 0;
    let page =
        scan.page(filter.cursor.as_deref(), None, wanted, |row| OutcomeView::of(row).into_iter().collect()).await?;
    Ok(Json(Results { results: page.found, next: page.next }))
}
