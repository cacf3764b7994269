//! The environment variables of a function.

use std::env;
use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use engine::{StreamSettings, Transport};

/// A function cannot start without this variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The variable.
    pub variable: &'static str,
}

impl fmt::Display for Missing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { variable } = self;
        write!(out, "{variable} is not set: give the function that environment variable, as infra/template.yaml does")
    }
}

impl std::error::Error for Missing {}

/// Reads a required variable; an empty one counts as missing. Logs the error itself, because Lambda prints the error of `main` with
/// `Debug`, so call [`init`](crate::telemetry::init) first.
pub fn variable(name: &'static str) -> Result<String, Missing> {
    optional(name)
        .ok_or(Missing { variable: name })
        .inspect_err(|error| tracing::error!(%error, "the function cannot start"))
}

/// The variable that names the segment queue of a stack with `Transport=SQS`.
pub const QUEUE_VARIABLE: &str = "SEGMENT_QUEUE_URL";

/// Reads a variable that may be missing; an empty one is.
#[must_use]
pub fn optional(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// What carries records to workers: the queue of `SEGMENT_QUEUE_URL`, if it is set, otherwise the stream of `SEGMENT_STREAM`.
/// `infra/template.yaml` sets the one or the other.
pub fn transport() -> Result<Transport, Missing> {
    match optional(QUEUE_VARIABLE) {
        Some(url) => Ok(Transport::Sqs(url)),
        None => variable("SEGMENT_STREAM").map(Transport::Kinesis),
    }
}

/// How the segment stream keeps records, and how its mapping reads them, as `infra/template.yaml` sets it; what is missing is unknown.
#[must_use]
pub fn stream_settings() -> StreamSettings {
    let unknown = StreamSettings::UNKNOWN;
    StreamSettings {
        retention: number("SEGMENT_STREAM_RETENTION_HOURS").and_then(TimeDelta::try_hours).unwrap_or(unknown.retention),
        lanes: number("SEGMENT_STREAM_LANES").unwrap_or(unknown.lanes),
        batch_size: number("SEGMENT_BATCH_SIZE").unwrap_or(unknown.batch_size),
    }
}

fn number<N: FromStr>(name: &str) -> Option<N> {
    optional(name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_variable_is_named() {
        // Cargo sets it for every test.
        assert_eq!(variable("CARGO_PKG_NAME").as_deref(), Ok("scatter-gather-functions"));
        let error = variable("NO_SUCH_VARIABLE").unwrap_err().to_string();
        assert!(error.starts_with("NO_SUCH_VARIABLE is not set: "), "{error}");
        // Neither variable of a transport is set in a test.
        assert_eq!(transport(), Err(Missing { variable: "SEGMENT_STREAM" }));
        assert_eq!(stream_settings(), StreamSettings::UNKNOWN);
    }
}
