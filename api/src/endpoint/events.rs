//! What happened to an execution, as far as its rows know when.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use control_table::ControlTable;
use control_table::clock::Timestamp;
use control_table::rows::{ExecutionRow, Stop};
use serde::Serialize;
use utoipa::ToSchema;

use crate::parts::Parts;
use crate::problem::Problem;
use crate::problem::responses::ReadProblems;
use crate::read;
use crate::request::Path;
use crate::view::telling_line;

/// What kind of event it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The execution was opened.
    Opened,
    /// It has all its segments.
    Sealed,
    /// A redrive began the present generation.
    Redriven,
    /// The first segment of the generation failed for good.
    FirstFailure,
    /// It counts as stalled.
    Stalled,
    /// It completed.
    Finished,
}

/// An event.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct Event {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What kind of event it is.
    pub kind: EventKind,
    /// What happened, for people.
    pub text: String,
}

/// The events of an execution, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Events {
    /// The events.
    pub events: Vec<Event>,
}

/// Shows what happened to an execution, as far as its rows know when, oldest first.
#[utoipa::path(
    get,
    path = "/executions/{id}/events",
    operation_id = "list_events",
    tag = "executions",
    params(("id" = String, Path, description = "The execution's ID")),
    responses(
        (status = 200, description = "What happened", body = Events),
        ReadProblems,
    ),
)]
pub async fn list(State(parts): State<Parts>, Path(id): Path<String>) -> Result<Json<Events>, Problem> {
    let execution = read::execution(&parts, &id).await?;
    let mut events = of_row(&execution);
    events.extend(first_failure(parts.table(), &execution).await?);
    events.sort();
    Ok(Json(Events { events }))
}

fn of_row(row: &ExecutionRow) -> Vec<Event> {
    let event = |at: Option<Timestamp>, kind, text: String| at.map(|at| Event { at: at.to_datetime(), kind, text });
    let redriven = (row.generation > 1).then_some(row.started_at);
    let events = [
        event(Some(row.created_at), EventKind::Opened, format!("opened for the key {}", row.key)),
        event(row.sealed_at, EventKind::Sealed, format!("sealed, with {} segments", row.segments)),
        event(redriven, EventKind::Redriven, format!("redriven: generation {} began", row.generation)),
        event(
            row.stalled_at,
            EventKind::Stalled,
            "stalled: nothing has moved for as long as its policy allows".to_owned(),
        ),
        event(row.finished_at, EventKind::Finished, finished(row)),
    ];
    events.into_iter().flatten().collect()
}

fn finished(row: &ExecutionRow) -> String {
    let why = match row.stopped {
        Some(Stop::Requested) => ", stopped on request",
        Some(Stop::TooManyFailures) => ", stopped because more segments failed than are tolerated",
        Some(Stop::TimedOut) => ", stopped because its time was up",
        None => "",
    };
    let event =
        if row.is_unpublished() { "; its completion event is not out yet" } else { "; its completion event is out" };
    format!("{}{why}{event}", row.status.as_str())
}

async fn first_failure(table: &ControlTable, row: &ExecutionRow) -> Result<Option<Event>, Problem> {
    let Some(index) = row.first_failure else { return Ok(None) };
    let Some(segment) = table.segment(row.execution_id.segment(index)).await? else { return Ok(None) };
    let why = segment.error.map_or_else(String::new, |error| format!(": {}", telling_line(&error.message)));
    let text = format!("segment {index} failed, the first for good{why}");
    Ok(segment.finished_at.map(|at| Event { at: at.to_datetime(), kind: EventKind::FirstFailure, text }))
}
