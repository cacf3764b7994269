//! Executions that their callers fill: adding segments, and declaring that these are all.

use engine::scatter::{Added, ScatterAnswer};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::answer::{Answer, Continues, within_time};
use crate::problem::Problem;
use crate::problem::responses::ChangeProblems;
use crate::read;
use crate::request::{Body, Changing, Path};

/// Segments to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Add {
    /// Makes the request safe to repeat: with the same token the same segments are added once.
    pub token: String,
    /// A spec for each segment: any JSON, at most 16 KiB.
    pub specs: Vec<Value>,
}

/// Adds segments to an execution that was opened with the source `external`.
#[utoipa::path(
    post,
    path = "/executions/{id}/segments",
    operation_id = "add_segments",
    tag = "operate",
    params(("id" = String, Path, description = "The execution's ID")),
    request_body = Add,
    responses(
        (status = 200, description = "All of them are part of the execution", body = Added),
        (status = 202, description = "It continues", body = Continues),
        ChangeProblems,
    ),
)]
pub async fn add(
    Changing(parts): Changing,
    Path(id): Path<String>,
    Body(Add { token, specs }): Body<Add>,
) -> Result<Answer<Added>, Problem> {
    let execution_id = read::find(&parts, &id).await?;
    within_time(&parts, execution_id, |operator| async move { operator.add(execution_id, &token, specs).await }).await
}

/// Declares that an execution that was opened with the source `external` has all its segments, so that it can complete.
#[utoipa::path(
    post,
    path = "/executions/{id}/seal",
    operation_id = "seal_execution",
    tag = "operate",
    params(("id" = String, Path, description = "The execution's ID")),
    responses(
        (status = 200, description = "Where the execution stands", body = ScatterAnswer),
        (status = 202, description = "It continues", body = Continues),
        ChangeProblems,
    ),
)]
pub async fn seal(Changing(parts): Changing, Path(id): Path<String>) -> Result<Answer<ScatterAnswer>, Problem> {
    let execution_id = read::find(&parts, &id).await?;
    within_time(&parts, execution_id, |operator| async move { operator.seal(execution_id).await }).await
}
