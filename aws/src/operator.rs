//! A deployed stack as an [`Operator`]. The stack's own scatter function starts executions; everything else this process carries
//! out on the stack's table, stream and bus, with the caller's credentials. If it ends half-way, the stack's sweeper continues.

use control_table::ControlTable;
use control_table::id::{ExecutionId, ExecutionKey};
use control_table::policy::Policy;
use control_table::rows::{Selection, Stop};
use engine::operate::{CancelReport, LimitChange, RedriveReport, RepairMode, RepairReport};
use engine::scatter::{Added, ScatterAnswer, ScatterEvent};
use engine::{Finished, NO_DEADLINE, Operator, OperatorError, Started};
use futures::future::{BoxFuture, ready};
use serde_json::Value;

use crate::connect::Deployed;
use crate::error::DeployedError;

/// The engine's errors stay its own: the HTTP API answers a refusal with 409, and a failure with 500.
impl From<DeployedError> for OperatorError {
    fn from(error: DeployedError) -> Self {
        match error {
            DeployedError::Engine(error) => error.into(),
            error => Self::System { fault: error.fault(), source: Box::new(error) },
        }
    }
}

impl Operator for Deployed {
    fn table(&self) -> &ControlTable {
        self.control_table()
    }

    fn start(&self, event: ScatterEvent, key: ExecutionKey) -> BoxFuture<'_, Result<Started, OperatorError>> {
        Box::pin(async move { Ok(self.scatter(event, key).await?) })
    }

    fn cancel(&self, execution_id: ExecutionId) -> BoxFuture<'_, Result<CancelReport, OperatorError>> {
        Box::pin(async move { Ok(self.engine.cancel(execution_id, Stop::Requested, NO_DEADLINE).await?) })
    }

    fn redrive(
        &self,
        execution_id: ExecutionId,
        selection: Selection,
    ) -> BoxFuture<'_, Result<RedriveReport, OperatorError>> {
        Box::pin(async move { Ok(self.engine.redrive(execution_id, selection, NO_DEADLINE).await?) })
    }

    fn repair(
        &self,
        execution_id: ExecutionId,
        mode: RepairMode,
    ) -> BoxFuture<'_, Result<RepairReport, OperatorError>> {
        Box::pin(async move { Ok(self.engine.repair(execution_id, mode).await?) })
    }

    fn set(&self, execution_id: ExecutionId, change: LimitChange) -> BoxFuture<'_, Result<Policy, OperatorError>> {
        Box::pin(async move { Ok(self.engine.set(execution_id, change).await?) })
    }

    fn open<'a>(
        &'a self,
        event: ScatterEvent,
        request_id: &'a str,
    ) -> BoxFuture<'a, Result<ScatterAnswer, OperatorError>> {
        Box::pin(async move { Ok(self.engine.open(event, request_id).await?) })
    }

    fn add<'a>(
        &'a self,
        execution_id: ExecutionId,
        token: &'a str,
        specs: Vec<Value>,
    ) -> BoxFuture<'a, Result<Added, OperatorError>> {
        Box::pin(async move { Ok(self.engine.add(execution_id, token, specs).await?) })
    }

    fn seal(&self, execution_id: ExecutionId) -> BoxFuture<'_, Result<ScatterAnswer, OperatorError>> {
        Box::pin(async move { Ok(self.engine.seal(execution_id).await?) })
    }

    /// The sweeper's schedule invokes it every minute; this invokes it now.
    fn resume(&self) -> BoxFuture<'_, Result<Vec<ExecutionId>, OperatorError>> {
        Box::pin(async move {
            self.wake().await?;
            Ok(self.engine.open_executions().await?)
        })
    }

    fn wait(&self, execution_id: ExecutionId) -> BoxFuture<'_, Result<Finished, OperatorError>> {
        Box::pin(async move { Ok(self.finished(execution_id).await?) })
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(ready(()))
    }
}
