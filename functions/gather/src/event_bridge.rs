//! Completion events on Amazon `EventBridge`.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use control_table::completion::CompletionEvent;
use control_table::id::ExecutionId;
use control_table::item::{ExecutionStatus, Notice};
use control_table::notice::NoticeEvent;
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

const fn detail_type_of_notice(notice: Notice) -> &'static str {
    match notice {
        Notice::FirstFailure => "Execution First Failure",
        Notice::Stalled => "Execution Stalled",
    }
}

impl CompletionBus for EventBridge {
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

    fn notify<'a>(&'a self, event: &'a NoticeEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            let entries = async {
                let detail = serde_json::to_string(event)?;
                let detail_type = detail_type_of_notice(event.notice);
                self.put(vec![self.entry(event.execution_id, detail_type, &detail)]).await
            };
            entries.await.map_err(|source| self.lost(event.execution_id, source))
        })
    }
}
