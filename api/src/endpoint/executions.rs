//! Executions: lists, one by its ID, one by its key.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, NaiveDate, Utc};
use control_table::id::{ExecutionId, ExecutionKey, JobName};
use control_table::read::ListQuery;
use control_table::rows::ExecutionStatus;
use control_table::tags::Tag;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::parts::Parts;
use crate::problem::Problem;
use crate::problem::responses::ReadProblems;
use crate::request::{Path, Query, page_size};
use crate::view::ExecutionView;
use crate::{cursor, read};

/// Which executions to list. All conditions hold together.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Only executions of this job.
    pub job: Option<JobName>,
    /// Only the execution with this key.
    pub key: Option<ExecutionKey>,
    /// Only executions with this status.
    pub status: Option<ExecutionStatus>,
    /// Only executions that were opened at this moment or later.
    pub since: Option<DateTime<Utc>>,
    /// Only executions that were opened before this moment.
    pub until: Option<DateTime<Utc>>,
    /// Only executions that were opened on this day (UTC).
    pub day: Option<NaiveDate>,
    /// Only executions with all of these tags, each as `NAME=VALUE`.
    #[param(value_type = Vec<String>)]
    pub tag: Vec<Tag>,
    /// Entries at most: 1 to 1000, and 50 if not given.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u16>,
    /// The `next` of the page before.
    pub cursor: Option<String>,
}

/// A page of executions, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Executions {
    /// The executions.
    pub executions: Vec<ExecutionView>,
    /// The cursor of the next page, if there may be one.
    pub next: Option<String>,
}

/// Where a page begins.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    before: ExecutionId,
}

impl Filter {
    fn query(self, now: DateTime<Utc>, limit: u16) -> Result<ListQuery, Problem> {
        let day = self.day.map(|day| ListQuery::all(now, limit).on_day(day));
        let since = [self.since, day.as_ref().map(|day| day.since)].into_iter().flatten().max();
        let before = cursor::decode::<Place>(self.cursor.as_deref())?.map(|place| place.before);
        Ok(ListQuery {
            job: self.job,
            key: self.key,
            statuses: self.status.into_iter().collect(),
            tags: self.tag,
            since: since.unwrap_or(DateTime::UNIX_EPOCH),
            until: [self.until, day.and_then(|day| day.until)].into_iter().flatten().min(),
            before,
            ..ListQuery::all(now, limit)
        })
    }
}

/// Lists executions, newest first.
#[utoipa::path(
    get,
    path = "/executions",
    operation_id = "list_executions",
    tag = "executions",
    params(Filter),
    responses(
        (status = 200, description = "A page of executions, newest first", body = Executions),
        ReadProblems,
    ),
)]
pub async fn list(State(parts): State<Parts>, Query(filter): Query<Filter>) -> Result<Json<Executions>, Problem> {
    let limit = page_size(filter.limit)?;
    let page = parts.table().executions(&filter.query(parts.clock.now(), limit)?).await?;
    let executions = read::views(parts.table(), page.executions).await?;
    Ok(Json(Executions { executions, next: page.next.map(|before| cursor::encode(&Place { before })) }))
}

/// Shows an execution.
#[utoipa::path(
    get,
    path = "/executions/{id}",
    operation_id = "get_execution",
    tag = "executions",
    params(("id" = String, Path, description = "The execution's ID")),
    responses(
        (status = 200, description = "The execution", body = ExecutionView),
        ReadProblems,
    ),
)]
pub async fn get(State(parts): State<Parts>, Path(id): Path<String>) -> Result<Json<ExecutionView>, Problem> {
    let execution_id = read::find(&parts, &id).await?;
    view(&parts, execution_id).await
}

/// Shows the execution of a job that has this key.
#[utoipa::path(
    get,
    path = "/jobs/{job}/keys/{key}",
    operation_id = "get_execution_of_key",
    tag = "executions",
    params(("job" = JobName, Path, description = "The job"), ("key" = ExecutionKey, Path, description = "The key")),
    responses(
        (status = 200, description = "The execution", body = ExecutionView),
        ReadProblems,
    ),
)]
pub async fn of_key(
    State(parts): State<Parts>,
    Path((job, key)): Path<(String, String)>,
) -> Result<Json<ExecutionView>, Problem> {
    let job: JobName = job.parse().map_err(Problem::bad_request)?;
    let key: ExecutionKey = key.parse().map_err(Problem::bad_request)?;
    let execution_id = parts.table().execution_of_key(&job, &key).await?;
    let missing = || Problem::not_found(format_args!("the job {job} has no execution with the key {key} here"));
    view(&parts, execution_id.ok_or_else(missing)?).await
}

async fn view(parts: &Parts, execution_id: ExecutionId) -> Result<Json<ExecutionView>, Problem> {
    let view = ExecutionView::read(parts.table(), execution_id).await?;
    let missing = || Problem::not_found(format_args!("there is no execution {execution_id} here"));
    view.map(Json).ok_or_else(missing)
}
