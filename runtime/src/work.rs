//! The author's work, as the worker calls it.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::context::{Context, read_json};
use crate::error::SegmentError;
use crate::output::Output;
use crate::segment::Segment;

/// The work of a segment. [`work`] makes it from an `async fn`.
///
/// The worker drops the future at the deadline, so it must not hold the thread for long without an `await`: see
/// `tokio::task::spawn_blocking`, and [`Context::is_cancelled`]. Work with a [`Work::grace`] keeps its future for that long.
pub trait Work: Send + Sync + 'static {
    /// Does one segment's work, once. The worker may call it again for the same segment after a failure or a crash.
    fn process(&self, segment: Segment<Value>, context: Context) -> BoxFuture<'static, Result<Output, SegmentError>>;

    /// How long cancelled work of an execution with those parameters may take to end in good order, from [`Context::cancelled`] until
    /// its future is dropped. The worker cancels that much earlier, so that the end still fits into its invocation.
    fn grace(&self, _parameters: &Value) -> Duration {
        Duration::ZERO
    }
}

/// Makes work of an `async fn process(segment: Segment<Spec>, context: Context) -> Result<Output, SegmentError>`. A spec that is
/// not an `S` fails permanently, with the path of the wrong field.
pub fn work<S, F, Fut>(process: F) -> Arc<dyn Work>
where
    S: DeserializeOwned + Send + 'static,
    F: Fn(Segment<S>, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Output, SegmentError>> + Send + 'static,
{
    Arc::new(Typed { process, spec: PhantomData })
}

/// A function over segments with specs of one type.
struct Typed<S, F> {
    process: F,
    spec: PhantomData<fn() -> S>,
}

impl<S, F, Fut> Work for Typed<S, F>
where
    S: DeserializeOwned + Send + 'static,
    F: Fn(Segment<S>, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Output, SegmentError>> + Send + 'static,
{
    fn process(&self, segment: Segment<Value>, context: Context) -> BoxFuture<'static, Result<Output, SegmentError>> {
        let Segment { execution_id, index, total, spec } = segment;
        match read_json("the segment's spec", spec) {
            Ok(spec) => Box::pin((self.process)(Segment { execution_id, index, total, spec }, context)),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}
