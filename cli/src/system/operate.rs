//! Running jobs and changing runs.

use control_table::ControlTable;
use control_table::id::{ExecutionId, ExecutionKey};
use control_table::item::{Selection, Stop};
use local::system::{RedriveReport, RepairMode, RepairReport};
#[cfg(feature = "aws")]
use scatter::ScatterEvent;
use scatter::{Added, ScatterAnswer, ScatterError};
use serde_json::Value;

use crate::error::CliError;

/// What runs jobs and changes runs.
pub enum System {
    /// Everything in this process. It ends with it.
    Local(Box<local::System>),
    /// The functions of a stack, which go on without this process.
    #[cfg(feature = "aws")]
    Stack(Box<stack::Stack>),
}

/// A run that was asked for.
pub struct Begun {
    /// The run.
    pub execution_id: ExecutionId,
    /// The key that had it already, if it was not opened now.
    pub known_by: Option<ExecutionKey>,
}

/// A run that is over.
pub struct Ended {
    /// Whether its completion event is out.
    pub is_published: bool,
    /// How often the command of a notice failed, in this process.
    pub notice_failures: u32,
}

impl System {
    /// The control table.
    pub fn control_table(&self) -> &ControlTable {
        match self {
            Self::Local(system) => system.control_table(),
            #[cfg(feature = "aws")]
            Self::Stack(stack) => stack.control_table(),
        }
    }

    /// Starts a run, or finds the one that has its key. `key` is that of the event, or one of its own.
    pub async fn scatter(&self, event: Value, key: ExecutionKey) -> Result<Begun, CliError> {
        match self {
            Self::Local(system) => match system.scatter(event, key.as_str()).await {
                Ok(ScatterAnswer { execution_id, key, opened, .. }) => {
                    Ok(Begun { execution_id, known_by: (!opened).then_some(key) })
                }
                // The sweeper goes on with it.
                Err(ScatterError::OutOfTime { execution_id, .. }) => Ok(Begun { execution_id, known_by: None }),
                Err(error) => Err(error.into()),
            },
            #[cfg(feature = "aws")]
            Self::Stack(stack) => {
                let job = ScatterEvent::parse(event.clone())?.job;
                let stack::Begun { execution_id, key, opened } = stack.scatter(&job, key, event).await?;
                Ok(Begun { execution_id, known_by: (!opened).then_some(key) })
            }
        }
    }

    /// Stops a run.
    pub async fn cancel(&self, execution_id: ExecutionId, reason: Stop) -> Result<(), CliError> {
        match self {
            Self::Local(system) => system.cancel(execution_id, reason).await?,
            #[cfg(feature = "aws")]
            Self::Stack(stack) => stack.cancel(execution_id, reason).await?,
        };
        Ok(())
    }

    /// Puts what is selected of a complete run back.
    pub async fn redrive(&self, execution_id: ExecutionId, what: Selection) -> Result<RedriveReport, CliError> {
        Ok(match self {
            Self::Local(system) => system.redrive(execution_id, what).await?,
            #[cfg(feature = "aws")]
            Self::Stack(stack) => stack.redrive(execution_id, what).await?,
        })
    }

    /// Recounts a run, and puts right what differs.
    pub async fn repair(&self, execution_id: ExecutionId) -> Result<RepairReport, CliError> {
        Ok(match self {
            Self::Local(system) => system.repair(execution_id, RepairMode::Correct).await?,
            #[cfg(feature = "aws")]
            Self::Stack(stack) => stack.repair(execution_id, RepairMode::Correct).await?,
        })
    }

    /// Opens a run that is filled from outside.
    pub async fn open(&self, event: Value, request_id: &str) -> Result<ScatterAnswer, CliError> {
        Ok(match self {
            Self::Local(system) => system.open(event, request_id).await?,
            #[cfg(feature = "aws")]
            Self::Stack(stack) => stack.open(event, request_id).await?,
        })
    }

    /// Adds segments to a run that was opened.
    pub async fn add(&self, execution_id: ExecutionId, token: &str, specs: Vec<Value>) -> Result<Added, ScatterError> {
        match self {
            Self::Local(system) => system.add(execution_id, token, specs).await,
            #[cfg(feature = "aws")]
            Self::Stack(stack) => stack.add(execution_id, token, specs).await,
        }
    }

    /// Says that a run that was opened has all its segments.
    pub async fn seal(&self, execution_id: ExecutionId) -> Result<ScatterAnswer, CliError> {
        Ok(match self {
            Self::Local(system) => system.seal(execution_id).await?,
            #[cfg(feature = "aws")]
            Self::Stack(stack) => stack.seal(execution_id).await?,
        })
    }

    /// The runs that are to be gone on with, oldest first. A stack is woken to do that; one process does it from its start.
    #[cfg_attr(not(feature = "aws"), expect(clippy::unused_async, reason = "a stack is asked, this process is not"))]
    pub async fn resume(&self) -> Result<Vec<ExecutionId>, CliError> {
        match self {
            Self::Local(system) => Ok(system.left_open().to_vec()),
            #[cfg(feature = "aws")]
            Self::Stack(stack) => {
                stack.wake().await?;
                Ok(stack.open_executions().await?)
            }
        }
    }

    /// Waits until a run is over and its event is out, or its event does not get out.
    pub async fn finished(&self, execution_id: ExecutionId) -> Result<Ended, CliError> {
        match self {
            Self::Local(system) => {
                let local::system::Finished { is_published, notice_failures, .. } =
                    system.finished(execution_id).await?;
                Ok(Ended { is_published, notice_failures })
            }
            #[cfg(feature = "aws")]
            Self::Stack(stack) => {
                let stack::Finished { is_published, .. } = stack.finished(execution_id).await?;
                Ok(Ended { is_published, notice_failures: 0 })
            }
        }
    }

    /// Ends what runs in this process.
    pub async fn shutdown(self) {
        match self {
            Self::Local(system) => system.shutdown().await,
            #[cfg(feature = "aws")]
            Self::Stack(_) => {}
        }
    }
}
