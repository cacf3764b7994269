//! Jobs by days: how each execution of the last days ended.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use chrono::{Days, NaiveDate, NaiveTime};
use control_table::id::{ExecutionId, ExecutionKey, JobName};
use control_table::read::ListQuery;
use control_table::rows::ExecutionStatus;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::parts::Parts;
use crate::problem::Problem;
use crate::problem::responses::ReadProblems;
use crate::request::{Query, limit};

/// Days of a grid at most, and without `days`.
const DAYS_MAX: u16 = 92;
const DAYS: u16 = 14;

/// Executions of a grid at most, the newest.
const EXECUTIONS_MAX: u16 = 5_000;

/// Which grid.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct Range {
    /// Days back from today: 1 to 92, and 14 if not given.
    #[param(minimum = 1, maximum = 92)]
    pub days: Option<u16>,
    /// Only this job.
    pub job: Option<JobName>,
}

/// An execution in a cell.
#[derive(Debug, Serialize, ToSchema)]
pub struct Cell {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Its status.
    pub status: ExecutionStatus,
    /// Its key.
    pub key: ExecutionKey,
}

/// A line of the grid.
#[derive(Debug, Serialize, ToSchema)]
pub struct Line {
    /// The job.
    pub job: JobName,
    /// For each of the days its executions, newest first.
    pub cells: Vec<Vec<Cell>>,
}

/// Jobs by days.
#[derive(Debug, Serialize, ToSchema)]
pub struct Grid {
    /// The days (UTC) on which the executions were opened, today first.
    pub days: Vec<NaiveDate>,
    /// The jobs, by name.
    pub jobs: Vec<Line>,
    /// Whether there are older executions on these days that are left out: more than 5,000.
    pub cut: bool,
}

/// Shows the executions of the last days, by job and day.
#[utoipa::path(
    get,
    path = "/grid",
    operation_id = "get_grid",
    tag = "system",
    params(Range),
    responses(
        (status = 200, description = "Jobs by days", body = Grid),
        ReadProblems,
    ),
)]
pub async fn get(State(parts): State<Parts>, Query(range): Query<Range>) -> Result<Json<Grid>, Problem> {
    let count = u64::from(limit(range.days, DAYS, DAYS_MAX)?);
    let now = parts.clock.now();
    let days: Vec<NaiveDate> =
        (0..count).filter_map(|back| now.date_naive().checked_sub_days(Days::new(back))).collect();
    let since = days.last().map_or(now, |day| day.and_time(NaiveTime::MIN).and_utc());
    let query = ListQuery { job: range.job, since, now, before: None, limit: EXECUTIONS_MAX };
    let rows = parts.table().executions(&query).await?;
    let cut = rows.len() >= usize::from(EXECUTIONS_MAX);
    let mut jobs: BTreeMap<JobName, Vec<Vec<Cell>>> = BTreeMap::new();
    for row in rows {
        let opened = row.created_at.to_datetime().date_naive();
        let Some(at) = days.iter().position(|day| *day == opened) else { continue };
        let cells = jobs.entry(row.job).or_insert_with(|| days.iter().map(|_| Vec::new()).collect());
        cells[at].push(Cell { execution_id: row.execution_id, status: row.status, key: row.key });
    }
    let jobs = jobs.into_iter().map(|(job, cells)| Line { job, cells }).collect();
    Ok(Json(Grid { days, jobs, cut }))
}
