//! The failed segments of an execution, counted by their errors.

use axum::Json;
use axum::extract::State;

use crate::parts::Parts;
use crate::problem::Problem;
use crate::problem::responses::ReadProblems;
use crate::read;
use crate::request::Path;
use crate::view::Failures;

/// Groups whose failed segments are read at most: a query for each. The failed segments of the others are counted as `others`.
const GROUPS_READ: usize = 200;

/// Counts an execution's failed segments by their errors, the most frequent first.
#[utoipa::path(
    get,
    path = "/executions/{id}/failures",
    operation_id = "get_failures",
    tag = "executions",
    params(("id" = String, Path, description = "The execution's ID")),
    responses(
        (status = 200, description = "The failed segments, by their errors", body = Failures),
        ReadProblems,
    ),
)]
pub async fn get(State(parts): State<Parts>, Path(id): Path<String>) -> Result<Json<Failures>, Problem> {
    let execution = read::execution(&parts, &id).await?;
    let failures = Failures::read(parts.table(), execution.execution_id, execution.groups, GROUPS_READ).await?;
    Ok(Json(failures))
}
