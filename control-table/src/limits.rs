//! The limits of the protocol, each with its reason. A quota is a limit of AWS; the others are choices.

/// Segments of a group, and so of a tally. A choice: a tally then takes a few hundred writes in its life, where a partition of
/// `DynamoDB` takes 1,000 write units a second (quota); its three number sets stay under 1 KB, which is one write unit; and an
/// execution of a million segments has 7,813 groups.
pub const GROUP_SIZE: u64 = 128;

/// Segments of an execution. A choice: ten million segments are 78,125 groups, and a summary reads a tally for each.
pub const MAX_SEGMENTS: u64 = 10_000_000;

/// The longest spec of a segment, as JSON text. A choice: a write of a row with a spec of up to some 600 bytes costs one
/// write unit; longer ones cost one more for each KB.
pub const MAX_SPEC_BYTES: usize = 16 * 1024;

/// The longest result of a segment, as JSON text. A choice: larger results belong into a store of the user's, and a
/// reference here.
pub const MAX_RESULT_BYTES: usize = 16 * 1024;

/// The longest error message in a row. A choice: it keeps a failed row under one write unit. Longer messages are cut, with a
/// mark.
pub const MAX_ERROR_BYTES: usize = 512;

/// The longest source and parameters together, as JSON text. They are in one item, which has at most 400 KB (quota).
pub const MAX_PLAN_BYTES: usize = 256 * 1024;

/// The longest parameters, as JSON text. A choice: every record carries them, and Kinesis charges a record by 25 KB.
pub const MAX_PARAMETERS_BYTES: usize = 8 * 1024;

/// Counters of a segment. A choice: each is an attribute of the segment, the tally and the execution, which are charged by
/// their size.
pub const MAX_COUNTERS: usize = 16;

/// Names of counters that all segments of an execution use together. A choice: a fold, a tally and an un-fold name each counter in one
/// expression, which may have 4 KB (quota); and the execution item, of which a fold rewrites every started KB, has each of them.
pub const MAX_EXECUTION_COUNTERS: u32 = 64;

/// The longest name of a counter, in bytes. A choice, for the same reason as [`MAX_COUNTERS`].
pub const MAX_COUNTER_NAME: usize = 48;

/// The largest absolute value of a counter or item count of a segment: the sum over [`MAX_SEGMENTS`] segments fits 64 bits.
pub const MAX_COUNTER_VALUE: i64 = i64::MAX / 10_000_000;

/// Statements of a `BatchExecuteStatement` (quota).
pub const STATEMENTS_PER_BATCH: usize = 25;

/// Items of a `BatchGetItem` (quota).
pub const KEYS_PER_BATCH_GET: usize = 100;

/// Requests of a `BatchWriteItem` (quota).
pub const WRITES_PER_BATCH: usize = 25;

/// Tallies of a fold: a transaction has at most 100 items (quota), and one is the execution.
pub const TALLIES_PER_FOLD: usize = 99;

/// Partitions of the due index for each kind of item. A choice: a partition takes 1,000 write units a second (quota), so eight take the
/// retries of some thousand failing segments a second; and the sweeper sends eight queries of each of four kinds a minute.
pub const DUE_SHARDS: u8 = 8;

/// The longest job name, in characters. A choice: it is part of keys, which are read in lists and logs.
pub const MAX_JOB_NAME: usize = 64;

/// The longest idempotency key, in characters. A choice: with the job name it stays far below the 2,048 bytes of a partition key
/// (quota).
pub const MAX_KEY: usize = 128;

/// Tags of an execution. A choice: they are in the execution item, of which each fold rewrites every started KB, and in every event.
pub const MAX_TAGS: usize = 10;

/// The longest name of a tag, in characters. A choice, as that of a job name.
pub const MAX_TAG_NAME: usize = 64;

/// The longest value of a tag, in characters: that of a task token of Step Functions
/// (<https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html>).
pub const MAX_TAG_VALUE: usize = 2_048;

/// The longest tags of an execution together, in bytes of names and values. A choice, for the same reason as [`MAX_TAGS`]: with a task
/// token there is room for the others, and an event of 256 KB (quota) is far away.
pub const MAX_TAGS_BYTES: usize = 4 * 1024;

/// The largest `max_attempts` of a policy. A choice: a failure that a hundred attempts meet is not transient.
pub const MAX_ATTEMPTS: u32 = 100;

/// The largest `max_concurrency` of a policy. A choice: the segments in flight are a set in the execution item; a thousand
/// take some 5 KB, and each change of the set is charged by the size of the item.
pub const MAX_CONCURRENCY: u32 = 1_000;

/// The longest retention of a policy: ten years. A choice: a longer one is more likely a mistake.
pub const MAX_RETENTION_DAYS: u32 = 3_660;

/// Outcomes of a tally. Each takes three `NOT contains` in the condition, and an expression has at most 300 operators and 4 KB
/// (quotas).
pub const OUTCOMES_PER_TALLY: usize = 25;

/// Segments of an external group. It is added in one transaction of at most 100 items (quota), with its tally, its mark and the
/// execution; 96 leaves one to spare.
pub const SEGMENTS_PER_ADD: usize = 96;

/// Probes of a shard, each with a partition key of its own. Lambda reads a shard in at most 10 lanes (quota), and chooses the lane of a
/// partition key by a hash: with 64 keys one of ten lanes has none with a probability of 1.2 %, and then a record that still waits in it
/// may be put a second time.
pub const PROBES_PER_SHARD: u8 = 64;

/// The longest list of segments of a redrive, as text. A choice: the execution item has it while the redrive is under way,
/// and each write is charged by the size of the item.
pub const MAX_SELECTION_BYTES: usize = 4 * 1024;
