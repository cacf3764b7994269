//! The operator of the HTTP API on one machine: a reader, until it is asked for what needs workers.
//!
//! Reads, new limits and the check of a repair are done beside the processes that work in the directory. At the first request that needs
//! a system, one is started in this process and stays, as `redrive` or `run` would start one.

use std::sync::Arc;

use control_table::ControlTable;
use control_table::id::{ExecutionId, ExecutionKey};
use control_table::policy::Policy;
use control_table::rows::Selection;
use engine::operate::{CancelReport, LimitChange, RedriveReport, RepairMode, RepairReport};
use engine::scatter::{Added, ScatterAnswer, ScatterEvent};
use engine::{Finished, Operator, OperatorError, Started};
use futures::future::BoxFuture;
use local::{Bystander, Database, Options, System};
use serde_json::Value;
use tokio::sync::OnceCell;

/// A system that is started when it is asked for work.
pub struct StartsWhenAsked {
    reader: Bystander,
    options: Options,
    system: OnceCell<Arc<System>>,
}

impl StartsWhenAsked {
    /// A reader of that database; a system is started with these options.
    pub fn new(database: &Database, options: Options) -> Self {
        Self { reader: Bystander::new(database, &options.clock, &options.entropy), options, system: OnceCell::new() }
    }

    async fn system(&self) -> Result<&System, OperatorError> {
        let start = async || System::start(self.options.clone()).await.map(Arc::new);
        Ok(self.system.get_or_try_init(start).await?)
    }
}

impl Operator for StartsWhenAsked {
    fn table(&self) -> &ControlTable {
        self.reader.table()
    }

    fn start(&self, event: ScatterEvent, key: ExecutionKey) -> BoxFuture<'_, Result<Started, OperatorError>> {
        Box::pin(async move { self.system().await?.start(event, key).await })
    }

    fn cancel(&self, execution_id: ExecutionId) -> BoxFuture<'_, Result<CancelReport, OperatorError>> {
        Box::pin(async move { self.system().await?.cancel(execution_id).await })
    }

    fn redrive(
        &self,
        execution_id: ExecutionId,
        selection: Selection,
    ) -> BoxFuture<'_, Result<RedriveReport, OperatorError>> {
        Box::pin(async move { self.system().await?.redrive(execution_id, selection).await })
    }

    /// A dry run needs no system, whose sweeper would correct differences by itself.
    fn repair(
        &self,
        execution_id: ExecutionId,
        mode: RepairMode,
    ) -> BoxFuture<'_, Result<RepairReport, OperatorError>> {
        match mode {
            RepairMode::DryRun => self.reader.repair(execution_id, mode),
            RepairMode::Correct => Box::pin(async move { self.system().await?.repair(execution_id, mode).await }),
        }
    }

    fn set(&self, execution_id: ExecutionId, change: LimitChange) -> BoxFuture<'_, Result<Policy, OperatorError>> {
        self.reader.set(execution_id, change)
    }

    fn open<'a>(
        &'a self,
        event: ScatterEvent,
        request_id: &'a str,
    ) -> BoxFuture<'a, Result<ScatterAnswer, OperatorError>> {
        Box::pin(async move { self.system().await?.open(event, request_id).await })
    }

    fn add<'a>(
        &'a self,
        execution_id: ExecutionId,
        token: &'a str,
        specs: Vec<Value>,
    ) -> BoxFuture<'a, Result<Added, OperatorError>> {
        Box::pin(async move { self.system().await?.add(execution_id, token, specs).await })
    }

    fn seal(&self, execution_id: ExecutionId) -> BoxFuture<'_, Result<ScatterAnswer, OperatorError>> {
        Box::pin(async move { self.system().await?.seal(execution_id).await })
    }

    fn resume(&self) -> BoxFuture<'_, Result<Vec<ExecutionId>, OperatorError>> {
        Box::pin(async move { self.system().await?.resume().await })
    }

    fn wait(&self, execution_id: ExecutionId) -> BoxFuture<'_, Result<Finished, OperatorError>> {
        Box::pin(async move { self.system().await?.wait(execution_id).await })
    }

    fn terminate(&self) {
        if let Some(system) = self.system.get() {
            system.terminate();
        }
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(system) = self.system.get() {
                system.stop().await;
            }
        })
    }
}
