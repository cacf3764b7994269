//! Scatter events as callers send them: JSON, parsed as the scatter function does.

use chrono::{DateTime, Utc};
use engine::scatter::{Request, ScatterAnswer, ScatterEvent};
use engine::{Engine, EngineError};
use functions::handlers;
use serde_json::Value;

/// Calls an engine with raw scatter events.
pub trait RawEvents {
    /// As the scatter function handles the event.
    fn handle<'a>(
        &'a self,
        event: Value,
        request: impl Into<Request<'a>> + Send,
        deadline: DateTime<Utc>,
    ) -> impl Future<Output = Result<ScatterAnswer, EngineError>> + Send;

    /// Opens an external execution.
    fn open_raw<'a>(
        &'a self,
        event: Value,
        request: impl Into<Request<'a>> + Send,
    ) -> impl Future<Output = Result<ScatterAnswer, EngineError>> + Send;
}

impl RawEvents for Engine {
    async fn handle<'a>(
        &'a self,
        event: Value,
        request: impl Into<Request<'a>> + Send,
        deadline: DateTime<Utc>,
    ) -> Result<ScatterAnswer, EngineError> {
        handlers::scatter(self, &event.to_string(), request.into(), deadline).await
    }

    async fn open_raw<'a>(
        &'a self,
        event: Value,
        request: impl Into<Request<'a>> + Send,
    ) -> Result<ScatterAnswer, EngineError> {
        self.open(ScatterEvent::parse(event)?, request).await
    }
}
