//! The settings that the system on one machine shares with a deployment.
//!
//! Each constant names its place in `infra/template.yaml`; the test `tests/system/template.rs` holds the two together.

use std::time::Duration;

use emulator::event_source::{DynamoDbSettings, KinesisSettings, RetryPolicy};

/// `SegmentStream`: `ShardCount`.
pub const SHARD_COUNT: u16 = 1;

/// The retries of both event source mappings: `MaximumRetryAttempts`, `BisectBatchOnFunctionError`, `FunctionResponseTypes`.
const RETRIES: RetryPolicy = RetryPolicy { attempts_max: Some(10), bisect: true, report_failures: true };

/// `SegmentStreamMapping`, with the defaults of the parameters that it refers to.
pub const WORKER_MAPPING: KinesisSettings =
    KinesisSettings { batch_size: 1, parallelization_factor: 10, retries: RETRIES, timeout: Duration::from_mins(15) };

/// `GatherFunction`: `Events.ControlTableStream`, and the `Timeout` of `Globals`.
pub const GATHER_MAPPING: DynamoDbSettings = DynamoDbSettings {
    batch_size: 100,
    batching_window: Duration::ZERO,
    filters: &[
        r#"{"dynamodb":{"NewImage":{"sk":{"S":["TALLY"]},"pending":{"N":["0"]}}}}"#,
        r#"{"dynamodb":{"NewImage":{"sk":{"S":["EXECUTION"]},"status":{"S":["RUNNING","SUCCEEDED","FAILED","CANCELLED"]}}}}"#,
        r#"{"dynamodb":{"NewImage":{"sk":{"S":["EXECUTION"]},"notifications":{"SS":["FIRST_FAILURE","STALLED"]}}}}"#,
        r#"{"dynamodb":{"NewImage":{"sk":{"S":["EXECUTION"]},"admitted_until":{"N":[{"exists":true}]}}}}"#,
    ],
    retries: RETRIES,
    timeout: Duration::from_mins(1),
};
