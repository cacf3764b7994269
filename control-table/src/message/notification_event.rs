//! The events of an execution that is not complete: its first failure, and a stall.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::id::{ExecutionId, ExecutionKey, JobName};
use crate::rows::{ExecutionRow, ExecutionStatus, Notification};
use crate::tags::Tags;

/// A notification. Published at least once, with an ID by which a consumer drops repeats.
#[expect(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationEvent {
    /// The same in every repeat. A later stall of the same execution is another event.
    pub event_id: Uuid,
    /// What happened.
    pub notification: Notification,
    pub execution_id: ExecutionId,
    pub job: JobName,
    pub key: ExecutionKey,
    /// The tags that the execution was given at its start.
    #[serde(default)]
    pub tags: Tags,
    /// The generation in which it happened.
    pub generation: u32,
    /// The status of the execution.
    pub status: ExecutionStatus,
    /// The index of the segment that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<u64>,
    /// Since when there has been no progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
}

impl NotificationEvent {
    /// The event of that notification of the execution.
    #[must_use]
    pub fn of(execution: &ExecutionRow, notification: Notification) -> Self {
        let since = execution.progress_at.filter(|_| notification == Notification::Stalled);
        let name = match notification {
            Notification::FirstFailure => format!("first-failure#{}", execution.generation),
            Notification::Stalled => {
                format!("stalled#{}#{}", execution.generation, since.map_or(0, Timestamp::as_millis))
            }
        };
        Self {
            event_id: Uuid::new_v5(&execution.execution_id.uuid(), name.as_bytes()),
            notification,
            execution_id: execution.execution_id,
            job: execution.job.clone(),
            key: execution.key.clone(),
            tags: execution.tags.clone(),
            generation: execution.generation,
            status: execution.status,
            segment: execution.first_failure.filter(|_| notification == Notification::FirstFailure),
            since: since.map(Timestamp::to_datetime),
        }
    }
}
