//! This machine's system as an [`Operator`]: the whole of it, or a reader beside the process that works.

use std::sync::Arc;

use control_table::ControlTable;
use control_table::clock::{Clock, Entropy};
use control_table::id::{ExecutionId, ExecutionKey};
use control_table::policy::Policy;
use control_table::rows::{Selection, Stop};
use engine::operate::{CancelReport, LimitChange, RedriveReport, RepairMode, RepairReport};
use engine::scatter::{Added, ScatterAnswer, ScatterEvent, Scattered, Sources};
use engine::{Engine, Finished, NO_DEADLINE, NoBus, NoDispatcher, NothingWaits, Operator, OperatorError, Started};
use futures::future::{BoxFuture, ready};
use serde_json::Value;

use crate::system::{Database, Error, System, wire_engine};

/// The engine's errors stay its own: the HTTP API answers a refusal with 409, and a failure with 500.
impl From<Error> for OperatorError {
    fn from(error: Error) -> Self {
        match error {
            Error::Engine(error) => error.into(),
            error => Self::System { fault: error.fault(), source: Box::new(error) },
        }
    }
}

impl Operator for System {
    fn table(&self) -> &ControlTable {
        self.control_table()
    }

    fn start(&self, event: ScatterEvent, key: ExecutionKey) -> BoxFuture<'_, Result<Started, OperatorError>> {
        Box::pin(async move {
            match self.engine().scatter_new(event, key.as_str(), NO_DEADLINE).await? {
                Scattered::Opened(ScatterAnswer { execution_id, .. }) => {
                    Ok(Started { execution_id, key, opened: true })
                }
                Scattered::Existing(execution_id) => {
                    // Another process's execution is waited for: its segments are for that process's workers.
                    if self.work_on(execution_id).await?.is_none() {
                        self.engine().resume(execution_id, NO_DEADLINE).await?;
                    }
                    Ok(Started { execution_id, key, opened: false })
                }
            }
        })
    }

    fn cancel(&self, execution_id: ExecutionId) -> BoxFuture<'_, Result<CancelReport, OperatorError>> {
        Box::pin(async move {
            if self.worked_on_elsewhere(execution_id).await?.is_some() {
                // One write: that process cancels the segments.
                return Ok(self.engine().request_cancel(execution_id).await?);
            }
            let report = self.engine().cancel(execution_id, Stop::Requested, NO_DEADLINE).await;
            self.wake_waiters();
            Ok(report?)
        })
    }

    fn redrive(
        &self,
        execution_id: ExecutionId,
        selection: Selection,
    ) -> BoxFuture<'_, Result<RedriveReport, OperatorError>> {
        Box::pin(async move {
            self.own(execution_id).await?;
            Ok(self.engine().redrive(execution_id, selection, NO_DEADLINE).await?)
        })
    }

    fn repair(
        &self,
        execution_id: ExecutionId,
        mode: RepairMode,
    ) -> BoxFuture<'_, Result<RepairReport, OperatorError>> {
        Box::pin(async move {
            self.work_on(execution_id).await?;
            let report = self.engine().repair(execution_id, mode).await;
            self.wake_waiters();
            Ok(report?)
        })
    }

    fn set(&self, execution_id: ExecutionId, change: LimitChange) -> BoxFuture<'_, Result<Policy, OperatorError>> {
        Box::pin(async move { Ok(self.engine().set(execution_id, change).await?) })
    }

    fn open<'a>(
        &'a self,
        event: ScatterEvent,
        request_id: &'a str,
    ) -> BoxFuture<'a, Result<ScatterAnswer, OperatorError>> {
        Box::pin(async move { Ok(self.engine().open(event, request_id).await?) })
    }

    fn add<'a>(
        &'a self,
        execution_id: ExecutionId,
        token: &'a str,
        specs: Vec<Value>,
    ) -> BoxFuture<'a, Result<Added, OperatorError>> {
        Box::pin(async move {
            self.work_on(execution_id).await?;
            Ok(self.engine().add(execution_id, token, specs).await?)
        })
    }

    fn seal(&self, execution_id: ExecutionId) -> BoxFuture<'_, Result<ScatterAnswer, OperatorError>> {
        Box::pin(async move {
            self.work_on(execution_id).await?;
            let answer = self.engine().seal(execution_id).await;
            self.wake_waiters();
            Ok(answer?)
        })
    }

    fn resume(&self) -> BoxFuture<'_, Result<Vec<ExecutionId>, OperatorError>> {
        Box::pin(async move { Ok(self.resume_all().await?) })
    }

    fn wait(&self, execution_id: ExecutionId) -> BoxFuture<'_, Result<Finished, OperatorError>> {
        Box::pin(async move { Ok(self.finished(execution_id).await?) })
    }

    fn terminate(&self) {
        Self::terminate(self);
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.stop())
    }
}

