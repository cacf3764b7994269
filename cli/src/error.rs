//! What a verb fails with, and what the process then says and ends with.

use std::error::Error as _;
use std::process::ExitCode;

use control_table::id::{ExecutionId, ExecutionKey, JobName};
use control_table::read::FindError;

use crate::import::Stopped;
use crate::job::UsageError;
use crate::output::OutputError;
use crate::user_table::TableError;

/// The exit code of an execution that failed, and of anything that went wrong.
pub const FAILED: u8 = 1;
/// The exit code of a command that cannot be meant.
pub const USAGE: u8 = 2;
/// The exit code of a `repair --dry-run` that found something.
pub const DIFFERENCES: u8 = 3;

/// Why a verb did not end well.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command cannot be meant.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// No execution, or more than one, is what was meant.
    #[error(transparent)]
    Find(#[from] FindError),
    /// There is no execution to follow.
    #[error("the job {job} has no execution with the key {key} here: leave --attach out to start one")]
    NoneToAttach {
        /// The job.
        job: JobName,
        /// The key.
        key: ExecutionKey,
    },
    /// An import stopped.
    #[error(transparent)]
    Import(#[from] Stopped),
    /// There is no such table of the user's.
    #[error("there is no table {table:?}: `tables` lists those there are")]
    NoTable {
        /// Its name.
        table: String,
    },
    /// An execution reads the table that is to be deleted.
    #[error(
        "the execution {execution_id} of job {job} reads table {table:?} and has not ended: wait for it (`watch {execution_id}`), \
         cancel it (`cancel {execution_id}`), or delete the table all the same with --force"
    )]
    TableInUse {
        /// The table.
        table: String,
        /// The execution.
        execution_id: ExecutionId,
        /// Its job.
        job: JobName,
    },
    /// A request about a table of the user's failed.
    #[error(transparent)]
    UserTable(#[from] TableError),
    /// The control table could not be read.
    #[error(transparent)]
    Table(#[from] control_table::Error),
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] local::data_dir::DataDirError),
    /// The local system did not start, or stopped.
    #[error(transparent)]
    Local(#[from] local::Error),
    /// The stack cannot be reached, or one of its functions failed.
    #[cfg(feature = "aws")]
    #[error(transparent)]
    Stack(#[from] aws::DeployedError),
    /// The job's event was refused.
    #[error(transparent)]
    Engine(#[from] engine::EngineError),
    /// The system refused what it was asked, or failed.
    #[error(transparent)]
    Operator(#[from] engine::OperatorError),
    /// A simulation could not be made.
    #[error(transparent)]
    Forecast(#[from] simulation::forecast::ForecastError),
    /// Segments could not be added, or not all of them.
    #[error("{added} segments were added to {execution_id} before this error: {reason}{advice}")]
    Add {
        /// The execution.
        execution_id: ExecutionId,
        /// How many were added, or had been before.
        added: u64,
        /// What happened.
        reason: String,
        /// What to do.
        advice: String,
        /// Whether the same command may succeed later, as it is.
        retryable: bool,
    },
    /// The output of commands cannot be read.
    #[error("the output of {execution_id} cannot be read")]
    Logs {
        /// The execution.
        execution_id: ExecutionId,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The endpoint's port cannot be had.
    #[error("cannot listen on port {port} of this machine: choose another with --port")]
    Listen {
        /// The port.
        port: u16,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A task of this process ended without an answer.
    #[error("a task of this process ended without an answer. What it had written is safe: try again")]
    Lost(#[from] tokio::task::JoinError),
    /// The answer could not be printed.
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl CliError {
    /// The error and its causes in one sentence, none said twice: some messages carry their cause in them.
    pub fn message(&self) -> String {
        let mut message = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            cause = error.source();
        }
        message
    }

    /// Whether the same command may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Import(stopped) => stopped.error.is_retryable(),
            Self::Table(error) => error.is_retryable(),
            Self::Find(error) => error.is_retryable(),
            Self::Engine(error) => error.is_retryable(),
            Self::DataDir(error) => matches!(error, local::data_dir::DataDirError::InUse { .. }),
            Self::Local(error) => error.is_retryable(),
            Self::Operator(error) => error.is_retryable(),
            #[cfg(feature = "aws")]
            Self::Stack(error) => error.is_retryable(),
            Self::Add { retryable, .. } => *retryable,
            Self::Lost(_) => true,
            Self::TableInUse { .. } => true,
            Self::NoTable { .. } | Self::UserTable(_) => false,
            Self::Usage(_)
            | Self::NoneToAttach { .. }
            | Self::Forecast(_)
            | Self::Logs { .. }
            | Self::Listen { .. }
            | Self::Output(_) => false,
        }
    }

    /// What the process ends with.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            // The reader of the output had enough; that is how it was meant.
            Self::Output(OutputError::Closed) => ExitCode::SUCCESS,
            Self::Usage(_) | Self::DataDir(local::data_dir::DataDirError::NoHome) => ExitCode::from(USAGE),
            Self::Engine(error) if error.is_bad_input() => ExitCode::from(USAGE),
            Self::Operator(error) if error.is_bad_input() => ExitCode::from(USAGE),
            #[cfg(feature = "aws")]
            Self::Stack(error) if error.is_bad_input() => ExitCode::from(USAGE),
            _ => ExitCode::from(FAILED),
        }
    }

    /// Whether there is anything to say about it.
    pub const fn is_silent(&self) -> bool {
        matches!(self, Self::Output(OutputError::Closed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn causes_are_told_once() {
        let source = io::Error::other("no such port");
        let message = CliError::Listen { port: 1, source }.message();
        assert_eq!(message, "cannot listen on port 1 of this machine: choose another with --port: no such port");
        let source = Box::new(toml::from_str::<toml::Table>("=").unwrap_err());
        let message = CliError::Usage(UsageError::Toml { path: "a.toml".into(), source }).message();
        assert_eq!(message.matches("TOML parse error").count(), 1, "{message}");
    }

    #[test]
    fn exit_codes() {
        let code = |error: CliError| format!("{:?}", error.exit_code());
        assert_eq!(code(OutputError::Closed.into()), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(code(UsageError::Both("a", "b").into()), format!("{:?}", ExitCode::from(2)));
        assert_eq!(code(FindError::NoExecutions { job: None }.into()), format!("{:?}", ExitCode::from(1)));
        assert_eq!(code(local::data_dir::DataDirError::NoHome.into()), format!("{:?}", ExitCode::from(2)));
    }
}
