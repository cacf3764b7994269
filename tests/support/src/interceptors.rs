//! What may happen on the way between an SDK client and a service.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::interceptors::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;

/// Loses the answers to the requests with these numbers, counted from 1: the service has carried them out.
#[derive(Debug, Clone)]
pub struct LoseAnswers {
    answers: RangeInclusive<u32>,
    sent: Arc<AtomicU32>,
}

impl LoseAnswers {
    /// Loses these answers.
    #[must_use]
    pub fn to(answers: RangeInclusive<u32>) -> Self {
        Self { answers, sent: Arc::default() }
    }

    /// Requests that were sent so far.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Intercept for LoseAnswers {
    fn name(&self) -> &'static str {
        "LoseAnswers"
    }

    fn read_after_transmit(
        &self,
        _: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = self.sent.fetch_add(1, Ordering::Relaxed) + 1;
        if self.answers.contains(&request) { Err("the answer is lost".into()) } else { Ok(()) }
    }
}

/// Something that happens just before the first request of one kind.
pub struct Before {
    operation: &'static str,
    happening: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Before {
    /// It gets a thread and a runtime of its own, because an interceptor cannot wait for a future.
    pub fn new(operation: &'static str, happening: impl Future<Output = ()> + Send + 'static) -> Self {
        let happening = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            std::thread::spawn(move || runtime.block_on(happening)).join().unwrap();
        };
        Self { operation, happening: Mutex::new(Some(Box::new(happening))) }
    }
}

impl fmt::Debug for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Before {}", self.operation)
    }
}

impl Intercept for Before {
    fn name(&self) -> &'static str {
        "Before"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if operation(context)? == self.operation
            && let Some(happening) = self.happening.lock().unwrap().take()
        {
            happening();
        }
        Ok(())
    }
}

/// The name of a request's operation, as both services' protocols have it.
pub(crate) fn operation(context: &BeforeTransmitInterceptorContextRef<'_>) -> Result<String, BoxError> {
    let target = context.request().headers().get("x-amz-target").and_then(|target| target.rsplit('.').next());
    Ok(target.ok_or("the request names no operation")?.to_owned())
}
