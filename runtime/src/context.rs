//! The circumstances of an attempt.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use control_table::id::{ExecutionId, ExecutionKey, JobName};
use control_table::message::SegmentRecord;
use control_table::trace::TraceContext;
use serde::de::{DeserializeOwned, Deserializer};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::error::SegmentError;

/// The circumstances of one attempt at a segment. Cheap to clone.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Context {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Its job.
    pub job: JobName,
    /// Its key.
    pub key: ExecutionKey,
    /// Its generation: 1, and one more for every redrive.
    pub generation: u32,
    /// The attempt at this segment in this generation, from 1.
    pub attempt: u32,
    /// When the worker cancels the attempt and records it as timed out: a little before the invocation ends.
    pub deadline: DateTime<Utc>,
    /// The trace of the scatter invocation that opened the execution: an `OpenTelemetry` span of the work can have it as parent or
    /// link. None on one machine.
    pub trace: Option<TraceContext>,
    pub(crate) parameters: Arc<Value>,
    pub(crate) cancellation: CancellationToken,
    pub(crate) items_done: Arc<AtomicU64>,
}

impl Context {
    /// The context of that attempt at the record's segment.
    pub(crate) fn of(record: &SegmentRecord, attempt: u32, deadline: DateTime<Utc>) -> Self {
        Self {
            execution_id: record.execution_id,
            job: record.job.clone(),
            key: record.key.clone(),
            generation: record.generation,
            attempt,
            deadline,
            trace: record.trace.clone(),
            parameters: Arc::new(record.parameters.clone()),
            cancellation: CancellationToken::new(),
            items_done: Arc::default(),
        }
    }

    /// The parameters of the execution: the same for every segment.
    ///
    /// # Errors
    /// Permanent, and names the field, if the parameters are not a `T`.
    pub fn parameters<T: DeserializeOwned>(&self) -> Result<T, SegmentError> {
        read_json("the parameters", &*self.parameters)
    }

    /// Whether the worker has cancelled the attempt. Work that blocks a thread checks this, because dropping its future does not
    /// stop it.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancellation.is_cancelled()
    }

    /// Returns when the worker cancels the attempt. The work's future is dropped at the next `await` after that, or after the work's
    /// grace, if it has one.
    pub async fn cancelled(&self) {
        self.cancellation.cancelled().await;
    }

    /// Reports the items that this attempt has done so far. An attempt that times out records the last number in its error, so that
    /// an operator sees how far it came; nothing is counted by it.
    pub fn progress(&self, items_done: u64) {
        self.items_done.store(items_done, Ordering::Relaxed);
    }
}

/// Reads JSON that a person wrote; `what` names it. Reading it again would fail again, so the error is permanent.
///
/// # Errors
/// The path of the wrong field, and what is wrong with it.
pub fn read_json<'de, T: DeserializeOwned>(
    what: &str,
    value: impl Deserializer<'de, Error = serde_json::Error>,
) -> Result<T, SegmentError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        // The path of the whole document is ".", which says nothing.
        let place = match error.path().to_string() {
            path if path == "." => String::new(),
            path => format!(", at {path}"),
        };
        SegmentError::permanent(format_args!("{what} cannot be read{place}: {}", error.inner()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Deserialize)]
    struct Parameters {
        #[expect(dead_code, reason = "only its type matters here")]
        limit: Inner,
    }

    #[derive(Debug, Deserialize)]
    struct Inner {
        #[expect(dead_code, reason = "only its type matters here")]
        rows: u32,
    }

    fn read_parameters(parameters: Value) -> SegmentError {
        testing::context().parameters(parameters).build().parameters::<Parameters>().unwrap_err()
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        let error = read_parameters(json!({"limit": {"rows": "ten"}}));
        assert!(!error.is_retryable());
        assert!(error.message().contains("at limit.rows: invalid type: string \"ten\""), "{}", error.message());
    }

    #[test]
    fn missing_parameters_are_named() {
        assert!(read_parameters(json!({})).message().contains("missing field `limit`"));
        assert!(read_parameters(Value::Null).message().starts_with("the parameters cannot be read: "));
    }
}
