//! How long the services take, and what they allow. Each value has its source; a scenario or a user may choose others.
//!
//! *Quota*: AWS's documentation. *Assumed*: reckoned by a review of the template, and not measured on AWS.

use std::time::Duration;

/// How long requests take, from the function that makes them. Each one takes between three quarters and five quarters of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latencies {
    /// `GetItem`, `BatchGetItem`. Assumed.
    pub get: Duration,
    /// `UpdateItem`, `PutItem`. Assumed.
    pub update: Duration,
    /// `Query` of a group or of a page of an index. Assumed.
    pub query: Duration,
    /// A transaction. Assumed.
    pub transaction: Duration,
    /// `BatchExecuteStatement` of 25 rows. Assumed as a transaction.
    pub insert_batch: Duration,
    /// `PutRecords`, `SendMessageBatch`. Assumed.
    pub put_records: Duration,
    /// `PutEvents`. Assumed as an update.
    pub publish: Duration,
    /// From a batch that is ready to the function's handler, where an environment waits. Assumed.
    pub invoke: Duration,
    /// A new environment, until its handler can run. Assumed: Rust on `provided.al2023` needs less.
    pub cold_start: Duration,
}

impl Default for Latencies {
    fn default() -> Self {
        let millis = Duration::from_millis;
        Self {
            get: millis(5),
            update: millis(7),
            query: millis(10),
            transaction: millis(20),
            insert_batch: millis(20),
            put_records: millis(15),
            publish: millis(7),
            invoke: millis(10),
            cold_start: millis(200),
        }
    }
}

/// `DynamoDB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableQuotas {
    /// Write units a second of one partition key. Quota.
    pub partition_write_units: u64,
    /// Write units a second that a new on-demand table takes. Quota. It takes twice its peak of the past.
    pub initial_write_units: u64,
    /// Partitions, and so shards of the table's stream. A new on-demand table of 4,000 write units has four.
    pub stream_shards: usize,
}

impl Default for TableQuotas {
    fn default() -> Self {
        Self { partition_write_units: 1_000, initial_write_units: 4_000, stream_shards: 4 }
    }
}

/// The segment stream and its event source mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamSettings {
    /// Shards at the beginning.
    pub shards: usize,
    /// Batches of one shard that are processed at once (`ParallelizationFactor`, at most 10: quota).
    pub lanes: usize,
    /// Records of a batch at most.
    pub batch_size: usize,
    /// How long the mapping waits for a full batch.
    pub batch_window: Duration,
    /// How long a record is kept.
    pub retention: Duration,
    /// Records a second that a shard takes. Quota.
    pub records_a_second: u64,
    /// Bytes a second that a shard takes. Quota.
    pub bytes_a_second: u64,
    /// How often Lambda asks an idle shard: once a second (AWS: Lambda with Kinesis).
    pub poll: Duration,
    /// Retries of a batch whose function failed (the template's `MaximumRetryAttempts`). Throttled invocations do not count.
    pub retries: u32,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self {
            shards: 1,
            lanes: 10,
            batch_size: 1,
            batch_window: Duration::ZERO,
            retention: Duration::from_hours(24),
            records_a_second: 1_000,
            bytes_a_second: 1_000_000,
            poll: Duration::from_secs(1),
            retries: 10,
        }
    }
}

/// The segment queue and its event source mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueSettings {
    /// Batches that are processed at once (`MaximumConcurrency`, 2 to 1,000: quota).
    pub concurrency: usize,
    /// Messages of a batch at most.
    pub batch_size: usize,
    /// How long a received message is invisible: six times the function's timeout, as AWS advises.
    pub visibility: Duration,
    /// How long a message is kept: 14 days at most. Quota.
    pub retention: Duration,
    /// Receives after which a message goes to the dead-letter queue.
    pub receives: u32,
    /// Messages in flight at most. Quota.
    pub in_flight: usize,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            concurrency: 10,
            batch_size: 1,
            visibility: Duration::from_mins(90),
            retention: Duration::from_hours(14 * 24),
            receives: 20,
            in_flight: 120_000,
        }
    }
}

/// How records reach the workers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transport {
    /// Through the segment stream.
    #[default]
    Kinesis,
    /// Through the segment queue.
    Sqs,
}

/// One function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionSettings {
    /// Its name, for reports.
    pub name: &'static str,
    /// Memory, by which its time is charged.
    pub megabytes: u64,
    /// When Lambda ends an invocation.
    pub timeout: Duration,
    /// Reserved concurrency: the function's limit, taken from the account's; `None` shares what is left.
    pub reserved: Option<usize>,
}

impl FunctionSettings {
    /// As `infra/template.yaml` has it, with the defaults of its parameters.
    const fn of_template(name: &'static str, megabytes: u64, timeout: Duration) -> Self {
        Self { name, megabytes, timeout, reserved: None }
    }
}

/// The account's Lambda, and the four functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LambdaSettings {
    /// Concurrent invocations of the account: 1,000 by default, 10 in some new accounts. Quota.
    pub concurrency: usize,
    /// How long an idle environment is kept. Assumed; AWS does not say.
    pub idle: Duration,
    /// The waits before the second and the third try of an asynchronous invocation that failed (AWS: one and two minutes).
    pub asynchronous_waits: [Duration; 2],
    /// The scatter function.
    pub scatter: FunctionSettings,
    /// The worker function.
    pub worker: FunctionSettings,
    /// The gather function.
    pub gather: FunctionSettings,
    /// The sweeper function.
    pub sweeper: FunctionSettings,
}

impl Default for LambdaSettings {
    fn default() -> Self {
        let minutes = Duration::from_mins;
        Self {
            concurrency: 1_000,
            idle: minutes(10),
            asynchronous_waits: [minutes(1), minutes(2)],
            scatter: FunctionSettings::of_template("scatter", 256, minutes(15)),
            worker: FunctionSettings::of_template("worker", 512, minutes(15)),
            gather: FunctionSettings::of_template("gather", 256, minutes(1)),
            sweeper: FunctionSettings::of_template("sweeper", 256, Duration::from_secs(55)),
        }
    }
}

/// Everything around the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parameters {
    /// How long requests take.
    pub latencies: Latencies,
    /// The control table.
    pub table: TableQuotas,
    /// How records reach the workers.
    pub transport: Transport,
    /// The segment stream.
    pub stream: StreamSettings,
    /// The segment queue.
    pub queue: QueueSettings,
    /// Lambda.
    pub lambda: LambdaSettings,
}
