//! The completion event: it starts what depends on the execution.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::{ExecutionId, ExecutionKey, JobName};
use crate::rows::{Counts, ExecutionRow, ExecutionStatus};
use crate::tags::Tags;

/// The completion of a generation. Published at least once, with an ID by which a consumer drops repeats.
#[expect(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompletionEvent {
    /// Follows from execution ID and generation, so it is the same in every repeat. An execution that is opened with it as
    /// its key is opened once.
    pub event_id: Uuid,
    pub execution_id: ExecutionId,
    pub job: JobName,
    pub key: ExecutionKey,
    /// The tags that the execution was given at its start.
    #[serde(default)]
    pub tags: Tags,
    /// The generation that completed.
    pub generation: u32,
    /// `SUCCEEDED`, `FAILED` or `CANCELLED`.
    pub status: ExecutionStatus,
    /// Segments of the execution.
    pub segments: u64,
    /// Segments that succeeded.
    pub succeeded: u64,
    /// Segments that failed.
    pub failed: u64,
    /// Segments that were cancelled.
    pub cancelled: u64,
    /// Attempts of all segments in this generation.
    pub attempts: u64,
    /// Items, as the work counted them.
    pub item_count: i64,
    /// Milliseconds of work, summed over the segments.
    pub duration_ms: u64,
    /// The user's counters.
    pub counters: std::collections::BTreeMap<String, i64>,
    /// When the execution was opened.
    pub created_at: DateTime<Utc>,
    /// When it completed.
    pub finished_at: DateTime<Utc>,
}

impl CompletionEvent {
    /// The event of a complete execution; `None` if it is not complete.
    #[must_use]
    pub fn of(execution: &ExecutionRow) -> Option<Self> {
        let finished_at = execution.finished_at.filter(|_| execution.status.is_terminal())?;
        let Counts { item_count, duration_ms, counters } = execution.counts.clone();
        Some(Self {
            event_id: Self::id(execution.execution_id, execution.generation),
            execution_id: execution.execution_id,
            job: execution.job.clone(),
            key: execution.key.clone(),
            tags: execution.tags.clone(),
            generation: execution.generation,
            status: execution.status,
            segments: execution.segments,
            succeeded: execution.succeeded,
            failed: execution.failed,
            cancelled: execution.cancelled,
            attempts: execution.attempts,
            item_count,
            duration_ms,
            counters: counters.0,
            created_at: execution.created_at.to_datetime(),
            finished_at: finished_at.to_datetime(),
        })
    }

    /// The event's ID: a name-based UUID (version 5) of the generation, in the namespace of the execution.
    #[must_use]
    pub fn id(execution_id: ExecutionId, generation: u32) -> Uuid {
        Uuid::new_v5(&execution_id.uuid(), format!("completion#{generation}").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_generation_has_its_own_id_and_keeps_it() {
        let execution_id = ExecutionId::new(Uuid::from_u128(5));
        assert_eq!(CompletionEvent::id(execution_id, 1), CompletionEvent::id(execution_id, 1));
        assert_ne!(CompletionEvent::id(execution_id, 1), CompletionEvent::id(execution_id, 2));
    }
}
