//! The user's work, as the worker sees it.

use std::marker::PhantomData;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::context::{Context, read};
use crate::error::SegmentError;
use crate::output::Output;
use crate::segment::Segment;

/// What is done with a segment.
///
/// Most workers are made by [`work`] from an `async fn`. The future is dropped when the time is up, so it must not hold the
/// thread for long without an `await`: see `tokio::task::spawn_blocking`.
pub trait Work: Send + Sync + 'static {
    /// Does one segment's work, once. It may be called again for the same segment after a failure or a crash.
    fn process(&self, segment: Segment<Value>, context: Context) -> BoxFuture<'static, Result<Output, SegmentError>>;
}

/// Makes work of an `async fn process(segment: Segment<Spec>, context: Context) -> Result<Output, SegmentError>`.
///
/// A spec that is not an `S` is a permanent failure that says where.
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
        match read("the segment's spec", spec) {
            Ok(spec) => Box::pin((self.process)(Segment { execution_id, index, total, spec }, context)),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}
