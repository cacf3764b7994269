//! The functions' SDK clients. Every one has an attempt timeout.

use std::time::Duration;

use aws_config::timeout::{TimeoutConfig, TimeoutConfigBuilder};
use aws_config::{BehaviorVersion, SdkConfig};

/// One try of a request. Without a limit a client would wait for a lost answer until the invocation ends; the slowest answers, pages
/// of a scan, take a fraction of it.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// A request with all its tries: a service that answers none of three tries is out of reach, and the caller repeats what it was doing.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(40);

/// One try of an invocation: longer than a function may run, which is 15 minutes (Lambda quota). With less the SDK would invoke a
/// function again that is still running.
const INVOCATION_TIMEOUT: Duration = Duration::from_mins(16);

/// The configuration of every client: region and credentials of the environment, and an attempt timeout.
pub async fn config() -> SdkConfig {
    config_with(
        TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).operation_timeout(OPERATION_TIMEOUT),
    )
    .await
}

/// The same for a client that invokes functions and waits for their answers.
pub async fn invoking() -> SdkConfig {
    config_with(TimeoutConfig::builder().operation_attempt_timeout(INVOCATION_TIMEOUT)).await
}

async fn config_with(timeouts: TimeoutConfigBuilder) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts.build()).load().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_invocation_is_not_repeated_while_the_function_may_run() {
        let lambda_timeout = Duration::from_mins(15);
        let attempt = invoking().await.timeout_config().and_then(TimeoutConfig::operation_attempt_timeout);
        assert!(attempt.is_some_and(|attempt| attempt > lambda_timeout), "{attempt:?}");
        let attempt = config().await.timeout_config().and_then(TimeoutConfig::operation_attempt_timeout);
        assert_eq!(attempt, Some(ATTEMPT_TIMEOUT));
        let operation = config().await.timeout_config().and_then(TimeoutConfig::operation_timeout);
        assert_eq!(operation, Some(OPERATION_TIMEOUT));
    }
}
