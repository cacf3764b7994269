//! The settings of event source mappings.

use std::time::Duration;

use super::batch::RetryPolicy;

/// Settings of a mapping from a Kinesis stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KinesisSettings {
    /// The most records of one invocation (1 to 10,000).
    pub batch_size: usize,
    /// Batches of one shard at a time (1 to 10). Records with the same partition key stay in order.
    pub parallelization_factor: usize,
    /// The retries of a failed batch.
    pub retries: RetryPolicy,
    /// The time of one invocation: the function's Timeout.
    pub timeout: Duration,
}

/// Settings of a mapping from a `DynamoDB` stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DynamoDbSettings {
    /// The most records of one invocation (1 to 10,000).
    pub batch_size: usize,
    /// How long to wait for a batch to fill; zero: not at all.
    pub batching_window: Duration,
    /// Patterns of the records to invoke for, as in `FilterCriteria`; none for all records.
    pub filters: &'static [&'static str],
    /// The retries of a failed batch.
    pub retries: RetryPolicy,
    /// The time of one invocation: the function's Timeout.
    pub timeout: Duration,
}

/// Settings of a mapping from an SQS queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqsSettings {
    /// The most messages of one invocation (1 to 10 without a batching window).
    pub batch_size: usize,
    /// Invocations at a time (2 to 1,000): `ScalingConfig.MaximumConcurrency`.
    pub maximum_concurrency: usize,
    /// The time of one invocation: the function's Timeout.
    pub timeout: Duration,
}
