//! A bus that tells what went out on it.

use control_table::completion::CompletionEvent;
use control_table::notice::NoticeEvent;
use futures::future::BoxFuture;

use crate::bus::{CompletionBus, PublishError};

/// A bus, and what is told of each completion that it took. A completion that is put twice is told twice.
#[derive(Debug, Clone)]
pub struct Counted<B, F> {
    bus: B,
    count: F,
}

impl<B, F> Counted<B, F>
where
    B: CompletionBus,
    F: Fn(&CompletionEvent) + Send + Sync,
{
    /// That bus, with `count` called for each completion when it is out.
    #[must_use]
    pub const fn new(bus: B, count: F) -> Self {
        Self { bus, count }
    }
}

impl<B, F> CompletionBus for Counted<B, F>
where
    B: CompletionBus,
    F: Fn(&CompletionEvent) + Send + Sync,
{
    fn publish<'a>(&'a self, event: &'a CompletionEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            self.bus.publish(event).await?;
            (self.count)(event);
            Ok(())
        })
    }

    fn notify<'a>(&'a self, event: &'a NoticeEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        self.bus.notify(event)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex};

    use serde_json::json;

    use super::*;

    /// A bus that takes nothing while it is down.
    #[derive(Default)]
    struct Fragile {
        down: AtomicBool,
    }

    impl CompletionBus for Arc<Fragile> {
        fn publish<'a>(&'a self, event: &'a CompletionEvent) -> BoxFuture<'a, Result<(), PublishError>> {
            let lost = || PublishError {
                execution: event.execution_id,
                target: "nowhere".to_owned(),
                source: "the bus is down".into(),
            };
            Box::pin(async move { if self.down.load(Ordering::Relaxed) { Err(lost()) } else { Ok(()) } })
        }

        fn notify<'a>(&'a self, _: &'a NoticeEvent) -> BoxFuture<'a, Result<(), PublishError>> {
            Box::pin(async { Ok(()) })
        }
    }

    #[tokio::test]
    async fn what_is_out_is_told_and_what_is_not_is_not() {
        let (fragile, told) = (Arc::new(Fragile::default()), Mutex::new(Vec::new()));
        let bus =
            Counted::new(Arc::clone(&fragile), |event: &CompletionEvent| told.lock().unwrap().push(event.event_id));
        let event: CompletionEvent = serde_json::from_value(json!({
            "event_id": "00000000-0000-5000-8000-000000000001", "execution_id": "01900000-0000-7000-8000-000000000002",
            "job": "nightly", "key": "today",
            "generation": 1, "status": "SUCCEEDED", "segments": 1, "succeeded": 1, "failed": 0, "cancelled": 0,
            "attempts": 1, "item_count": 0, "duration_ms": 0, "counters": {},
            "created_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:01Z",
        }))
        .unwrap();

        fragile.down.store(true, Ordering::Relaxed);
        bus.publish(&event).await.unwrap_err();
        assert!(told.lock().unwrap().is_empty(), "it is still to be published");

        fragile.down.store(false, Ordering::Relaxed);
        bus.publish(&event).await.unwrap();
        assert_eq!(*told.lock().unwrap(), [event.event_id]);
    }
}
