//! The settings that the system on one machine shares with a deployment.
//!
//! Each constant names its place in `infra/template.yaml`; the test `tests/system/template.rs` holds the two together.

use std::time::Duration;

#[cfg(feature = "emulate")]
use emulator::event_source::{DynamoDbSettings, KinesisSettings, RetryPolicy};

/// `SegmentStream`: `ShardCount`.
#[cfg(feature = "emulate")]
pub const SHARD_COUNT: u16 = 1;

/// `SegmentStreamMapping`: `ParallelizationFactor`.
pub const PARALLELIZATION_FACTOR: usize = 10;

/// `WorkerFunction`: `Timeout`.
pub const WORKER_TIMEOUT: Duration = Duration::from_mins(15);

/// The retries of both event source mappings: `MaximumRetryAttempts`, `BisectBatchOnFunctionError`, `FunctionResponseTypes`.
#[cfg(feature = "emulate")]
const RETRIES: RetryPolicy = RetryPolicy { attempts_max: Some(10), bisect: true, report_failures: true };

/// `SegmentStreamMapping`, with the defaults of the parameters that it refers to.
#[cfg(feature = "emulate")]
pub const WORKER_MAPPING: KinesisSettings = KinesisSettings {
    batch_size: 1,
    parallelization_factor: PARALLELIZATION_FACTOR,
    retries: RETRIES,
    timeout: WORKER_TIMEOUT,
};

/// `GatherFunction`: `Events.ControlTableStream`, and the `Timeout` of `Globals`.
#[cfg(feature = "emulate")]
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
