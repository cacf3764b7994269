//! Every limit of the protocol, with where it comes from.

/// Segments in a group, and so in a tally. A tally then sees at most a few hundred writes in its life (the partition
/// limit of `DynamoDB` is 1,000 write units a second), its three number sets stay under 1 KB (one write unit), and an
/// execution of a million segments has 7,813 groups.
pub const GROUP_SIZE: u64 = 128;

/// Segments of one execution. Ten million is 78,125 groups; above it, one status query reads more than it should.
pub const MAX_SEGMENTS: u64 = 10_000_000;

/// The longest spec of a segment, as JSON text. A row up to about 600 bytes of spec costs one write unit a write; larger
/// ones are allowed, and cost more.
pub const MAX_SPEC_BYTES: usize = 16 * 1024;

/// The longest result of a segment, as JSON text. Larger results belong in a store of the user's, by reference.
pub const MAX_RESULT_BYTES: usize = 16 * 1024;

/// The longest error message kept in a row; longer ones are cut, with a mark.
pub const MAX_ERROR_BYTES: usize = 512;

/// The longest plan and parameters together: both are in one item (`DynamoDB`'s limit is 400 KB an item).
pub const MAX_PLAN_BYTES: usize = 256 * 1024;

/// The longest `parameters`, as JSON text: they travel in every record (Kinesis bills by 25 KB).
pub const MAX_PARAMETERS_BYTES: usize = 8 * 1024;

/// Named counters that one output may carry.
pub const MAX_COUNTERS: usize = 16;

/// The longest name of a counter.
pub const MAX_COUNTER_NAME: usize = 48;

/// The largest value, positive or negative, of one segment's counter or item count: the sum over [`MAX_SEGMENTS`] then
/// still fits 64 bits.
pub const MAX_COUNTER_VALUE: i64 = i64::MAX / 10_000_000;

/// Statements of one `BatchExecuteStatement` (AWS quota).
pub const STATEMENTS_PER_BATCH: usize = 25;

/// Items of one `BatchGetItem` (AWS quota).
pub const KEYS_PER_BATCH_GET: usize = 100;

/// Tallies of one fold: a transaction takes 100 items (AWS quota), one of them is the execution.
pub const TALLIES_PER_FOLD: usize = 99;

/// Partitions of the due index. A partition takes 1,000 write units a second; eight take the retries of some thousands
/// of failing segments a second, and the sweeper asks eight short queries a minute.
pub const DUE_SHARDS: u8 = 8;

/// The longest job name.
pub const MAX_JOB_NAME: usize = 64;

/// The longest idempotency key.
pub const MAX_KEY: usize = 128;

/// The largest `max_attempts` of a policy.
pub const MAX_ATTEMPTS: u32 = 100;

/// The largest `max_concurrency` of a policy. The segments in flight are a set in the execution item: a thousand of them are
/// some 5 KB, and every change of the set is charged by the item's size.
pub const MAX_CONCURRENCY: u32 = 1_000;

/// The longest retention of a policy: ten years.
pub const MAX_RETENTION_DAYS: u32 = 3_660;

/// Outcomes of one tally update. Each takes three `NOT contains` in the condition, and an expression has at most 300
/// operators and 4 KB (AWS quotas).
pub const OUTCOMES_PER_TALLY: usize = 25;

/// Segments of a group that is added from outside: the group is one transaction of at most 100 items (AWS quota), with its
/// tally, its mark and the execution.
pub const SEGMENTS_PER_ADD: usize = 96;

/// The longest list of segments that a redrive names, as text.
pub const MAX_SELECTION_BYTES: usize = 4 * 1024;
