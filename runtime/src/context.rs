//! What the user's work is told beside its segment.

use chrono::{DateTime, Utc};
use control_table::id::JobName;
use control_table::message::SegmentRecord;
use control_table::trace::TraceContext;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::SegmentError;

/// The circumstances of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// The job that the run is of.
    pub job: JobName,
    /// The run's generation: 1, and one more for every redrive.
    pub generation: u32,
    /// The attempt at this segment in this generation, from 1.
    pub attempt: u32,
    /// When the work is cancelled and recorded as timed out. A little before the invocation ends.
    pub deadline: DateTime<Utc>,
    /// The trace of the scatter invocation that opened the run, for a propagator of `OpenTelemetry`'s: a span of the work can have it
    /// as parent or link. None locally, and where that invocation had none.
    pub trace: Option<TraceContext>,
    parameters: Value,
}

impl Context {
    /// The first attempt of a first generation. Workers get theirs made for them; this is for tests of a user's work.
    #[must_use]
    pub const fn new(job: JobName, deadline: DateTime<Utc>, parameters: Value) -> Self {
        Self { job, generation: 1, attempt: 1, deadline, trace: None, parameters }
    }

    /// The circumstances of that attempt at the record's segment.
    pub(crate) fn of(record: &SegmentRecord, attempt: u32, deadline: DateTime<Utc>) -> Self {
        Self {
            job: record.job.clone(),
            generation: record.generation,
            attempt,
            deadline,
            trace: record.trace.clone(),
            parameters: record.parameters.clone(),
        }
    }

    /// What the run was started with: the same for every segment.
    ///
    /// # Errors
    /// Permanent, and names the field, when the parameters are not a `T`.
    pub fn parameters<T: DeserializeOwned>(&self) -> Result<T, SegmentError> {
        read("the run's parameters", self.parameters.clone())
    }
}

/// Reads JSON that a person wrote. Reading it again would go wrong again, so an error is permanent.
pub fn read<T: DeserializeOwned>(what: &str, value: Value) -> Result<T, SegmentError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        // The path of the whole document is "."; nobody needs to be told that.
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
        let context = Context::new("job".parse().unwrap(), DateTime::UNIX_EPOCH, parameters);
        context.parameters::<Parameters>().unwrap_err()
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
        assert!(read_parameters(Value::Null).message().starts_with("the run's parameters cannot be read: "));
    }
}
