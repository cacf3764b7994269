//! Runs a `process` without AWS: on a spec, in a context that the test chooses.

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use runtime::testing::{ContextBuilder, cancel, context, segment, segment_at};

use crate::{Context, Error, Output, Segment, SegmentError};

/// Runs `process` on a segment with that spec, as the worker does: the spec is JSON, read into the type that `process` takes.
///
/// # Errors
/// What the worker would record: the error of `process`, or a spec that cannot be read.
pub async fn run<S, F, Fut, E>(process: F, spec: impl Into<Value>) -> Result<Output, SegmentError>
where
    S: DeserializeOwned + Send + 'static,
    F: Fn(Segment<S>, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Output, E>> + Send + 'static,
    E: Into<Error>,
{
    run_with(process, spec, context().build()).await
}

/// As [`run`], in that context.
///
/// # Errors
/// As [`run`].
pub async fn run_with<S, F, Fut, E>(
    process: F,
    spec: impl Into<Value>,
    context: Context,
) -> Result<Output, SegmentError>
where
    S: DeserializeOwned + Send + 'static,
    F: Fn(Segment<S>, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Output, E>> + Send + 'static,
    E: Into<Error>,
{
    runtime::testing::run(&*crate::work(process), spec, context).await
}
