//! What only one machine knows of its executions. A deployed stack has no such port: its answers are `not_kept_here`.

use chrono::{DateTime, Utc};
use control_table::id::{ExecutionId, JobName, SegmentId};
use futures::future::BoxFuture;
use serde::Serialize;
use utoipa::ToSchema;

/// What only one machine knows.
pub trait Machine: Send + Sync {
    /// What the attempts at a segment have printed, in order.
    fn output_of(&self, segment: SegmentId) -> BoxFuture<'_, Result<Vec<AttemptOutput>, MachineError>>;

    /// What happens on the machine at this moment.
    fn now(&self) -> BoxFuture<'_, Result<Now, MachineError>>;
}

/// What one attempt has printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AttemptOutput {
    /// The generation.
    pub generation: u32,
    /// The attempt in it, from 1.
    pub attempt: u32,
    /// What it has printed, or the end of it. Bytes that are no UTF-8 are replaced by a mark.
    pub text: String,
    /// Whether its beginning is left out.
    pub cut: bool,
}

/// What happens on a machine at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Now {
    /// The moment.
    pub at: DateTime<Utc>,
    /// The processes that work on the data directory; and processes that have ended and left an execution open.
    pub processes: Vec<Process>,
    /// Segments that workers have, at most a thousand, of the oldest open executions first.
    pub running: Vec<RunningSegment>,
    /// Segments of open executions that wait for a worker or for a retry.
    pub queued: u64,
}

/// A process of a data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Process {
    /// Its number for the operating system; null if it has ended.
    pub id: Option<String>,
    /// The program whose work it does; null if it has no execution open.
    pub program: Option<String>,
    /// When it was started.
    pub since: DateTime<Utc>,
    /// Whether it lives.
    pub alive: bool,
    /// The open executions that it works on.
    pub executions: Vec<ExecutionId>,
}

/// A segment that a worker has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RunningSegment {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Its job.
    pub job: JobName,
    /// The segment's index.
    pub segment: u64,
    /// The attempt, from 1.
    pub attempt: u32,
    /// When the attempt began.
    pub started_at: Option<DateTime<Utc>>,
}

/// The machine could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct MachineError {
    /// What happened, and what to do.
    pub source: Box<dyn std::error::Error + Send + Sync>,
    /// Whether the same request may succeed later.
    pub is_retryable: bool,
}
