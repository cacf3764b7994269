//! The metrics as lines of the log, in CloudWatch's embedded metric format.

use std::io::Write as _;
use std::sync::OnceLock;

use control_table::clock::{Clock as _, SystemClock};
use control_table::metric;
use metrics::Unit;
use metrics_cloudwatch_embedded::{Builder, Collector};

/// Where `infra/template.yaml` looks for them.
const NAMESPACE: &str = "ScatterGather";

/// The one dimension, so that two stacks of an account do not add up. A job would be another metric to pay for each.
const DIMENSION: &str = "Stack";

/// Lambda drops lines below the function's log level. It takes a line for INFO that has no level, or no RFC 3339 `timestamp`:
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-advanced.html>. Metrics must pass at every log level, so
/// their lines carry a timestamp and the highest level that Lambda knows.
const LEVEL: &str = "FATAL";

/// Values of one metric in one line: the format's limit.
const VALUES_MAX: u32 = 100;

/// The reason that there are no metrics.
pub(crate) type InstallError = Box<dyn std::error::Error + Send + Sync>;

/// Writes lines where Lambda reads them; another place in tests.
type Writer = fn(&[u8]) -> std::io::Result<()>;

static INSTALLED: OnceLock<(&'static Collector, Writer)> = OnceLock::new();

/// Makes a collector the recorder of the process.
pub(crate) fn install(stack: String, write: Writer) -> Result<(), InstallError> {
    let collector = Builder::new().cloudwatch_namespace(NAMESPACE).with_dimension(DIMENSION, stack).init()?;
    collector.set_property("level", LEVEL);
    for count in metric::COUNTS {
        metrics::describe_counter!(count.name(), Unit::Count, "");
    }
    for duration in metric::DURATIONS {
        metrics::describe_histogram!(duration.name(), Unit::Milliseconds, "");
    }
    let _ = INSTALLED.set((collector, write));
    metric::bound(VALUES_MAX, write_lines);
    Ok(())
}

/// Writes the values since the last call, in one piece: a log line in the middle would make both unreadable.
fn write_lines() {
    let Some((collector, write)) = INSTALLED.get() else { return };
    collector.set_property("timestamp", SystemClock.now().to_rfc3339());
    let mut lines = Vec::new();
    if let Err(error) = collector.flush(&mut lines).and_then(|()| write(&lines)) {
        tracing::error!(%error, "metrics are lost");
    }
}

/// Writes where Lambda reads.
pub(crate) fn to_stdout(lines: &[u8]) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(lines)?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use serde_json::{Value, json};

    use super::*;

    static WRITTEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

    #[expect(clippy::unnecessary_wraps, reason = "what writes elsewhere may fail")]
    fn write(lines: &[u8]) -> std::io::Result<()> {
        WRITTEN.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(lines);
        Ok(())
    }

    /// The process has one recorder, so its tests take turns.
    fn turn() -> MutexGuard<'static, ()> {
        static TURN: Mutex<()> = Mutex::new(());
        static ONCE: OnceLock<()> = OnceLock::new();
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        ONCE.get_or_init(|| install("nightly".to_owned(), write).unwrap());
        lines();
        turn
    }

    fn lines() -> Vec<Value> {
        metric::flush();
        let written = std::mem::take(&mut *WRITTEN.lock().unwrap_or_else(PoisonError::into_inner));
        String::from_utf8(written).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The metrics of a line, with their values; the line is checked to be what CloudWatch and Lambda want.
    fn values(line: &Value) -> BTreeMap<String, Value> {
        let aws = &line["_aws"];
        // Milliseconds, of this century.
        assert!(aws["Timestamp"].as_u64().unwrap() > 1_700_000_000_000, "{line}");
        let [directive] = aws["CloudWatchMetrics"].as_array().unwrap().as_slice() else { panic!("{line}") };
        assert_eq!((&directive["Namespace"], &directive["Dimensions"]), (&json!("ScatterGather"), &json!([["Stack"]])));
        assert_eq!((&line["Stack"], &line["level"]), (&json!("nightly"), &json!("FATAL")));
        // Without it Lambda's filter takes the line for INFO, and drops it at WARN.
        chrono::DateTime::parse_from_rfc3339(line["timestamp"].as_str().unwrap()).unwrap();
        let metrics = directive["Metrics"].as_array().unwrap();
        let named = metrics.iter().map(|metric| {
            let name = metric["Name"].as_str().unwrap();
            let unit = if name.ends_with("Ms") { "Milliseconds" } else { "Count" };
            assert_eq!(metric["Unit"], unit, "{name}");
            (name.to_owned(), line[name].clone())
        });
        named.collect()
    }

    #[test]
    fn a_line_holds_what_was_counted_since_the_last() {
        let _turn = turn();
        metric::EXECUTIONS_FAILED.add(1);
        metric::SEGMENTS_CANCELLED.add(7);
        metric::SEGMENTS_RETRIED.add(0);
        metric::COMPLETION_LAG_MS.record(250);
        let lines = lines();
        let [line] = lines.as_slice() else { panic!("one line: {lines:?}") };
        let expected = json!({"ExecutionsFailed": 1, "SegmentsCancelled": 7, "CompletionLagMs": [250.0]});
        assert_eq!(json!(values(line)), expected, "a count of zero is none");
        assert_eq!(super::tests::lines(), Vec::<Value>::new());
    }

    #[test]
    fn more_durations_than_a_line_holds_go_into_several() {
        let _turn = turn();
        for millis in 0..250 {
            metric::SEGMENTS_SUCCEEDED.add(1);
            metric::SEGMENT_DURATION_MS.record(millis);
        }
        let lines: Vec<_> = lines().iter().map(values).collect();
        let durations = lines.iter().flat_map(|line| line["SegmentDurationMs"].as_array().unwrap());
        let durations: Vec<f64> = durations.map(|value| value.as_f64().unwrap()).collect();
        assert_eq!(durations, (0..250).map(f64::from).collect::<Vec<_>>(), "none is lost");
        let counted: u64 = lines.iter().map(|line| line["SegmentsSucceeded"].as_u64().unwrap()).sum();
        assert_eq!(counted, 250);
        assert!(lines.iter().all(|line| line["SegmentDurationMs"].as_array().unwrap().len() <= 100));
    }
}
