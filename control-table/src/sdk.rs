//! Errors of the AWS SDKs: whether the same request may succeed later.

use std::error::Error as StdError;

use aws_runtime::retries::classifiers::{THROTTLING_ERRORS, TRANSIENT_ERRORS};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// Retryable codes that the SDK's own lists lack: a transaction in the way of a plain write, as an error and as a
/// cancellation reason; and the codes within a transaction or batch, which do not end with `Exception`.
const BUSY_CODES: [&str; 5] = [
    "TransactionConflictException",
    "TransactionConflict",
    "ProvisionedThroughputExceeded",
    "ThrottlingError",
    "InternalServerError",
];

/// Whether the code of a service means that the same request may succeed later.
#[must_use]
pub fn is_busy(code: &str) -> bool {
    THROTTLING_ERRORS.contains(&code) || TRANSIENT_ERRORS.contains(&code) || BUSY_CODES.contains(&code)
}

/// An error of an SDK, reduced to what decides about a retry and what a message needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The code of the service; without an answer, the kind of failure.
    pub code: String,
    /// The message of the service; without one, the chain of causes.
    pub message: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}

impl Failure {
    /// Reads an error.
    #[must_use]
    pub fn of<E>(error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let (code, retryable) = match error {
            SdkError::ServiceError(service) => {
                let code = service.err().code().unwrap_or("unknown").to_owned();
                let retryable = service.raw().status().is_server_error() || is_busy(&code);
                (code, retryable)
            }
            SdkError::ConstructionFailure(_) => ("request not built".to_owned(), false),
            SdkError::TimeoutError(_) => ("timeout".to_owned(), true),
            SdkError::DispatchFailure(_) => ("no connection".to_owned(), true),
            _ => ("no usable answer".to_owned(), true),
        };
        let said = error.as_service_error().and_then(ProvideErrorMetadata::message);
        let message = said.map_or_else(|| causes(error), ToOwned::to_owned);
        Self { code, message, retryable }
    }

    /// Whether the table, stream or queue that the request names does not exist.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        // SQS has a code of its own, and another by its older protocol.
        const CODES: [&str; 3] =
            ["ResourceNotFoundException", "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"];
        CODES.contains(&self.code.as_str())
    }
}

/// Causes of an error that are read; a longer chain is cut.
const MAX_CAUSES: usize = 16;

/// The error with its causes, each said once: an SDK's own text is "dispatch failure", and what happened is deeper in it.
#[must_use]
pub fn causes(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    for _ in 0..MAX_CAUSES {
        let Some(error) = cause else { break };
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_without_an_answer_is_told_with_its_causes_and_without_the_form_of_a_debugger() {
        let refused = std::io::Error::other("connection refused");
        let error: SdkError<aws_sdk_dynamodb::operation::get_item::GetItemError> = SdkError::timeout_error(refused);
        let Failure { message, retryable, .. } = Failure::of(&error);
        assert!(retryable && message.ends_with(": connection refused"), "{message}");
        assert!(!message.contains(['{', '(']), "{message}");
    }

    #[test]
    fn throttling_transient_errors_and_conflicts_are_retryable() {
        for code in ["ThrottlingException", "LimitExceededException", "RequestTimeout", "TransactionConflictException"]
        {
            assert!(is_busy(code), "{code}");
        }
        for code in ["AccessDeniedException", "ValidationException", "ConditionalCheckFailedException"] {
            assert!(!is_busy(code), "{code}");
        }
    }
}
