//! Which events of the functions count in which metric.
//!
//! An event is known by its crate and its message. This crate's tests have the functions' own handlers give each of them, so
//! that a message that is worded anew is noticed there and not by an alarm that stays silent.

use std::fmt::Debug;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::emf::{Metric, Metrics};

/// The most detailed events that count, of each crate.
const COUNTED: [(&str, Level); 3] = [("worker", Level::DEBUG), ("gather", Level::ERROR), ("sweeper", Level::ERROR)];

/// Counts in these metrics what the functions log.
pub(crate) fn layer<S>(metrics: &'static Metrics) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    Counting { metrics }.with_filter(Targets::new().with_targets(COUNTED))
}

struct Counting {
    metrics: &'static Metrics,
}

impl<S: Subscriber> Layer<S> for Counting {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut seen = Seen::default();
        event.record(&mut seen);
        let target = event.metadata().target();
        let by = target.split_once("::").map_or(target, |(by, _)| by);
        if let Some(metric) = metric(by, &seen.message) {
            self.metrics.count(metric, 1);
            if let (Metric::SegmentsSucceeded, Some(millis)) = (metric, seen.duration_ms) {
                self.metrics.observe(Metric::SegmentDurationMs, millis);
            }
        }
    }
}

/// The metric that an event of that crate counts in.
///
/// A segment is counted when its attempt ends, which is before the control table has it: if the table is out of reach then,
/// or the claim was lost meanwhile, the attempt is counted once more than its outcome. The exact numbers are those of the
/// completion event.
fn metric(by: &str, message: &str) -> Option<Metric> {
    match (by, message) {
        ("worker", "succeeded") => Some(Metric::SegmentsSucceeded),
        ("worker", "failed") => Some(Metric::SegmentsFailed),
        ("worker", "failed, to be tried again") => Some(Metric::SegmentsRetried),
        ("sweeper", "is stalled") => Some(Metric::ExecutionsStalled),
        ("worker" | "gather", message) if message.contains(" is set aside") => Some(Metric::RecordsSetAside),
        _ => None,
    }
}

/// What of an event decides.
#[derive(Default)]
struct Seen {
    message: String,
    duration_ms: Option<u64>,
}

impl Visit for Seen {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "duration_ms" {
            self.duration_ms = Some(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}
