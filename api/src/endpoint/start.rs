//! Starts an execution.

use std::time::Duration;

use axum::Json;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use control_table::id::{ExecutionId, ExecutionKey, JobName};
use control_table::rows::PlanKind;
use engine::scatter::{ScatterEvent, SourceRequest};
use engine::{OperatorError, Started};
use serde::Serialize;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use utoipa::ToSchema;

use crate::parts::Parts;
use crate::problem::Problem;
use crate::problem::responses::ChangeProblems;
use crate::request::{Body, Changing};

/// The header that other services name their keys in.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How often to look whether the execution is open: a read of one row.
const LOOK: Duration = Duration::from_millis(50);

/// How long a caller whose key has an execution waits for a refusal: that is two reads. Its segments may still be on their way then.
const ATTACH: Duration = Duration::from_secs(2);

/// An execution that was started.
#[derive(Debug, Serialize, ToSchema)]
pub struct StartedView {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Its job.
    pub job: JobName,
    /// Its key.
    pub key: ExecutionKey,
    /// Whether this request opened it; `false` if the key had an execution already.
    pub opened: bool,
}

/// Starts an execution of the scatter event in the body, and answers as soon as it is open; its segments follow. The event's key, or the
/// header `Idempotency-Key`, makes the request safe to repeat: a job has one execution a key. With the source `external` the execution is
/// opened, for its caller to add segments.
#[utoipa::path(
    post,
    path = "/executions",
    operation_id = "start_execution",
    tag = "executions",
    params(("Idempotency-Key" = Option<ExecutionKey>, Header, description = "The key, if the event has none")),
    request_body = ScatterEvent,
    responses(
        (status = 201, description = "It is open", body = StartedView),
        (status = 200, description = "The key has this execution already", body = StartedView),
        ChangeProblems,
    ),
)]
pub async fn start(
    Changing(parts): Changing,
    headers: HeaderMap,
    Body(event): Body<Value>,
) -> Result<Response, Problem> {
    let event = ScatterEvent::parse(event)?;
    refuse_file_of_function(&parts, &event)?;
    let key = key(&parts, &event, &headers)?;
    let job = event.job.clone();
    let Started { execution_id, key, opened } = if event.source.kind() == PlanKind::External {
        open(&parts, event, key).await?
    } else {
        scatter(&parts, event, key).await?
    };
    let status = if opened { StatusCode::CREATED } else { StatusCode::OK };
    let place = [(LOCATION, format!("/api/v1/executions/{execution_id}"))];
    Ok((status, place, Json(StartedView { execution_id, job, key, opened })).into_response())
}

/// A file is read where scatter runs. In a stack that is a function, which has no files of its callers, and some that are not theirs.
fn refuse_file_of_function(parts: &Parts, event: &ScatterEvent) -> Result<(), Problem> {
    match &event.source {
        SourceRequest::List(list) if parts.machine.is_none() && list.file.is_some() => {
            Err(Problem::bad_request("source.file: a stack has no files of its callers: give `codes`"))
        }
        _ => Ok(()),
    }
}

/// The event's own key, the header's, or a new one.
fn key(parts: &Parts, event: &ScatterEvent, headers: &HeaderMap) -> Result<ExecutionKey, Problem> {
    if let Some(key) = &event.key {
        return Ok(key.clone());
    }
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else {
        let new = parts.entropy.uuid_v7(parts.clock.now()).to_string();
        return new.parse().map_err(Problem::bad_request);
    };
    let key =
        key.to_str().map_err(|_| Problem::bad_request("Idempotency-Key: only printable ASCII can be a header"))?;
    key.parse().map_err(|error| Problem::bad_request(format_args!("Idempotency-Key: {error}")))
}

async fn open(parts: &Parts, event: ScatterEvent, key: ExecutionKey) -> Result<Started, Problem> {
    let event = ScatterEvent { key: Some(key), ..event };
    let answer = parts.operator.open(event, "").await?;
    Ok(Started { execution_id: answer.execution_id, key: answer.key, opened: answer.opened })
}

/// Does not wait for the segments: of a long job they are added while workers take the first. A caller that goes away stops nothing.
async fn scatter(parts: &Parts, event: ScatterEvent, key: ExecutionKey) -> Result<Started, Problem> {
    let (table, job) = (parts.table().clone(), event.job.clone());
    let before = table.execution_of_key(&job, &key).await?;
    let (operator, begun) = (std::sync::Arc::clone(&parts.operator), Instant::now());
    let mut scattering = {
        let key = key.clone();
        tokio::spawn(async move { operator.start(event, key).await })
    };
    loop {
        tokio::select! {
            biased;
            ended = &mut scattering => return started(ended),
            () = sleep(LOOK) => {}
        }
        let found = match before {
            Some(execution_id) if begun.elapsed() >= ATTACH => Some((execution_id, false)),
            Some(_) => None,
            None => table.execution_of_key(&job, &key).await?.map(|execution_id| (execution_id, true)),
        };
        if let Some((execution_id, opened)) = found {
            log_failure(execution_id, scattering);
            return Ok(Started { execution_id, key, opened });
        }
    }
}

fn started(ended: Result<Result<Started, OperatorError>, tokio::task::JoinError>) -> Result<Started, Problem> {
    match ended {
        Ok(started) => Ok(started?),
        Err(error) => Err(Problem::lost(&error)),
    }
}

/// What fails after the answer is in the log, and the execution stays open for the sweeper, or for `resume`.
fn log_failure(execution_id: ExecutionId, scattering: JoinHandle<Result<Started, OperatorError>>) {
    tokio::spawn(async move {
        match scattering.await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::error!(%execution_id, %error, "its segments are not all there"),
            Err(error) => tracing::error!(%execution_id, %error, "its segments are not all there"),
        }
    });
}
