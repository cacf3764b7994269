//! The groups of an execution: what a map of its segments is drawn from.

use axum::Json;
use axum::extract::State;
use control_table::limits::GROUP_SIZE;
use control_table::rows::TallyRow;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::parts::Parts;
use crate::problem::Problem;
use crate::problem::responses::ReadProblems;
use crate::request::{Path, Query, limit};
use crate::{cursor, read};

/// Groups of a page: an execution of 1.28 million segments has as many.
const PAGE_MAX: u16 = 10_000;

/// Which page.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct Page {
    /// Groups at most: 1 to 10000, and 10000 if not given.
    #[param(minimum = 1, maximum = 10000)]
    pub limit: Option<u16>,
    /// The `next` of the page before.
    pub cursor: Option<String>,
}

/// A page of groups, in order.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names are those of the JSON")]
pub struct Groups {
    /// Segments of a full group: group `g` begins with the segment `g * size`.
    pub size: u64,
    /// Of each group: its number, its segments, then those that are pending, running, succeeded, failed, cancelled. What a worker has
    /// counts as pending: a tally does not know it.
    #[schema(value_type = Vec<Vec<u64>>)]
    pub groups: Vec<[u64; 7]>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// Where a page begins.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    group: u64,
}

/// Lists groups with their counts, in order.
#[utoipa::path(
    get,
    path = "/executions/{id}/groups",
    operation_id = "list_groups",
    tag = "segments",
    params(("id" = String, Path, description = "The execution's ID"), Page),
    responses(
        (status = 200, description = "A page of groups, in order", body = Groups),
        ReadProblems,
    ),
)]
pub async fn list(
    State(parts): State<Parts>,
    Path(id): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<Groups>, Problem> {
    let limit = u64::from(limit(page.limit, PAGE_MAX, PAGE_MAX)?);
    let from = cursor::decode::<Place>(page.cursor.as_deref())?.map_or(0, |place| place.group);
    let execution = read::execution(&parts, &id).await?;
    let to = execution.groups.min(from.saturating_add(limit));
    let tallies = parts.table().tallies(execution.execution_id, from..to).await?;
    let next = (to < execution.groups).then(|| cursor::encode(&Place { group: to }));
    Ok(Json(Groups { size: GROUP_SIZE, groups: tallies.iter().map(counts).collect(), next }))
}

fn counts(tally: &TallyRow) -> [u64; 7] {
    let [succeeded, failed, cancelled] =
        [&tally.succeeded, &tally.failed, &tally.cancelled].map(|set| set.len() as u64);
    [tally.group.group, tally.size, tally.pending, 0, succeeded, failed, cancelled]
}
