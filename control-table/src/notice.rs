//! The events of an execution that is not complete: its first failure, and that it stands still.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::id::{ExecutionId, ExecutionKey, JobName};
use crate::item::{ExecutionRow, ExecutionStatus, Notice};

/// At least once, with an ID by which a consumer drops a repeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeEvent {
    /// The same for every repeat. A later standstill of the same execution is another event.
    pub event_id: Uuid,
    /// What happened.
    pub notice: Notice,
    /// The execution.
    pub execution_id: ExecutionId,
    /// Its job.
    pub job: JobName,
    /// Its key.
    pub key: ExecutionKey,
    /// The generation it happened in.
    pub generation: u32,
    /// Where the execution stood.
    pub status: ExecutionStatus,
    /// The segment that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<u64>,
    /// Since when nothing has moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
}

impl NoticeEvent {
    /// The event that a notice of this execution asks for.
    #[must_use]
    pub fn of(execution: &ExecutionRow, notice: Notice) -> Self {
        let since = execution.progress_at.filter(|_| notice == Notice::Stalled);
        let name = match notice {
            Notice::FirstFailure => format!("first-failure#{}", execution.generation),
            Notice::Stalled => {
                format!("stalled#{}#{}", execution.generation, since.map_or(0, Timestamp::as_millis))
            }
        };
        Self {
            event_id: Uuid::new_v5(&execution.execution_id.uuid(), name.as_bytes()),
            notice,
            execution_id: execution.execution_id,
            job: execution.job.clone(),
            key: execution.key.clone(),
            generation: execution.generation,
            status: execution.status,
            segment: execution.first_failure.filter(|_| notice == Notice::FirstFailure),
            since: since.map(Timestamp::to_datetime),
        }
    }
}
