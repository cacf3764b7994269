//! Completion events on Amazon `EventBridge`.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use control_table::completion::CompletionEvent;
use futures::future::BoxFuture;

use crate::bus::{CompletionBus, PublishError};

/// The `source` of our events: what a rule matches.
pub const SOURCE: &str = "scatter-gather";
/// The `detail-type` of a completion event.
pub const DETAIL_TYPE: &str = "Execution Completed";

/// A bus of `EventBridge`'s.
#[derive(Debug, Clone)]
pub struct EventBridge {
    client: Client,
    bus: String,
}

/// `EventBridge` took the request and refused the entry.
#[derive(Debug, thiserror::Error)]
#[error("EventBridge refused the entry: {code}: {message}")]
struct EntryRefused {
    code: String,
    message: String,
}

impl EventBridge {
    /// The bus of that name.
    #[must_use]
    pub fn new(client: Client, bus: &str) -> Self {
        Self { client, bus: bus.to_owned() }
    }

    async fn put(&self, event: &CompletionEvent) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus)
            .source(SOURCE)
            .detail_type(DETAIL_TYPE)
            .resources(event.execution_id.to_string())
            .detail(serde_json::to_string(event)?)
            .build();
        let output = self.client.put_events().entries(entry).send().await?;
        match output.entries.unwrap_or_default().into_iter().find(|entry| entry.error_code.is_some()) {
            None => Ok(()),
            Some(entry) => Err(Box::new(EntryRefused {
                code: entry.error_code.unwrap_or_default(),
                message: entry.error_message.unwrap_or_default(),
            })),
        }
    }
}

impl CompletionBus for EventBridge {
    fn publish<'a>(&'a self, event: &'a CompletionEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            let lost = |source| PublishError {
                execution: event.execution_id,
                target: format!("EventBridge bus {:?}", self.bus),
                source,
            };
            self.put(event).await.map_err(lost)
        })
    }
}
