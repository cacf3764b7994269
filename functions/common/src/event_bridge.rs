//! Completion events on Amazon `EventBridge`.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use control_table::id::ExecutionId;
use control_table::message::{CompletionEvent, NotificationEvent};
use control_table::rows::{ExecutionStatus, Notification};
use futures::future::BoxFuture;

use engine::{EventBus, PublishError};

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

    fn lost(&self, execution: ExecutionId, source: SendError) -> PublishError {
        PublishError { execution, target: format!("EventBridge bus {:?}", self.bus), source }
    }

    fn entry(&self, execution_id: ExecutionId, detail_type: &str, detail: &str) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus)
            .source(SOURCE)
            .detail_type(detail_type)
            .resources(execution_id.to_string())
            .detail(detail)
            .build()
    }

    async fn put(&self, entries: Vec<PutEventsRequestEntry>) -> Result<(), SendError> {
        let output = self.client.put_events().set_entries(Some(entries)).send().await?;
        match output.entries.unwrap_or_default().into_iter().find(|entry| entry.error_code.is_some()) {
            None => Ok(()),
            Some(entry) => Err(Box::new(EntryRefused {
                code: entry.error_code.unwrap_or_default(),
                message: entry.error_message.unwrap_or_default(),
            })),
        }
    }
}

type SendError = Box<dyn std::error::Error + Send + Sync>;

/// The event beside the completion that says how it went: a rule for failures then needs no pattern on the detail.
const fn detail_type_of(status: ExecutionStatus) -> Option<&'static str> {
    match status {
        ExecutionStatus::Succeeded => Some("Execution Succeeded"),
        ExecutionStatus::Failed => Some("Execution Failed"),
        ExecutionStatus::Cancelled => Some("Execution Cancelled"),
        ExecutionStatus::Scattering
        | ExecutionStatus::Running
        | ExecutionStatus::Cancelling
        | ExecutionStatus::Redriving => None,
    }
}

const fn detail_type_of_notification(notification: Notification) -> &'static str {
    match notification {
        Notification::FirstFailure => "Execution First Failure",
        Notification::Stalled => "Execution Stalled",
    }
}

impl EventBus for EventBridge {
    /// Two entries of one request: the completion, and how it went.
    fn publish<'a>(&'a self, event: &'a CompletionEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            let entries = async {
                let detail = serde_json::to_string(event)?;
                let types = [Some(DETAIL_TYPE), detail_type_of(event.status)].into_iter().flatten();
                self.put(types.map(|of| self.entry(event.execution_id, of, &detail)).collect()).await
            };
            entries.await.map_err(|source| self.lost(event.execution_id, source))
        })
    }

    fn notify<'a>(&'a self, event: &'a NotificationEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            let entries = async {
                let detail = serde_json::to_string(event)?;
                let detail_type = detail_type_of_notification(event.notification);
                self.put(vec![self.entry(event.execution_id, detail_type, &detail)]).await
            };
            entries.await.map_err(|source| self.lost(event.execution_id, source))
        })
    }
}
