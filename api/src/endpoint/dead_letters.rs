//! Records that could not be read.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use control_table::rows::{DeadLetterRow, DeadLetterSource};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::cursor;
use crate::parts::Parts;
use crate::problem::Problem;
use crate::problem::responses::ReadProblems;
use crate::request::{Page, Query};

/// Dead letters that a list goes back at most; the store bounds what it reads.
const MOST: usize = 10_000;

/// A record that could not be read.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadLetter {
    /// The consumer that could not read it.
    pub source: DeadLetterSource,
    /// The event ID of the record, or a name made of its content.
    pub event_id: String,
    /// Why it could not be read.
    pub reason: String,
    /// When the dead letter was added.
    pub recorded_at: DateTime<Utc>,
    /// The beginning of its content, in base64.
    pub payload: String,
    /// The length of the whole content, in bytes.
    pub payload_bytes: u64,
}

impl From<DeadLetterRow> for DeadLetter {
    fn from(row: DeadLetterRow) -> Self {
        let DeadLetterRow { source, event_id, reason, payload, payload_bytes, recorded_at, expires_at: _ } = row;
        Self { source, event_id, reason, recorded_at: recorded_at.to_datetime(), payload, payload_bytes }
    }
}

/// A page of dead letters, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadLetters {
    /// The dead letters.
    pub dead_letters: Vec<DeadLetter>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// Where a page begins: after this dead letter.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    source: DeadLetterSource,
    event_id: String,
}

/// Lists dead letters of workers and gather, newest first.
#[utoipa::path(
    get,
    path = "/dead-letters",
    operation_id = "list_dead_letters",
    tag = "system",
    params(Page),
    responses(
        (status = 200, description = "A page of dead letters, newest first", body = DeadLetters),
        ReadProblems,
    ),
)]
pub async fn list(State(parts): State<Parts>, Query(page): Query<Page>) -> Result<Json<DeadLetters>, Problem> {
    let limit = usize::from(page.limit()?);
    let after: Option<Place> = cursor::decode(page.cursor.as_deref())?;
    let mut rows = parts.table().dead_letters(MOST).await?.into_iter();
    if let Some(Place { source, event_id }) = after {
        // One that has expired meanwhile ends the list.
        rows.by_ref().find(|row| row.source == source && row.event_id == event_id);
    }
    let dead_letters: Vec<DeadLetter> = rows.by_ref().take(limit).map(DeadLetter::from).collect();
    let next = rows.next().and(dead_letters.last());
    let next = next.map(|last| cursor::encode(&Place { source: last.source, event_id: last.event_id.clone() }));
    Ok(Json(DeadLetters { dead_letters, next }))
}
