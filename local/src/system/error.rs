//! The errors of the system on one machine.

use std::path::PathBuf;

use crate::data_dir::DataDirError;
use emulator::embedded::EmbeddedError;
use engine::SystemFault;

/// Why the system cannot start, or cannot continue.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The data directory is empty.
    #[error("there is nothing in {0} yet: `import` a table or `run` a job first, or name another --data-dir")]
    Empty(PathBuf),
    /// An older version of this program made the directory.
    #[error(
        "{0} was made by an older version of this program, which kept its executions otherwise: look at them with that version, and \
         name another --data-dir for new ones"
    )]
    Outdated(PathBuf),
    /// The control table's file.
    #[error(transparent)]
    Store(#[from] control_table::store::sqlite::OpenError),
    /// This program was built without the emulation.
    #[cfg(not(feature = "emulate"))]
    #[error("this program was built without --emulate: build it again with `--features emulate`")]
    WithoutEmulation,
    /// An embedded service.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The control table.
    #[error(transparent)]
    Table(#[from] control_table::Error),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] engine::EngineError),
    /// An execution that an earlier process left open cannot be continued.
    #[error("execution {execution_id} cannot be continued: {reason}")]
    NotRecovered {
        /// The execution.
        execution_id: control_table::id::ExecutionId,
        /// Why, from the recovery.
        reason: String,
    },
    /// An execution needs the work of another program.
    #[error(
        "execution {execution_id} is the work of the program {program:?}, and this is {this:?}: continue it with {program}, or give \
         --any-worker if this program does the same work"
    )]
    Foreign {
        /// The execution.
        execution_id: control_table::id::ExecutionId,
        /// Its program.
        program: String,
        /// This program.
        this: String,
    },
    /// There is no such execution.
    #[error("there is no execution {0} in this data directory")]
    NoSuchExecution(control_table::id::ExecutionId),
    /// An emulation has no schedules: its executions belong to one process.
    #[error("an emulation has no schedules: leave --emulate out")]
    NoSchedules,
}

impl Error {
    /// The kind of fault, for a caller.
    #[must_use]
    pub fn fault(&self) -> SystemFault {
        match self {
            Self::NoSuchExecution(_) => SystemFault::NotFound,
            Self::Foreign { .. } | Self::NotRecovered { .. } | Self::NoSchedules => SystemFault::Refused,
            error if error.is_retryable() => SystemFault::Passing,
            _ => SystemFault::Lasting,
        }
    }

    /// Whether the same call may succeed later, as it is.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::DataDir(DataDirError::InUse { .. }) => true,
            Self::Store(error) => error.is_retryable(),
            Self::Table(error) => error.is_retryable(),
            Self::Engine(error) => error.is_retryable(),
            #[cfg(not(feature = "emulate"))]
            Self::WithoutEmulation => false,
            Self::DataDir(_)
            | Self::Outdated(_)
            | Self::Empty(_)
            | Self::Embedded(_)
            | Self::NotRecovered { .. }
            | Self::Foreign { .. }
            | Self::NoSuchExecution(_)
            | Self::NoSchedules => false,
        }
    }
}
