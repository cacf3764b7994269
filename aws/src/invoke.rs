//! Invoking a function: with and without waiting for its answer.

use aws_sdk_lambda::error::SdkError;
use aws_sdk_lambda::operation::invoke::InvokeError;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use control_table::sdk::Failure;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::connect::Deployed;
use crate::error::{DeployedError, FunctionError};

impl Deployed {
    /// Invokes a function and waits for its answer, as long as it takes: Lambda ends it after 15 minutes at the latest.
    pub(crate) async fn invoke<A: DeserializeOwned>(&self, function: &str, event: &Value) -> Result<A, DeployedError> {
        let request = self.lambda.invoke().function_name(function).invocation_type(InvocationType::RequestResponse);
        let payload = Blob::new(event.to_string());
        let output = request.payload(payload).send().await.map_err(|error| failed(function, error))?;
        let payload = output.payload.as_ref().map_or(&b"null"[..], AsRef::as_ref);
        read(function, output.function_error.as_deref(), payload)
    }
}

impl Deployed {
    /// Has Lambda invoke a function, which it repeats after a failure, and does not wait for it.
    pub(crate) async fn invoke_later(&self, function: &str, event: &Value) -> Result<(), DeployedError> {
        let request = self.lambda.invoke().function_name(function).invocation_type(InvocationType::Event);
        let sent = request.payload(Blob::new(event.to_string())).send().await;
        sent.map(drop).map_err(|error| failed(function, error))
    }
}

/// Lambda has refused, or it is not known whether the function ran.
fn failed(function: &str, error: SdkError<InvokeError>) -> DeployedError {
    let function = function.to_owned();
    match Failure::of(&error) {
        Failure { retryable: true, .. } => DeployedError::Invoke { function, source: Box::new(error.into()) },
        Failure { code, message, .. } => DeployedError::NotInvoked { function, code, message },
    }
}

/// What a payload says: an answer, or an error if Lambda marks it as one.
fn read<A: DeserializeOwned>(function: &str, failed: Option<&str>, payload: &[u8]) -> Result<A, DeployedError> {
    let unreadable = |source| DeployedError::Answer { function: function.to_owned(), source };
    if failed.is_none() {
        return serde_json::from_slice(payload).map_err(unreadable);
    }
    let error: FunctionError = serde_json::from_slice(payload).map_err(unreadable)?;
    Err(DeployedError::Function { function: function.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_an_error_and_neither() {
        assert_eq!(read::<u32>("f", None, b"7").unwrap(), 7);
        let error =
            read::<u32>("f", Some("Unhandled"), br#"{"errorType": "Defect", "errorMessage": "oh"}"#).unwrap_err();
        assert!(matches!(error, DeployedError::Function { .. }), "{error}");
        let error = read::<u32>("f", None, b"{}").unwrap_err();
        assert!(matches!(error, DeployedError::Answer { .. }) && !error.is_retryable(), "{error}");
    }
}
