//! The functions' SDK clients. Every one has an attempt timeout.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};

/// One try of a request. Without a limit, a lost answer would be waited for until the invocation ends; the longest answers, pages of a
/// scan, take a fraction of it.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// Region and credentials of the environment, and bounded tries: what every client is made of.
pub async fn config() -> SdkConfig {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
    aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).load().await
}
