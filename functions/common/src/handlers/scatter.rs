//! The scatter function's event.

use chrono::{DateTime, Utc};
use engine::scatter::{Request, ScatterAnswer, ScatterEvent};
use engine::{Engine, EngineError};
use serde_json::Value;

/// Parses a scatter event and carries it out until `deadline`.
///
/// # Errors
/// Bad input, before anything is written; or a failure after which the same event continues.
pub async fn scatter(
    engine: &Engine,
    event: Value,
    request: Request<'_>,
    deadline: DateTime<Utc>,
) -> Result<ScatterAnswer, EngineError> {
    // Boxed, so that the futures of callers stay small.
    Box::pin(engine.scatter(ScatterEvent::parse(event)?, request, deadline)).await
}
