//! The scatter function's event.

use chrono::{DateTime, Utc};
use engine::scatter::{Request, ScatterAnswer, ScatterEvent};
use engine::{Engine, EngineError};

/// Parses a scatter event, which is JSON text, and carries it out until `deadline`.
///
/// # Errors
/// Bad input, before anything is written; or a failure after which the same event continues.
pub async fn scatter(
    engine: &Engine,
    event: &str,
    request: Request<'_>,
    deadline: DateTime<Utc>,
) -> Result<ScatterAnswer, EngineError> {
    // Boxed, so that the futures of callers stay small.
    Box::pin(engine.scatter(ScatterEvent::parse(read(event)?)?, request, deadline)).await
}

/// The event as it is written, or a refusal: a number in it that would be changed is no number of the caller's.
fn read(event: &str) -> Result<serde_json::Value, EngineError> {
    text::json_value(event).map_err(|error| EngineError::InvalidEvent { reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_would_be_changed_is_refused_by_name() {
        let refusal = read(r#"{"job":"a","parameters":{"id":123456789012345678901234}}"#).unwrap_err();
        assert!(
            !refusal.is_retryable() && refusal.to_string().contains("the number 123456789012345678901234"),
            "{refusal}"
        );
        assert!(read(r#"{"job":"a","job":"b"}"#).unwrap_err().to_string().contains("comes twice"));
    }
}
