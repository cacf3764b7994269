//! Errors of the control table. A condition that does not hold is not an error: it is an outcome of its operation.

use std::error::Error as StdError;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::rows::{CorruptItem, RowKey};
use crate::sdk::Failure;

/// A failed operation or read. Its text names both and what they are about, and says whether a retry helps.
#[expect(
    missing_docs,
    reason = "`operation` is the operation or read, `subject` the execution, group or segment, `code` the code of DynamoDB"
)]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The table does not exist.
    #[error(
        "{operation} of {subject}: table {table:?} does not exist. A retry does not help: deploy infra/template.yaml, or name \
         another table in CONTROL_TABLE; the local system makes its own"
    )]
    TableMissing { operation: &'static str, subject: String, table: String },
    /// `DynamoDB` could not be reached, or was too busy, for longer than the bounded retries take.
    #[error("{operation} of {subject}: DynamoDB did not take it ({code}): {detail}. Nothing is lost: try again")]
    Unavailable {
        operation: &'static str,
        subject: String,
        code: String,
        /// The message of `DynamoDB`, or the chain of causes if there is none.
        detail: String,
        source: Box<dyn StdError + Send + Sync>,
    },
    /// `DynamoDB` refused the request: permissions, or a table that is not as it should be.
    #[error(
        "{operation} of {subject}: DynamoDB refused it ({code}): {detail}. A retry does not help: check the permissions of the \
         role, and the table"
    )]
    Refused {
        operation: &'static str,
        subject: String,
        code: String,
        /// The message of `DynamoDB`, or the chain of causes if there is none.
        detail: String,
        source: Box<dyn StdError + Send + Sync>,
    },
    /// Part of a batch, or a transaction, was still refused after every bounded retry.
    #[error("{operation} of {subject}: still {code} after {attempts} tries. Nothing is lost: try again")]
    StillBusy { operation: &'static str, subject: String, code: String, attempts: u32 },
    /// A read found more pages than the rows of this program can fill.
    #[error(
        "{operation} of {subject}: more than {pages} pages. A retry does not help: another program writes to the table"
    )]
    TooManyPages { operation: &'static str, subject: String, pages: usize },
    /// An item cannot be read as the row that its key names.
    #[error("{operation} of {subject}: {source}. {}", .source.advice())]
    Corrupt { operation: &'static str, subject: String, source: Box<CorruptItem> },
    /// The file of the store on one machine cannot be read or written.
    #[error("{operation} of {subject}: {}: {source}. {}", .file.display(), .fault.advice())]
    File {
        operation: &'static str,
        subject: String,
        file: std::path::PathBuf,
        /// What is wrong, as far as it helps to know what to do.
        fault: FileFault,
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A row of the store on one machine cannot be read.
    #[error(
        "{operation} of {subject}: the row {key} cannot be read: {source}. A retry does not help: another program, or a newer \
         version of this one, wrote it"
    )]
    CorruptRow { operation: &'static str, subject: String, key: Box<RowKey>, source: Box<dyn StdError + Send + Sync> },
    /// `DynamoDB` and `apply` came to different results, or a store returned rows of another kind. A defect of this program.
    #[error(
        "{operation} of {subject}: the table refused what the protocol allows. A retry does not help: this is a defect of this \
         program, please report it"
    )]
    Disagreement { operation: &'static str, subject: String },
}

/// What is wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFault {
    /// Another process wrote for longer than this one waits.
    Busy,
    /// The disk is full.
    Full,
    /// The file, its directory or its disk cannot be written.
    Unwritable,
    /// The file is damaged, or no database.
    Damaged,
    /// Another error of the file or the disk.
    Other,
}

impl FileFault {
    /// What a user can do.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Busy => "Another process keeps it busy. Nothing is lost: try again",
            Self::Full => "What was written before is safe: free space on its disk, and try again",
            Self::Unwritable => "What was written before is safe: make the file and its directory writable",
            Self::Damaged => "A retry does not help: restore it from a copy, or name another data directory",
            Self::Other => "Nothing that was confirmed is lost: check the disk, and try again",
        }
    }

    const fn is_retryable(self) -> bool {
        matches!(self, Self::Busy)
    }
}

impl Error {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::StillBusy { .. } => true,
            Self::File { fault, .. } => fault.is_retryable(),
            Self::TableMissing { .. }
            | Self::Refused { .. }
            | Self::TooManyPages { .. }
            | Self::Corrupt { .. }
            | Self::CorruptRow { .. }
            | Self::Disagreement { .. } => false,
        }
    }

    /// The error of a request, by whether it may succeed later.
    pub(crate) fn from_sdk<E>(operation: &'static str, subject: String, table: &str, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let failure = Failure::of(&error);
        if failure.is_missing() {
            return Self::TableMissing { operation, subject, table: table.to_owned() };
        }
        let Failure { code, message: detail, retryable } = failure;
        let source = Box::new(error);
        if retryable {
            Self::Unavailable { operation, subject, code, detail, source }
        } else {
            Self::Refused { operation, subject, code, detail, source }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::operation::update_item::UpdateItemError;

    #[test]
    fn an_error_says_what_happened_to_what_and_whether_a_retry_helps() {
        let lost: SdkError<UpdateItemError> = SdkError::timeout_error("no answer within 3 s");
        let error = Error::from_sdk("claim", "segment 5".to_owned(), "control", lost);
        assert!(error.is_retryable());
        let text = error.to_string();
        assert!(text.starts_with("claim of segment 5:") && text.contains("no answer within 3 s"), "{text}");

        let malformed: SdkError<UpdateItemError> = SdkError::construction_failure("no region");
        assert!(!Error::from_sdk("claim", "segment 5".to_owned(), "control", malformed).is_retryable());
    }
}
