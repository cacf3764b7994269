//! The worker: a batch of records in, the records to repeat out.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use control_table::ControlTable;
use control_table::clock::{Clock, Entropy};

use crate::attempts::Attempts;
use crate::batch::Batch;
use crate::counter_names::CounterNames;
use crate::delivery::Delivery;
use crate::settings::{Parts, Settings};
use crate::work::Work;

/// What the worker has to know of its invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// Its ID, for the logs.
    pub request_id: String,
    /// When Lambda ends it.
    pub deadline: DateTime<Utc>,
}

/// Claims segments, does their work, and records the outcomes.
pub struct Worker {
    parts: Parts,
}

impl Worker {
    /// A worker that does that work.
    #[must_use]
    pub fn new(
        table: ControlTable,
        work: Arc<dyn Work>,
        clock: Arc<dyn Clock>,
        entropy: Arc<Entropy>,
        settings: Settings,
    ) -> Self {
        let (attempts, counter_names) = (Attempts::default(), CounterNames::default());
        Self { parts: Parts { table, work, clock, entropy, settings, attempts, counter_names } }
    }

    /// The attempts that this worker has under way.
    #[must_use]
    pub fn attempts(&self) -> Attempts {
        self.parts.attempts.clone()
    }

    /// Handles a batch of records concurrently. Returns the places of those that must come again: those whose outcome could not be
    /// recorded or counted, and those that the invocation had no time for.
    pub async fn handle(&self, records: Vec<Delivery>, invocation: Invocation) -> Vec<usize> {
        let cutoff = self.cutoff(invocation.deadline);
        Batch { parts: &self.parts, invocation: &invocation, cutoff }.run(records).await
    }

    pub(crate) const fn parts(&self) -> &Parts {
        &self.parts
    }

    pub(crate) const fn settings(&self) -> &Settings {
        &self.parts.settings
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.parts.clock.now()
    }

    /// When the worker cancels the work.
    pub(crate) fn cutoff(&self, deadline: DateTime<Utc>) -> DateTime<Utc> {
        let margin = TimeDelta::from_std(self.parts.settings.deadline_margin).unwrap_or(TimeDelta::MAX);
        let quarter = (deadline - self.parts.clock.now()) / 4;
        deadline - margin.min(quarter.max(TimeDelta::zero()))
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("table", &self.parts.table.name())
            .field("settings", &self.parts.settings)
            .finish_non_exhaustive()
    }
}
