//! What can go wrong.

use std::fmt;
use std::process::ExitStatus;

/// Why there are no figures.
#[derive(thiserror::Error)]
pub enum BenchError {
    /// The local system does not start, or does not go on.
    #[error(transparent)]
    Local(#[from] local::Error),
    /// The event was refused.
    #[error(transparent)]
    Engine(#[from] engine::EngineError),
    /// The system.
    #[error(transparent)]
    Operator(#[from] engine::OperatorError),
    /// The execution is gone.
    #[error("execution {0} is gone")]
    Gone(control_table::id::ExecutionId),
    /// The control table cannot be read.
    #[error(transparent)]
    Table(#[from] control_table::Error),
    /// The scatter stopped without an answer.
    #[error("the scatter stopped: {0}")]
    Stopped(#[from] tokio::task::JoinError),
    /// A line is not what a line should be.
    #[error("not the JSON expected: {0}")]
    Json(#[from] serde_json::Error),
    /// A file, a directory or a process.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A run ended otherwise than with success.
    #[error("the run of {n} segments ended with {status}; what it wrote is above")]
    Run {
        /// Its segments.
        n: u64,
        /// How it ended.
        status: ExitStatus,
    },
    /// A run took too long, and was ended.
    #[error("the run of {n} segments took more than {limit} s: give a higher --limit")]
    Late {
        /// Its segments.
        n: u64,
        /// Seconds it had.
        limit: u64,
    },
}

/// As it is displayed: this is what `main` ends with.
impl fmt::Debug for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
