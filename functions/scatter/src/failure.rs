//! Sorts what an AWS SDK says into "later" and "never".

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// What kind of failure an SDK error is.
pub(crate) struct Failure {
    /// The service's code, or the kind of failure on the way there.
    pub code: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}

/// Parts of the codes by which `DynamoDB` and Kinesis say "later, please".
const BUSY: [&str; 4] = ["ThroughputExceeded", "Throttling", "LimitExceeded", "InternalFailure"];

impl Failure {
    pub fn of<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Self {
        match error {
            SdkError::ServiceError(service) => {
                let code = service.err().code().unwrap_or("unknown").to_owned();
                let retryable = service.raw().status().is_server_error() || BUSY.iter().any(|busy| code.contains(busy));
                Self { code, retryable }
            }
            SdkError::ConstructionFailure(_) => Self { code: "request not built".to_owned(), retryable: false },
            SdkError::TimeoutError(_) => Self { code: "timeout".to_owned(), retryable: true },
            SdkError::DispatchFailure(_) => Self { code: "no connection".to_owned(), retryable: true },
            _ => Self { code: "no usable answer".to_owned(), retryable: true },
        }
    }
}
