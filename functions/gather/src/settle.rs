//! Settling an execution: complete it if it can be, publish its event if it is not, mark it published.
//!
//! Every step may be repeated and interrupted: `complete` has one winner, the event has one ID, and until the mark is
//! there, whoever comes next publishes again.

use std::sync::Arc;

use chrono::TimeDelta;
use control_table::clock::{Clock, Timestamp};
use control_table::completion::CompletionEvent;
use control_table::id::ExecutionId;
use control_table::item::ExecutionRow;
use control_table::notice::NoticeEvent;
use control_table::op::{Complete, CompleteOutcome, MarkPublished, Tell};
use control_table::{ControlTable, Error};

use crate::bus::{CompletionBus, PublishError};

/// How long after completing the sweeper looks whether the event went out: longer than a publish takes.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);

/// Why an execution could not be settled. Nothing is lost: settling it again goes on where this stopped.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The control table.
    #[error(transparent)]
    Table(#[from] Error),
    /// The bus.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The next segments of an execution that limits those in flight.
    #[error(transparent)]
    HandOut(#[from] scatter::ScatterError),
}

/// What became of an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Its event is out and marked, now.
    Published(Box<ExecutionRow>),
    /// Its event was out before.
    AlreadyPublished,
    /// It is not complete yet.
    Open(Box<ExecutionRow>),
    /// There is no such execution.
    Missing,
}

/// Completes executions and publishes their events.
#[derive(Clone)]
pub struct Settler {
    table: ControlTable,
    bus: Arc<dyn CompletionBus>,
    clock: Arc<dyn Clock>,
}

impl Settler {
    /// Settles executions of that table, on that bus.
    #[must_use]
    pub fn new(table: ControlTable, bus: Arc<dyn CompletionBus>, clock: Arc<dyn Clock>) -> Self {
        Self { table, bus, clock }
    }

    /// The present moment, as everything here sees it.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.timestamp()
    }

    /// Settles one execution.
    ///
    /// # Errors
    /// When the table or the bus does not answer; the execution stays as it is and can be settled again.
    pub async fn settle(&self, execution_id: ExecutionId) -> Result<Settled, SettleError> {
        let Some(execution) = self.table.execution(execution_id).await? else {
            return Ok(Settled::Missing);
        };
        self.tell(&execution).await?;
        let now = self.clock.timestamp();
        let complete = Complete { generation: execution.generation, now, due_at: now.plus(PATIENCE) };
        match self.table.complete(&complete, execution.clone()).await? {
            CompleteOutcome::Completed(row) => {
                tracing::info!(%execution_id, status = row.status.as_str(), generation = row.generation, "complete");
                self.publish(*row).await
            }
            CompleteOutcome::AlreadyComplete(row) if row.is_unpublished() => self.publish(*row).await,
            CompleteOutcome::AlreadyComplete(_) => Ok(Settled::AlreadyPublished),
            CompleteOutcome::NotYet | CompleteOutcome::Stale => Ok(Settled::Open(Box::new(execution))),
        }
    }

    /// Publishes the events that the execution's notices ask for.
    async fn tell(&self, execution: &ExecutionRow) -> Result<(), SettleError> {
        let (execution_id, generation) = (execution.execution_id, execution.generation);
        for &notice in &execution.notices {
            self.bus.notify(&NoticeEvent::of(execution, notice)).await?;
            self.table.tell(&Tell { execution_id, generation, notice }).await?;
        }
        Ok(())
    }

    /// The event carries the counts of the item that `complete` gave, never those of a later read.
    async fn publish(&self, row: ExecutionRow) -> Result<Settled, SettleError> {
        let Some(event) = CompletionEvent::of(&row) else {
            return Ok(Settled::Open(Box::new(row)));
        };
        self.bus.publish(&event).await?;
        let mark = MarkPublished { execution_id: row.execution_id, generation: row.generation };
        let outcome = self.table.mark_published(&mark).await?;
        tracing::info!(execution_id = %row.execution_id, generation = row.generation, ?outcome, "published");
        Ok(Settled::Published(Box::new(row)))
    }
}
