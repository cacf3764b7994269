//! Operations on one execution: what people ask of the sweeper.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use control_table::clock::{Clock, Entropy};
use control_table::completion::CompletionEvent;
use control_table::id::ExecutionId;
use control_table::item::{Selection, Stop};
use control_table::notice::NoticeEvent;
use futures::future::BoxFuture;
use gather::{CompletionBus, PublishError, Settler};
use scatter::{Added, Dispatcher, ScatterAnswer, ScatterError};
use sweeper::{CancelReport, RedriveReport, RepairMode, RepairReport, SweepError};

use super::start::wire_sweeper;
use super::{Database, SEGMENT_STREAM, System};
use crate::embedded::{Backlog, EmbeddedKinesis};

/// One machine has no 15 minutes to keep to.
const NO_DEADLINE: DateTime<Utc> = DateTime::<Utc>::MAX_UTC;

impl System {
    /// Stops an execution: nothing of it starts any more, and it ends as the reason says.
    ///
    /// # Errors
    /// When it is being redriven, or a step fails: cancelling it again goes on.
    pub async fn cancel(&self, execution_id: ExecutionId, reason: Stop) -> Result<CancelReport, SweepError> {
        let report = self.sweeper.cancel(execution_id, reason, NO_DEADLINE).await;
        self.settled.send_replace(());
        report
    }

    /// Puts what is selected of a complete execution back, into its next generation.
    ///
    /// # Errors
    /// A refusal, before anything is written; or a failed step: then the sweeper goes on with it.
    pub async fn redrive(&self, execution_id: ExecutionId, what: Selection) -> Result<RedriveReport, SweepError> {
        self.sweeper.redrive(execution_id, what, NO_DEADLINE).await
    }

    /// Recounts an execution from its rows, and puts right what differs if the mode says so.
    ///
    /// # Errors
    /// When a step fails: repairing again goes on.
    pub async fn repair(&self, execution_id: ExecutionId, mode: RepairMode) -> Result<RepairReport, SweepError> {
        let report = self.sweeper.repair(execution_id, mode).await;
        self.settled.send_replace(());
        report
    }

    /// Opens an execution that is filled from outside, or finds the one that has its key.
    ///
    /// # Errors
    /// Bad input, before anything is written; or a failure after which opening it with the same key goes on.
    pub async fn open(&self, event: serde_json::Value, request_id: &str) -> Result<ScatterAnswer, ScatterError> {
        self.scatter.open(event, request_id).await
    }

    /// Adds segments to an execution that was opened. The token makes it safe to repeat.
    ///
    /// # Errors
    /// Bad input, before anything is written; or a failure after which the same call is made again.
    pub async fn add(
        &self,
        execution_id: ExecutionId,
        token: &str,
        specs: Vec<serde_json::Value>,
    ) -> Result<Added, ScatterError> {
        self.scatter.add(execution_id, token, specs).await
    }

    /// Says that an execution that was opened has all its segments.
    ///
    /// # Errors
    /// When it was not opened, or a step fails: sealing it again goes on.
    pub async fn seal(&self, execution_id: ExecutionId) -> Result<ScatterAnswer, ScatterError> {
        let answer = self.scatter.seal(execution_id).await;
        self.settled.send_replace(());
        answer
    }
}

/// Says what is wrong with an execution, and changes nothing: also beside a process that works on it.
///
/// # Errors
/// When the table cannot be read.
pub async fn inspect(
    database: &Database,
    execution_id: ExecutionId,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<Entropy>,
) -> Result<RepairReport, SweepError> {
    let bus = Arc::new(NoBus);
    let settler = Settler::new(database.control_table().clone(), bus, Arc::clone(clock));
    // A stream that nobody reads: a dry run puts nothing on it.
    let kinesis = EmbeddedKinesis::start(Backlog::default());
    let dispatcher = Dispatcher::new(kinesis.client(), SEGMENT_STREAM, Arc::clone(entropy));
    let (_, sweeper) = wire_sweeper(database, dispatcher, settler, clock, entropy);
    sweeper.repair(execution_id, RepairMode::DryRun).await
}

/// Takes no event: whoever only looks publishes nothing.
struct NoBus;

impl NoBus {
    fn refuse(execution: ExecutionId) -> BoxFuture<'static, Result<(), PublishError>> {
        let source = "nothing is published by who only looks".into();
        Box::pin(std::future::ready(Err(PublishError { execution, target: "no bus".to_owned(), source })))
    }
}

impl CompletionBus for NoBus {
    fn publish<'a>(&'a self, event: &'a CompletionEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Self::refuse(event.execution_id)
    }

    fn notify<'a>(&'a self, event: &'a NoticeEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Self::refuse(event.execution_id)
    }
}
