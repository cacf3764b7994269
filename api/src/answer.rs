//! Answers of operations that may take longer than a caller waits: a cancel of a million segments writes a million rows.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use control_table::id::ExecutionId;
use engine::{Operator, OperatorError};
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::parts::Parts;
use crate::problem::Problem;

/// How long a caller waits. A gateway waits 30 s at most (quota of an HTTP API), and so do many programs.
const TIME: Duration = Duration::from_secs(25);

/// What an operation did, or that it is under way.
#[derive(Debug)]
pub enum Answer<T> {
    /// It has ended.
    Done(T),
    /// It continues without its caller.
    Continues(Continues),
}

/// An operation that continues.
#[derive(Debug, Serialize, ToSchema)]
pub struct Continues {
    /// The execution, whose status shows how far it has come.
    pub execution_id: ExecutionId,
    /// `true`: the same request may be made again, and changes nothing that is done.
    pub continues: bool,
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        match self {
            Self::Done(report) => Json(report).into_response(),
            Self::Continues(continues) => (StatusCode::ACCEPTED, Json(continues)).into_response(),
        }
    }
}

/// Runs an operation in a task of its own, so that a caller that goes away does not stop it half-way, and waits for it as long as callers
/// do.
///
/// # Errors
/// When the operation fails within that time. What fails later is in the log.
pub async fn within_time<T, F>(
    parts: &Parts,
    execution_id: ExecutionId,
    operate: impl FnOnce(Arc<dyn Operator>) -> F,
) -> Result<Answer<T>, Problem>
where
    T: Send + 'static,
    F: Future<Output = Result<T, OperatorError>> + Send + 'static,
{
    let operation = operate(Arc::clone(&parts.operator));
    let mut task = tokio::spawn(async move {
        let ended = operation.await;
        if let Err(error) = &ended {
            tracing::info!(%execution_id, %error, "an operation ended without success");
        }
        ended
    });
    match timeout(TIME, &mut task).await {
        Ok(Ok(ended)) => Ok(Answer::Done(ended?)),
        Ok(Err(lost)) => Err(Problem::lost(&lost)),
        Err(_) => Ok(Answer::Continues(Continues { execution_id, continues: true })),
    }
}
