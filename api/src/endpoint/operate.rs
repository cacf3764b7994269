//! What an operator does with an execution: cancel, redrive, repair, change limits.

use axum::Json;
use axum::extract::State;
use control_table::id::ExecutionId;
use control_table::policy::{Policy, Tolerance};
use control_table::rows::{Indexes, Selection};
use engine::operate::{CancelReport, LimitChange, RedriveReport, RepairMode, RepairReport};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::{Answer, Continues, within_time};
use crate::parts::Parts;
use crate::problem::Problem;
use crate::problem::responses::ChangeProblems;
use crate::read;
use crate::request::{Body, Changing, OptionalBody, Path};

/// Which segments to run again.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Redrive {
    /// Segments that failed. With neither this nor `cancelled`, both.
    pub failed: bool,
    /// Segments that were cancelled.
    pub cancelled: bool,
    /// Only those with these indexes, such as `3,17-20`.
    pub segments: Option<Indexes>,
}

impl From<Redrive> for Selection {
    fn from(Redrive { failed, cancelled, segments }: Redrive) -> Self {
        let everything = !failed && !cancelled;
        Self { failed: failed || everything, cancelled: cancelled || everything, only: segments }
    }
}

/// How to repair.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Repair {
    /// Report what differs, and change nothing.
    pub dry_run: bool,
}

/// Limits to change; what is left out stays.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Segments in flight at once: of an execution that began with a limit, or that is over.
    pub max_concurrency: Option<u32>,
    /// Failed segments with which the execution still counts as succeeded: a number, or a share as `"5%"`.
    pub tolerated_failures: Option<Tolerance>,
}

/// The limits of an execution.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitsView {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Segments in flight at once; null for as many as there are workers.
    pub max_concurrency: Option<u32>,
    /// Failed segments with which the execution still counts as succeeded.
    pub tolerated_failures: Tolerance,
}

/// Stops an execution: nothing of it starts any more, and it ends CANCELLED. One that is over stays as it is.
#[utoipa::path(
    post,
    path = "/executions/{id}/cancel",
    operation_id = "cancel_execution",
    tag = "operate",
    params(("id" = String, Path, description = "The execution's ID")),
    responses(
        (status = 200, description = "What the cancel did", body = CancelReport),
        (status = 202, description = "It continues", body = Continues),
        ChangeProblems,
    ),
)]
pub async fn cancel(Changing(parts): Changing, Path(id): Path<String>) -> Result<Answer<CancelReport>, Problem> {
    let execution_id = read::find(&parts, &id).await?;
    within_time(&parts, execution_id, |operator| async move { operator.cancel(execution_id).await }).await
}

/// Runs segments of a complete execution again that did not succeed, in its next generation.
#[utoipa::path(
    post,
    path = "/executions/{id}/redrive",
    operation_id = "redrive_execution",
    tag = "operate",
    params(("id" = String, Path, description = "The execution's ID")),
    request_body = Option<Redrive>,
    responses(
        (status = 200, description = "What the redrive did", body = RedriveReport),
        (status = 202, description = "It continues", body = Continues),
        ChangeProblems,
    ),
)]
pub async fn redrive(
    Changing(parts): Changing,
    Path(id): Path<String>,
    OptionalBody(redrive): OptionalBody<Redrive>,
) -> Result<Answer<RedriveReport>, Problem> {
    let (execution_id, selection) = (read::find(&parts, &id).await?, redrive.unwrap_or_default().into());
    within_time(&parts, execution_id, |operator| async move { operator.redrive(execution_id, selection).await }).await
}

/// Recounts an execution from its segments, says what differs, and corrects it unless `dry_run` is set. A dry run is no change.
#[utoipa::path(
    post,
    path = "/executions/{id}/repair",
    operation_id = "repair_execution",
    tag = "operate",
    params(("id" = String, Path, description = "The execution's ID")),
    request_body = Option<Repair>,
    responses(
        (status = 200, description = "What differs, or did", body = RepairReport),
        (status = 202, description = "It continues", body = Continues),
        ChangeProblems,
    ),
)]
pub async fn repair(
    State(parts): State<Parts>,
    Path(id): Path<String>,
    OptionalBody(repair): OptionalBody<Repair>,
) -> Result<Answer<RepairReport>, Problem> {
    let mode = if repair.unwrap_or_default().dry_run { RepairMode::DryRun } else { RepairMode::Correct };
    if mode == RepairMode::Correct {
        parts.refuse_if_read_only()?;
    }
    // The row of a damaged execution may be missing: a full ID is taken as it is.
    let execution_id = match id.to_ascii_lowercase().parse() {
        Ok(execution_id) => execution_id,
        Err(_) => read::find(&parts, &id).await?,
    };
    within_time(&parts, execution_id, |operator| async move { operator.repair(execution_id, mode).await }).await
}

/// Changes limits of an execution, also while it runs.
#[utoipa::path(
    patch,
    path = "/executions/{id}",
    operation_id = "change_limits",
    tag = "operate",
    params(("id" = String, Path, description = "The execution's ID")),
    request_body = Limits,
    responses(
        (status = 200, description = "The limits as they are now", body = LimitsView),
        ChangeProblems,
    ),
)]
pub async fn set(
    Changing(parts): Changing,
    Path(id): Path<String>,
    Body(limits): Body<Limits>,
) -> Result<Json<LimitsView>, Problem> {
    let Limits { max_concurrency, tolerated_failures } = limits;
    if max_concurrency.is_none() && tolerated_failures.is_none() {
        return Err(Problem::bad_request("the body: give max_concurrency, tolerated_failures, or both"));
    }
    let execution_id = read::find(&parts, &id).await?;
    let change = LimitChange { max_concurrency, tolerated_failures };
    let Policy { max_concurrency, tolerated_failures, .. } = parts.operator.set(execution_id, change).await?;
    Ok(Json(LimitsView { execution_id, max_concurrency, tolerated_failures }))
}
