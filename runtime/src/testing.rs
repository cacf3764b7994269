//! Runs the work of a segment without AWS and without a control table: for an author's own tests.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use control_table::id::ExecutionId;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::context::Context;
use crate::error::SegmentError;
use crate::output::Output;
use crate::segment::Segment;
use crate::work::Work;

/// A context to test with: the first attempt at a segment of the job `test` with the key `test`, without parameters.
#[must_use]
pub fn context() -> ContextBuilder {
    ContextBuilder { parameters: Value::Null, generation: 1, attempt: 1, deadline: DateTime::<Utc>::MAX_UTC }
}

/// Builds a [`Context`].
#[derive(Debug, Clone)]
pub struct ContextBuilder {
    parameters: Value,
    generation: u32,
    attempt: u32,
    deadline: DateTime<Utc>,
}

impl ContextBuilder {
    /// With these parameters of the execution.
    #[must_use]
    pub fn parameters(self, parameters: impl Into<Value>) -> Self {
        Self { parameters: parameters.into(), ..self }
    }

    /// In that generation.
    #[must_use]
    pub const fn generation(mut self, generation: u32) -> Self {
        self.generation = generation;
        self
    }

    /// At that attempt, from 1.
    #[must_use]
    pub const fn attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// With that deadline. The test cancels the attempt by itself, see [`cancel`].
    #[must_use]
    pub const fn deadline(mut self, deadline: DateTime<Utc>) -> Self {
        self.deadline = deadline;
        self
    }

    /// The context.
    #[must_use]
    pub fn build(self) -> Context {
        let name = "test".parse();
        let (Ok(job), Ok(key)) = (name, "test".parse()) else {
            unreachable!("`test` is a job's name and a key");
        };
        Context {
            execution_id: execution_id(),
            job,
            key,
            generation: self.generation,
            attempt: self.attempt,
            deadline: self.deadline,
            trace: None,
            parameters: Arc::new(self.parameters),
            cancellation: CancellationToken::new(),
            items_done: Arc::default(),
        }
    }
}

/// Cancels the attempt of this context, as the worker does at its deadline.
pub fn cancel(context: &Context) {
    context.cancellation.cancel();
}

/// A segment with that spec: the first of an execution of one.
#[must_use]
pub fn segment<S>(spec: S) -> Segment<S> {
    segment_at(0, Some(1), spec)
}

/// A segment with that spec at that index, in an execution of so many.
#[must_use]
pub fn segment_at<S>(index: u64, total: Option<u64>, spec: S) -> Segment<S> {
    Segment { execution_id: execution_id(), index, total, spec }
}

const fn execution_id() -> ExecutionId {
    ExecutionId::new(Uuid::from_u128(7))
}

/// Does the work of a segment with that spec as the worker does: the spec is read into the type that the work takes.
///
/// # Errors
/// What the worker would record: the error of the work, or a spec that cannot be read.
pub async fn run(work: &dyn Work, spec: impl Into<Value>, context: Context) -> Result<Output, SegmentError> {
    work.process(segment(spec.into()), context).await
}
