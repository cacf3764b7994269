//! The metrics that the product counts, by the names they have in CloudWatch. Counted through the `metrics` facade, at the place where
//! the thing happens; without a recorder, counting does nothing.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Durations recorded since the recorder was emptied.
static RECORDED: AtomicU32 = AtomicU32::new(0);

/// What empties the recorder, and how many durations it holds at the most.
static FULL: OnceLock<(u32, fn())> = OnceLock::new();

/// Has `flush` called before more than `durations` of them wait in the recorder: one that holds a bounded number would drop the
/// others. The first call of a process counts.
pub fn flush_at(durations: u32, flush: fn()) {
    let _ = FULL.set((durations, flush));
}

/// To be called by what emptied the recorder.
pub fn flushed() {
    RECORDED.store(0, Ordering::Relaxed);
}

/// A number of things that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(&'static str);

/// A duration in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duration(&'static str);

/// Attempts that succeeded. A segment is counted when its attempt ends, which is before the control table has it: if the claim was
/// lost meanwhile, the attempt is counted once more than its outcome. The exact numbers are in the completion event.
pub const SEGMENTS_SUCCEEDED: Count = Count("SegmentsSucceeded");
/// Segments that failed for good, lost workers included.
pub const SEGMENTS_FAILED: Count = Count("SegmentsFailed");
/// Segments that were cancelled, counted when their execution completes.
pub const SEGMENTS_CANCELLED: Count = Count("SegmentsCancelled");
/// Attempts that failed and are tried again.
pub const SEGMENTS_RETRIED: Count = Count("SegmentsRetried");
/// Records and stream images that cannot be read.
pub const DEAD_LETTERS: Count = Count("DeadLetters");
/// Executions that ended SUCCEEDED.
pub const EXECUTIONS_SUCCEEDED: Count = Count("ExecutionsSucceeded");
/// Executions that ended FAILED.
pub const EXECUTIONS_FAILED: Count = Count("ExecutionsFailed");
/// Executions that ended CANCELLED.
pub const EXECUTIONS_CANCELLED: Count = Count("ExecutionsCancelled");
/// Executions that made no progress for as long as their policy says.
pub const EXECUTIONS_STALLED: Count = Count("ExecutionsStalled");
/// Records that the sweeper sent again.
pub const SWEEP_RECORDS_PUT: Count = Count("SweepRecordsPut");
/// Milliseconds that successful attempts took.
pub const SEGMENT_DURATION_MS: Duration = Duration("SegmentDurationMs");
/// Milliseconds from an execution's completion to its event.
pub const COMPLETION_LAG_MS: Duration = Duration("CompletionLagMs");

/// Every count.
pub const COUNTS: [Count; 10] = [
    SEGMENTS_SUCCEEDED,
    SEGMENTS_FAILED,
    SEGMENTS_CANCELLED,
    SEGMENTS_RETRIED,
    DEAD_LETTERS,
    EXECUTIONS_SUCCEEDED,
    EXECUTIONS_FAILED,
    EXECUTIONS_CANCELLED,
    EXECUTIONS_STALLED,
    SWEEP_RECORDS_PUT,
];

/// Every duration.
pub const DURATIONS: [Duration; 2] = [SEGMENT_DURATION_MS, COMPLETION_LAG_MS];

impl Count {
    /// Its name in CloudWatch.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }

    /// Adds to it. Zero is not counted.
    pub fn add(self, by: u64) {
        if by > 0 {
            metrics::counter!(self.0).increment(by);
        }
    }
}

impl Duration {
    /// Its name in CloudWatch.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }

    /// Records one.
    pub fn record(self, millis: u64) {
        if let Some((durations, flush)) = FULL.get()
            && RECORDED.fetch_add(1, Ordering::Relaxed) >= *durations
        {
            flush();
            RECORDED.store(1, Ordering::Relaxed);
        }
        metrics::histogram!(self.0).record(millis as f64);
    }
}
