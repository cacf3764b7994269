//! Finalizing an execution: complete it if it can be, publish its event, mark it published.
//!
//! Every step may be repeated and interrupted: `complete` has one winner, the event has one ID, and until the mark is there, the
//! next caller publishes again.

use chrono::TimeDelta;
use control_table::Error;
use control_table::id::ExecutionId;
use control_table::message::{CompletionEvent, NotificationEvent};
use control_table::metric;
use control_table::operation::{Complete, CompleteOutcome, MarkNotified, MarkPublished, Operation};
use control_table::rows::{ExecutionRow, ExecutionStatus};

use crate::Engine;
use crate::error::EngineError;

/// How long after completing the sweeper checks that the event was published: longer than a publish takes.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);

/// Where an execution stands after it was finalized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finalized {
    /// Complete; this call published and marked its event.
    Published(Box<ExecutionRow>),
    /// Complete; its event was published before.
    AlreadyPublished,
    /// Not complete yet.
    Open(Box<ExecutionRow>),
    /// There is no such execution.
    Missing,
}

impl Engine {
    /// Publishes the execution's notifications, completes it if it can be, and publishes its completion event.
    ///
    /// # Errors
    /// When the table or the bus does not answer; the execution stays as it is and can be finalized again.
    pub async fn finalize(&self, execution_id: ExecutionId) -> Result<Finalized, EngineError> {
        let Some(execution) = self.table.execution(execution_id).await? else {
            return Ok(Finalized::Missing);
        };
        self.notify(&execution).await?;
        match self.complete(&execution).await? {
            CompleteOutcome::Completed(row) => {
                tracing::info!(%execution_id, status = row.status.as_str(), generation = row.generation, "complete");
                self.publish(*row).await
            }
            CompleteOutcome::AlreadyComplete(row) if row.is_unpublished() => self.publish(*row).await,
            CompleteOutcome::AlreadyComplete(_) => Ok(Finalized::AlreadyPublished),
            CompleteOutcome::NotYet | CompleteOutcome::Stale => Ok(Finalized::Open(Box::new(execution))),
        }
    }

    /// Completes the execution. Sends no request if the execution, as it was read, cannot complete.
    async fn complete(&self, execution: &ExecutionRow) -> Result<CompleteOutcome, Error> {
        let (seen, generation, now) = (Box::new(execution.clone()), execution.generation, self.now());
        let complete = Complete { seen, generation, now, due_at: now.plus(PATIENCE) };
        match complete.apply(&mut Some(execution.clone())) {
            CompleteOutcome::Completed(_) => self.table.execute(&complete).await,
            outcome => Ok(outcome),
        }
    }

    async fn notify(&self, execution: &ExecutionRow) -> Result<(), EngineError> {
        let (execution_id, generation) = (execution.execution_id, execution.generation);
        for &notification in &execution.notifications {
            self.bus.notify(&NotificationEvent::of(execution, notification)).await?;
            self.table.execute(&MarkNotified { execution_id, generation, notification }).await?;
        }
        Ok(())
    }

    /// The event carries the counts of the row that `complete` returned, never those of a later read.
    async fn publish(&self, row: ExecutionRow) -> Result<Finalized, EngineError> {
        let Some(event) = CompletionEvent::of(&row) else {
            return Ok(Finalized::Open(Box::new(row)));
        };
        self.bus.publish(&event).await?;
        self.count_published(&event);
        let mark =
            MarkPublished { execution_id: row.execution_id, generation: row.generation, expires_at: row.expires_at() };
        let outcome = self.table.execute(&mark).await?;
        tracing::info!(execution_id = %row.execution_id, generation = row.generation, ?outcome, "published");
        Ok(Finalized::Published(Box::new(row)))
    }

    /// Counts each published event, so a completion that is published twice is counted twice.
    fn count_published(&self, event: &CompletionEvent) {
        match event.status {
            ExecutionStatus::Succeeded => metric::EXECUTIONS_SUCCEEDED.add(1),
            ExecutionStatus::Failed => metric::EXECUTIONS_FAILED.add(1),
            ExecutionStatus::Cancelled => metric::EXECUTIONS_CANCELLED.add(1),
            ExecutionStatus::Scattering
            | ExecutionStatus::Running
            | ExecutionStatus::Cancelling
            | ExecutionStatus::Redriving => {}
        }
        metric::SEGMENTS_CANCELLED.add(event.cancelled);
        metric::COMPLETION_LAG_MS.record(self.now().millis_since(event.finished_at.into()));
    }
}
