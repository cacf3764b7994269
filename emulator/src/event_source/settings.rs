//! What a mapping is told, as the template has it.

use std::time::Duration;

use super::batch::RetryPolicy;
use super::filter::Filter;

/// Settings of a mapping from a Kinesis stream.
#[derive(Debug, Clone, PartialEq)]
pub struct KinesisSettings {
    /// The most records of one invocation (1 to 10,000).
    pub batch_size: usize,
    /// Batches of one shard at a time (1 to 10). Records with the same partition key stay in order.
    pub parallelization_factor: usize,
    /// What happens to a batch that failed.
    pub retries: RetryPolicy,
    /// The time of one invocation: the function's Timeout.
    pub timeout: Duration,
}

/// Settings of a mapping from a `DynamoDB` stream.
#[derive(Debug, Clone, PartialEq)]
pub struct DynamoDbSettings {
    /// The most records of one invocation (1 to 10,000).
    pub batch_size: usize,
    /// How long to wait for a batch to fill; zero: not at all.
    pub batching_window: Duration,
    /// Which records are invoked for. The others are passed over.
    pub filter: Filter,
    /// What happens to a batch that failed.
    pub retries: RetryPolicy,
    /// The time of one invocation: the function's Timeout.
    pub timeout: Duration,
}
