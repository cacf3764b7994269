//! An execution while it runs, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use control_table::id::ExecutionId;
use futures::stream;
use tokio::time::sleep;

use crate::parts::Parts;
use crate::problem::Problem;
use crate::problem::responses::ReadProblems;
use crate::read;
use crate::request::Path;
use crate::view::ExecutionView;

/// How often the execution is read.
const LOOK: Duration = Duration::from_secs(1);

/// What was sent, and what comes next.
struct Watched {
    parts: Parts,
    execution_id: ExecutionId,
    sent: Option<ExecutionView>,
    is_over: bool,
}

/// Sends an execution whenever it has changed, looking every second, until it is complete.
#[utoipa::path(
    get,
    path = "/executions/{id}/watch",
    operation_id = "watch_execution",
    tag = "executions",
    params(("id" = String, Path, description = "The execution's ID")),
    responses(
        (status = 200, description = "Server-sent events `execution`, each with an execution as JSON", body = String, content_type = "text/event-stream"),
        ReadProblems,
    ),
)]
pub async fn watch(State(parts): State<Parts>, Path(id): Path<String>) -> Result<Response, Problem> {
    if !parts.is_streaming {
        return Err(Problem::not_kept_here("streams of events"));
    }
    let execution_id = read::find(&parts, &id).await?;
    let watched = Watched { parts, execution_id, sent: None, is_over: false };
    let events = stream::unfold(watched, |mut watched| async {
        let event = watched.next().await?;
        Some((Ok::<_, Infallible>(event), watched))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response())
}

impl Watched {
    /// Waits for the next change. `None` after the end, or when the execution cannot be read: the client connects again.
    async fn next(&mut self) -> Option<Event> {
        while !self.is_over {
            if self.sent.is_some() {
                sleep(LOOK).await;
            }
            let view = ExecutionView::read(self.parts.table(), self.execution_id).await.ok()??;
            self.is_over = view.summary.status.is_terminal();
            if self.sent.as_ref() != Some(&view) {
                let event = Event::default().event("execution").json_data(&view).ok()?;
                self.sent = Some(view);
                return Some(event);
            }
        }
        None
    }
}
