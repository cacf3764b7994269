//! The jobs that have executions.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use control_table::id::{ExecutionId, JobName};
use control_table::read::ListQuery;
use serde::Serialize;
use utoipa::ToSchema;

use crate::parts::Parts;
use crate::problem::Problem;
use crate::problem::responses::ReadProblems;

/// Executions that are looked at, newest first: a job whose last execution is older is not listed.
const LOOKED_AT: u16 = 2_000;

/// A job.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names are those of the JSON")]
pub struct Job {
    /// Its name.
    pub job: JobName,
    /// Its executions that are not over, among those that were looked at.
    pub open: u64,
    /// Its newest execution.
    pub last_execution: ExecutionId,
}

/// Jobs by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct Jobs {
    /// The jobs of the newest 2,000 executions.
    pub jobs: Vec<Job>,
}

/// Lists the jobs of the newest executions, by name.
#[utoipa::path(
    get,
    path = "/jobs",
    operation_id = "list_jobs",
    tag = "system",
    responses(
        (status = 200, description = "The jobs", body = Jobs),
        ReadProblems,
    ),
)]
pub async fn list(State(parts): State<Parts>) -> Result<Json<Jobs>, Problem> {
    let query = ListQuery::all(parts.clock.now(), LOOKED_AT);
    let mut jobs: BTreeMap<JobName, Job> = BTreeMap::new();
    for row in parts.table().executions(&query).await?.executions {
        let new = || Job { job: row.job.clone(), open: 0, last_execution: row.execution_id };
        let job = jobs.entry(row.job.clone()).or_insert_with(new);
        job.open += u64::from(!row.status.is_terminal());
    }
    Ok(Json(Jobs { jobs: jobs.into_values().collect() }))
}
