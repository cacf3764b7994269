//! Invocations of the functions, each a task that the execution may kill.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use control_table::id::ExecutionId;
use control_table::rows::{Selection, Stop};
use functions::handlers;
use serde_json::Value;
use tokio::task::JoinHandle;

use super::network::INVOCATION;
use super::scenario::Scenario;
use super::services::Record;
use super::world::{World, kinesis_event};
use test_support::dynamodb_event;

/// What is invoked.
#[derive(Debug)]
pub(super) enum Kind {
    Scatter,
    Worker(Vec<Record>),
    Gather(Vec<Value>),
    Sweep,
    Cancel(ExecutionId),
    Redrive(ExecutionId, Selection),
}

impl Kind {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Scatter => "scatter",
            Self::Worker(_) => "worker",
            Self::Gather(_) => "gather",
            Self::Sweep => "sweep",
            Self::Cancel(_) => "cancel",
            Self::Redrive(..) => "redrive",
        }
    }

    /// Seconds that it may take.
    const fn seconds(&self) -> i64 {
        match self {
            Self::Worker(_) => 60,
            Self::Scatter | Self::Gather(_) | Self::Sweep | Self::Cancel(_) | Self::Redrive(..) => 300,
        }
    }
}

/// How an invocation ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Items of its batch come again, by their numbers.
    Again(Vec<String>),
    /// It did what it could.
    Done,
    /// It failed, and may be invoked again.
    Failed(String),
    /// It says that the program has a defect.
    Defect(String),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The numbers of the table's stream have the machine's time in them, which no seed repeats.
            Self::Again(numbers) => write!(f, "{} come again", numbers.len()),
            Self::Done => f.write_str("done"),
            Self::Failed(reason) | Self::Defect(reason) => f.write_str(reason),
        }
    }
}

/// An invocation under way.
#[derive(Debug)]
pub(super) struct Running {
    pub kind: Kind,
    pub deadline: DateTime<Utc>,
    /// Its next moment is its last.
    pub is_dying: bool,
    pub task: JoinHandle<Ended>,
}

impl Running {
    /// Invokes it; from here on its requests wait at the network.
    pub fn start(number: u64, kind: Kind, world: &World, scenario: &Scenario) -> Self {
        let deadline = world.deadline(kind.seconds());
        let functions = Arc::clone(&world.functions);
        let work = match &kind {
            Kind::Scatter => {
                let event = scenario.event();
                tokio::spawn(INVOCATION.scope(number, async move {
                    match handlers::scatter(&functions.engine, &event.to_string(), "request".into(), deadline).await {
                        Ok(_) => Ended::Done,
                        Err(error) if error.is_retryable() => Ended::Failed(error.to_string()),
                        Err(error) => Ended::Defect(error.to_string()),
                    }
                }))
            }
            Kind::Worker(records) => {
                let (event, invocation) = (kinesis_event(records), world.invocation(deadline));
                tokio::spawn(INVOCATION.scope(number, async move {
                    let answer = handlers::work_stream(&functions.worker, event, invocation).await;
                    let failures = answer.batch_item_failures.into_iter();
                    Ended::Again(failures.filter_map(|failure| failure.item_identifier).collect())
                }))
            }
            Kind::Gather(records) => {
                let event = dynamodb_event(records);
                tokio::spawn(INVOCATION.scope(number, async move {
                    let answer = functions.gather.handle(event).await;
                    let failures = answer.batch_item_failures.into_iter();
                    Ended::Again(failures.filter_map(|failure| failure.item_identifier).collect())
                }))
            }
            Kind::Sweep => tokio::spawn(INVOCATION.scope(number, async move {
                functions.engine.sweep(deadline).await.map_or_else(failed, |_| Ended::Done)
            })),
            Kind::Cancel(id) => {
                let id = *id;
                tokio::spawn(INVOCATION.scope(number, async move {
                    functions.engine.cancel(id, Stop::Requested, deadline).await.map_or_else(failed, |_| Ended::Done)
                }))
            }
            Kind::Redrive(id, selection) => {
                let (id, selection) = (*id, selection.clone());
                tokio::spawn(INVOCATION.scope(number, async move {
                    functions.engine.redrive(id, selection, deadline).await.map_or_else(failed, |_| Ended::Done)
                }))
            }
        };
        Self { kind, deadline, is_dying: false, task: work }
    }
}

fn failed(error: engine::EngineError) -> Ended {
    match error {
        engine::EngineError::Damaged { .. } => Ended::Defect(error.to_string()),
        other => Ended::Failed(other.to_string()),
    }
}
