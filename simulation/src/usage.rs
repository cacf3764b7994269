//! What a simulation has used, counted as a bill counts it; and how its executions got on.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use control_table::id::SegmentId;
use serde::Serialize;

/// What one function has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct FunctionUsage {
    /// Invocations that began.
    pub invocations: u64,
    /// Gigabyte-seconds.
    pub gb_seconds: f64,
    /// Invocations that ended with an error, or at their timeout.
    pub errors: u64,
    /// Invocations that were refused for want of concurrency.
    pub throttles: u64,
    /// New environments.
    pub cold_starts: u64,
    /// Invocations at the same time, at most.
    pub most_at_once: u64,
}

/// Everything that is charged, and the figures of a report.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usage {
    /// Write units of the table and its indexes.
    pub write_units: u64,
    /// Read units, in halves: an eventually consistent read of 4 KB is one half.
    pub half_read_units: u64,
    /// Requests to `DynamoDB`.
    pub table_requests: u64,
    /// Writes that were refused because they met a transaction.
    pub conflicts: u64,
    /// Requests that were refused for want of capacity.
    pub table_throttles: u64,
    /// Operations and reads that failed after every try.
    pub table_failures: u64,
    /// Records that the stream took, or messages that the queue took.
    pub puts: u64,
    /// Started 25 KB of the records.
    pub payload_units: u64,
    /// When the latest record was put, since the beginning.
    pub last_put: TimeDelta,
    /// The longest time between two puts.
    pub longest_put_gap: TimeDelta,
    /// Records that the stream refused for a while.
    pub refused_puts: u64,
    /// Records that expired before a worker got them.
    pub expired: u64,
    /// Batches that the mapping gave up on.
    pub given_up: u64,
    /// Requests to SQS.
    pub queue_requests: u64,
    /// Events on the bus.
    pub events: u64,
    /// By the function's name.
    pub functions: BTreeMap<&'static str, FunctionUsage>,
    /// Asynchronous invocations that Lambda gave up on.
    pub failed_requests: u64,
    /// Records that were put for each segment.
    pub puts_of: HashMap<SegmentId, u32>,
    /// Segments that were counted with an outcome.
    pub outcomes: u64,
    /// When the latest was counted, since the beginning.
    pub last_outcome: TimeDelta,
    /// The longest time between two of them.
    pub longest_gap: TimeDelta,
    /// The age of the oldest record that a worker got.
    pub oldest_record: TimeDelta,
}

impl Usage {
    /// The usage of a function.
    #[must_use]
    pub fn function(&self, name: &str) -> FunctionUsage {
        self.functions.get(name).copied().unwrap_or_default()
    }

    /// The invocations of all functions.
    #[must_use]
    pub fn invocations(&self) -> u64 {
        self.functions.values().map(|function| function.invocations).sum()
    }

    /// The most records that were put for one segment.
    #[must_use]
    pub fn most_puts(&self) -> u32 {
        self.puts_of.values().copied().max().unwrap_or(0)
    }

    /// Counts a put at a moment since the beginning. The wait for the first one counts as well.
    pub fn put(&mut self, segment: SegmentId, at: TimeDelta) {
        self.puts += 1;
        *self.puts_of.entry(segment).or_default() += 1;
        self.longest_put_gap = self.longest_put_gap.max(at - self.last_put);
        self.last_put = at;
    }

    /// Counts outcomes at a moment since the beginning.
    pub fn progress(&mut self, outcomes: u64, at: TimeDelta) {
        self.outcomes += outcomes;
        self.longest_gap = self.longest_gap.max(at - self.last_outcome);
        self.last_outcome = at;
    }
}

/// The usage of a simulation under way.
#[derive(Debug, Default)]
pub struct Meter {
    usage: Mutex<Usage>,
}

impl Meter {
    /// The usage, to read or to add to.
    pub fn lock(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds to the usage of a function.
    pub fn function(&self, name: &'static str, change: impl FnOnce(&mut FunctionUsage)) {
        change(self.lock().functions.entry(name).or_default());
    }
}
