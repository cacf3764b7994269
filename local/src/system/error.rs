//! What can go wrong with the whole.

use std::path::PathBuf;

use crate::data_dir::DataDirError;
use crate::template::TemplateError;
use emulator::embedded::EmbeddedError;

/// Why the local system cannot be started, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// Nothing was ever kept in the data directory.
    #[error("there is nothing in {0} yet: `import` a table or `run` a job first, or name another --data-dir")]
    Empty(PathBuf),
    /// An embedded service.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The settings.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The control table.
    #[error(transparent)]
    Table(#[from] control_table::Error),
    /// What is open cannot be found.
    #[error(transparent)]
    Engine(#[from] engine::EngineError),
    /// An execution that an earlier process left open cannot be gone on with.
    #[error("execution {execution_id} cannot be gone on with: {reason}")]
    NotRecovered {
        /// The execution.
        execution_id: control_table::id::ExecutionId,
        /// Why, from the recovery.
        reason: String,
    },
    /// There is no such execution.
    #[error("there is no execution {0} in this data directory")]
    NoSuchExecution(control_table::id::ExecutionId),
}

impl Error {
    /// Whether the same call may succeed later, as it is.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::DataDir(DataDirError::InUse { .. }) => true,
            Self::Table(error) => error.is_retryable(),
            Self::DataDir(_)
            | Self::Empty(_)
            | Self::Embedded(_)
            | Self::Template(_)
            | Self::Engine(_)
            | Self::NotRecovered { .. }
            | Self::NoSuchExecution(_) => false,
        }
    }
}
