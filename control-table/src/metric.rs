//! The metrics, by their names in CloudWatch. The code that causes a value records it, through the `metrics` facade; without a
//! recorder, recording does nothing.

use std::sync::{Mutex, PoisonError};

/// A recorder that holds a bounded number of durations.
struct Bounded {
    /// Durations recorded since the last flush.
    recorded: u32,
    /// The durations it holds, and what empties it.
    bound: Option<(u32, fn())>,
}

/// One lock for recording and flushing: a duration that is recorded during a flush would be lost or go over the bound.
static BOUNDED: Mutex<Bounded> = Mutex::new(Bounded { recorded: 0, bound: None });

/// Calls `empty` before the recorder holds more than `durations`: it would drop the others.
pub fn bound(durations: u32, empty: fn()) {
    BOUNDED.lock().unwrap_or_else(PoisonError::into_inner).bound = Some((durations, empty));
}

/// Empties the recorder.
pub fn flush() {
    BOUNDED.lock().unwrap_or_else(PoisonError::into_inner).empty();
}

impl Bounded {
    fn empty(&mut self) {
        if let Some((_, empty)) = self.bound {
            empty();
        }
        self.recorded = 0;
    }

    fn is_full(&self) -> bool {
        self.bound.is_some_and(|(durations, _)| self.recorded >= durations)
    }
}

/// A counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(&'static str);

/// A duration in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duration(&'static str);

/// Segments that succeeded, counted by the worker when the control table has the outcome. A worker that dies in between does not
/// count; the exact numbers are in the completion event.
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
/// Executions that made no progress for as long as their policy allows.
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
        let mut bounded = BOUNDED.lock().unwrap_or_else(PoisonError::into_inner);
        if bounded.is_full() {
            bounded.empty();
        }
        bounded.recorded = bounded.recorded.saturating_add(1);
        metrics::histogram!(self.0).record(millis as f64);
    }
}
