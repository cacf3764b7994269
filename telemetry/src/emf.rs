//! The metrics, and when they are written.

use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use metrics::Unit;
use metrics_cloudwatch_embedded::{Builder, Collector};

/// Where `infra/template.yaml` looks for them.
const NAMESPACE: &str = "ScatterGather";

/// The one dimension, so that two stacks of an account do not add up. A job would be another metric to pay for each.
const DIMENSION: &str = "Stack";

/// Values of one metric in one line: the format's limit.
const VALUES_MAX: u32 = 100;

/// Whatever made it impossible to have metrics.
pub(crate) type InstallError = Box<dyn std::error::Error + Send + Sync>;

/// A metric, by the name it has in CloudWatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metric {
    SegmentsSucceeded,
    SegmentsFailed,
    SegmentsCancelled,
    SegmentsRetried,
    SegmentDurationMs,
    RecordsSetAside,
    ExecutionsSucceeded,
    ExecutionsFailed,
    ExecutionsCancelled,
    ExecutionsStalled,
    CompletionLagMs,
    SweepRecordsPut,
}

impl Metric {
    const COUNTS: [Self; 10] = [
        Self::SegmentsSucceeded,
        Self::SegmentsFailed,
        Self::SegmentsCancelled,
        Self::SegmentsRetried,
        Self::RecordsSetAside,
        Self::ExecutionsSucceeded,
        Self::ExecutionsFailed,
        Self::ExecutionsCancelled,
        Self::ExecutionsStalled,
        Self::SweepRecordsPut,
    ];
    const DURATIONS: [Self; 2] = [Self::SegmentDurationMs, Self::CompletionLagMs];

    const fn name(self) -> &'static str {
        match self {
            Self::SegmentsSucceeded => "SegmentsSucceeded",
            Self::SegmentsFailed => "SegmentsFailed",
            Self::SegmentsCancelled => "SegmentsCancelled",
            Self::SegmentsRetried => "SegmentsRetried",
            Self::SegmentDurationMs => "SegmentDurationMs",
            Self::RecordsSetAside => "RecordsSetAside",
            Self::ExecutionsSucceeded => "ExecutionsSucceeded",
            Self::ExecutionsFailed => "ExecutionsFailed",
            Self::ExecutionsCancelled => "ExecutionsCancelled",
            Self::ExecutionsStalled => "ExecutionsStalled",
            Self::CompletionLagMs => "CompletionLagMs",
            Self::SweepRecordsPut => "SweepRecordsPut",
        }
    }
}

/// Counts, and writes what it counted.
pub(crate) struct Metrics {
    collector: &'static Collector,
    write: fn(&[u8]) -> std::io::Result<()>,
    /// Values that wait to be written, of all durations together.
    waiting: Mutex<u32>,
}

impl Metrics {
    /// Makes these the metrics of the process. There can be one of them; it lives as long as the process does.
    pub fn install(stack: String, write: fn(&[u8]) -> std::io::Result<()>) -> Result<&'static Self, InstallError> {
        let collector = Builder::new().cloudwatch_namespace(NAMESPACE).with_dimension(DIMENSION, stack).init()?;
        for metric in Metric::COUNTS {
            metrics::describe_counter!(metric.name(), Unit::Count, "");
        }
        for metric in Metric::DURATIONS {
            metrics::describe_histogram!(metric.name(), Unit::Milliseconds, "");
        }
        Ok(Box::leak(Box::new(Self { collector, write, waiting: Mutex::default() })))
    }

    /// Adds to a count. One that stays zero is not written.
    #[expect(clippy::unused_self, reason = "whoever counts has metrics installed")]
    pub fn count(&self, metric: Metric, by: u64) {
        metrics::counter!(metric.name()).increment(by);
    }

    /// Notes a duration. The collector drops a value that no longer fits into a line, so it is emptied before that.
    pub fn observe(&self, metric: Metric, millis: u64) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if *waiting >= VALUES_MAX {
            self.empty(&mut waiting);
        }
        *waiting += 1;
        metrics::histogram!(metric.name()).record(millis as f64);
    }

    /// Writes what was counted since the last time.
    pub fn flush(&self) {
        self.empty(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// In one piece, because a line of the log in the middle of it would make both of them unreadable.
    fn empty(&self, waiting: &mut u32) {
        let mut lines = Vec::new();
        let written = self.collector.flush(&mut lines).and_then(|()| (self.write)(&lines));
        if let Err(error) = written {
            tracing::error!(%error, "metrics are lost");
        }
        *waiting = 0;
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Writes where Lambda reads.
pub(crate) fn to_stdout(lines: &[u8]) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(lines)?;
    stdout.flush()
}
