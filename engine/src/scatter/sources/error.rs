//! What can go wrong with a source.

use control_table::limits::MAX_SEGMENTS;
use text::{Problem, TextError};

/// A source that cannot be used. Before an execution is opened, nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A field that cannot be meant.
    #[error("source.{field}: {reason}")]
    Invalid {
        /// The field of the event's `source`.
        field: &'static str,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// More segments than an execution may have.
    #[error(
        "source: it gives {segments} segments, and an execution has at most {MAX_SEGMENTS}: make the segments larger"
    )]
    TooManySegments {
        /// The segments it would have given.
        segments: u64,
    },
    /// A code that comes twice.
    #[error(
        "source: the code {code:?} is in the list twice (the second time as {place}): it would be counted twice. Remove one"
    )]
    DuplicateCode {
        /// The code.
        code: String,
        /// Where it was met again.
        place: String,
    },
    /// The process has no access to tables.
    #[error("source.table: this process reads no tables: start the execution with another")]
    NoTables,
    /// The user's table is not there.
    #[error(
        "source.table: there is no table {table:?}: check its name. On one machine `import` makes tables; on AWS look at the region, too"
    )]
    TableMissing {
        /// The table.
        table: String,
    },
    /// The user's table cannot be read.
    #[error("source.table: {table:?} cannot be read ({code}: {message}). {}", advice(*.retryable))]
    Table {
        /// The table.
        table: String,
        /// `DynamoDB`'s code, or the kind of failure on the way there.
        code: String,
        /// What it said.
        message: String,
        /// Whether the same request may succeed later.
        retryable: bool,
        /// The SDK's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The list file cannot be read, or a line of it is no code.
    #[error("source.file: {error}{whose}", error = .0, whose = whose(.0))]
    File(#[from] TextError),
    /// A thread that read the list file ended without an answer.
    #[error("source.file: a part of the reading was lost. Try again")]
    Lost(#[from] tokio::task::JoinError),
    /// The list file is not the one that the execution was opened with.
    #[error(
        "source.file: {path:?} has changed since the execution was opened (it had {codes} codes): put the old file back, or \
         cancel the execution and open another with a new key"
    )]
    ListChanged {
        /// The file.
        path: String,
        /// The codes that it had.
        codes: u64,
    },
    /// The stored plan is not one that this version knows.
    #[error("the stored plan cannot be read: {reason}. A newer version wrote it: resume with that one")]
    Plan {
        /// What is wrong with it.
        reason: String,
    },
}

/// A missing file may be on another machine.
fn whose(error: &TextError) -> &'static str {
    match error.problem {
        Problem::Read(_) => ". The path is one of the machine that scatters",
        _ => "",
    }
}

const fn advice(retryable: bool) -> &'static str {
    if retryable {
        "Try again"
    } else {
        "Check the name; and the scatter needs dynamodb:Scan and dynamodb:DescribeTable on it"
    }
}

impl SourceError {
    /// Whether the same call may succeed later, as it is.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Table { retryable: true, .. } | Self::Lost(_))
    }
}
