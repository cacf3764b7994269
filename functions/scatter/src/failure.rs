//! Sorts what an AWS SDK says into "later" and "never".

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// What kind of failure an SDK error is.
pub(crate) struct Failure {
    /// The service's code, or the kind of failure on the way there.
    pub code: String,
    /// What the service said; empty if it said nothing. (The SDK's own text is only "service error".)
    pub message: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}

/// Parts of the codes by which `DynamoDB` and Kinesis say "later, please".
const BUSY: [&str; 4] = ["ThroughputExceeded", "Throttling", "LimitExceeded", "InternalFailure"];

impl Failure {
    pub fn of<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Self {
        let (code, retryable) = match error {
            SdkError::ServiceError(service) => {
                let code = service.err().code().unwrap_or("unknown").to_owned();
                let retryable = service.raw().status().is_server_error() || BUSY.iter().any(|busy| code.contains(busy));
                (code, retryable)
            }
            SdkError::ConstructionFailure(_) => ("request not built".to_owned(), false),
            SdkError::TimeoutError(_) => ("timeout".to_owned(), true),
            SdkError::DispatchFailure(_) => ("no connection".to_owned(), true),
            _ => ("no usable answer".to_owned(), true),
        };
        Self { code, message: error.message().unwrap_or_default().to_owned(), retryable }
    }
}