/// A reader of a data directory, beside the process that works there, if there is one. It changes an execution by single conditional
/// writes only, which that process sees at its next look.
#[derive(Debug)]
pub struct Bystander {
    engine: Engine,
}

impl Bystander {
    /// Beside whatever process works on that database.
    #[must_use]
    pub fn new(database: &Database, clock: &Arc<dyn Clock>, entropy: &Arc<Entropy>) -> Self {
        Self {
            engine: wire_engine(
                database,
                Sources::without_tables(),
                (Arc::new(NoDispatcher), Arc::new(NothingWaits)),
                Arc::new(NoBus),
                clock,
                entropy,
            ),
        }
    }
}

fn reads_only<T: Send + 'static>(what: &'static str) -> BoxFuture<'static, Result<T, OperatorError>> {
    Box::pin(ready(Err(OperatorError::ReadsOnly(what))))
}

impl Operator for Bystander {
    fn table(&self) -> &ControlTable {
        self.engine.table()
    }

    fn start(&self, _: ScatterEvent, _: ExecutionKey) -> BoxFuture<'_, Result<Started, OperatorError>> {
        reads_only("starting an execution")
    }

    /// Marks the execution as one to be cancelled: the process that works on it cancels its segments.
    fn cancel(&self, execution_id: ExecutionId) -> BoxFuture<'_, Result<CancelReport, OperatorError>> {
        Box::pin(async move { Ok(self.engine.request_cancel(execution_id).await?) })
    }

    fn redrive(&self, _: ExecutionId, _: Selection) -> BoxFuture<'_, Result<RedriveReport, OperatorError>> {
        reads_only("a redrive")
    }

    /// A dry run only.
    fn repair(
        &self,
        execution_id: ExecutionId,
        mode: RepairMode,
    ) -> BoxFuture<'_, Result<RepairReport, OperatorError>> {
        if mode == RepairMode::Correct {
            return reads_only("a repair");
        }
        Box::pin(async move { Ok(self.engine.repair(execution_id, mode).await?) })
    }

    fn set(&self, execution_id: ExecutionId, change: LimitChange) -> BoxFuture<'_, Result<Policy, OperatorError>> {
        Box::pin(async move { Ok(self.engine.set(execution_id, change).await?) })
    }

    fn open<'a>(&'a self, _: ScatterEvent, _: &'a str) -> BoxFuture<'a, Result<ScatterAnswer, OperatorError>> {
        reads_only("opening an execution")
    }

    fn add<'a>(&'a self, _: ExecutionId, _: &'a str, _: Vec<Value>) -> BoxFuture<'a, Result<Added, OperatorError>> {
        reads_only("adding segments")
    }

    fn seal(&self, _: ExecutionId) -> BoxFuture<'_, Result<ScatterAnswer, OperatorError>> {
        reads_only("sealing an execution")
    }

    fn resume(&self) -> BoxFuture<'_, Result<Vec<ExecutionId>, OperatorError>> {
        reads_only("resuming executions")
    }

    fn wait(&self, _: ExecutionId) -> BoxFuture<'_, Result<Finished, OperatorError>> {
        reads_only("waiting for an execution")
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}
