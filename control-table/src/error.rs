//! What can go wrong with the control table itself. A lost condition is not an error: it is an outcome of its operation.

use std::error::Error as StdError;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::item::CorruptItem;

/// A failed request to the control table.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The table is not there.
    #[error(
        "{operation} of {subject}: table {table:?} does not exist. Deploy infra/template.yaml, or name another table in \
         CONTROL_TABLE; the local runner makes its own"
    )]
    TableMissing {
        /// The operation of the protocol.
        operation: &'static str,
        /// The execution, segment or group it was about.
        subject: String,
        /// The table's name.
        table: String,
    },
    /// `DynamoDB` could not be reached, or was too busy, for longer than the bounded retries last.
    #[error("{operation} of {subject}: DynamoDB did not take it ({code}): {detail}. Nothing is lost: try again")]
    Unavailable {
        /// The operation of the protocol.
        operation: &'static str,
        /// The execution, segment or group it was about.
        subject: String,
        /// `DynamoDB`'s code, or the kind of failure on the way there.
        code: String,
        /// What it said of the reason.
        detail: String,
        /// What the SDK gave.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// `DynamoDB` refused the request: permissions, or a table that is not what it should be.
    #[error(
        "{operation} of {subject}: DynamoDB refused it ({code}): {detail}. Check the role's permissions and the table"
    )]
    Refused {
        /// The operation of the protocol.
        operation: &'static str,
        /// The execution, segment or group it was about.
        subject: String,
        /// `DynamoDB`'s code.
        code: String,
        /// What it said of the reason.
        detail: String,
        /// What the SDK gave.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// Part of a batch, or a transaction, was still refused after every bounded retry.
    #[error("{operation} of {subject}: still {code} after {attempts} tries. Nothing is lost: try again")]
    StillBusy {
        /// The operation of the protocol.
        operation: &'static str,
        /// The execution, segment or group it was about.
        subject: String,
        /// `DynamoDB`'s code for the last refusal.
        code: String,
        /// Tries made.
        attempts: u32,
    },
    /// An item cannot be read as what it should be.
    #[error("{operation}: {source}. {}", .source.advice())]
    Corrupt {
        /// The operation of the protocol.
        operation: &'static str,
        /// Which item, and what is wrong with it.
        source: CorruptItem,
    },
    /// The expression and its meaning came to different results. A defect of this crate: please report it.
    #[error("{operation} of {subject}: DynamoDB refused what the protocol allows (a defect of this program)")]
    Disagreement {
        /// The operation of the protocol.
        operation: &'static str,
        /// The execution, segment or group it was about.
        subject: String,
    },
}

/// `DynamoDB`'s codes for "later, please".
const BUSY_CODES: [&str; 8] = [
    "ProvisionedThroughputExceededException",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "ThrottlingException",
    "ThrottlingError",
    "TransactionConflictException",
    "TransactionInProgressException",
    "InternalServerError",
];

/// Whether a code of `DynamoDB`'s means that the same request may succeed later.
pub(crate) fn is_busy(code: &str) -> bool {
    BUSY_CODES.contains(&code) || code == "TransactionConflict"
}

/// An error and what is behind it, in one line: the SDK's own text names only the outermost.
fn chain(error: &dyn StdError) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}

impl Error {
    /// Whether the same call may succeed later, as it is.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::StillBusy { .. } => true,
            Self::TableMissing { .. } | Self::Refused { .. } | Self::Corrupt { .. } | Self::Disagreement { .. } => {
                false
            }
        }
    }

    /// Sorts what the SDK says into "later" and "never".
    pub(crate) fn from_sdk<E>(operation: &'static str, subject: String, table: &str, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let code = match &error {
            SdkError::ServiceError(service) => service.err().code().unwrap_or("unknown").to_owned(),
            SdkError::ConstructionFailure(_) => "request not built".to_owned(),
            SdkError::TimeoutError(_) => "timeout".to_owned(),
            SdkError::DispatchFailure(_) => "no connection".to_owned(),
            _ => "no usable answer".to_owned(),
        };
        let later = match &error {
            SdkError::ServiceError(service) => is_busy(&code) || service.raw().status().is_server_error(),
            SdkError::ConstructionFailure(_) => false,
            _ => true,
        };
        if code == "ResourceNotFoundException" {
            return Self::TableMissing { operation, subject, table: table.to_owned() };
        }
        let detail = match error.as_service_error().and_then(ProvideErrorMetadata::message) {
            Some(message) => message.to_owned(),
            None => chain(&error),
        };
        let source = Box::new(error);
        if later {
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
