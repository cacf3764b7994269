//! The metrics, as CloudWatch reads them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use control_table::id::ExecutionId;
use serde_json::{Value, json};
use system_tests::permissions::{AllCalls, gather_paths, standstill_path, worker_paths};
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;
use uuid::Uuid;

use super::*;

static WRITTEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

#[expect(clippy::unnecessary_wraps, reason = "what writes elsewhere may fail")]
fn write(lines: &[u8]) -> std::io::Result<()> {
    WRITTEN.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(lines);
    Ok(())
}

/// The process has one set of metrics, so its tests take turns.
struct Turn {
    telemetry: Telemetry,
    metrics: &'static Metrics,
    _alone: MutexGuard<'static, ()>,
}

impl Turn {
    fn new() -> Self {
        static INSTALLED: OnceLock<&'static Metrics> = OnceLock::new();
        static TURN: Mutex<()> = Mutex::new(());
        let alone = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let metrics = *INSTALLED.get_or_init(|| Metrics::install("nightly".to_owned(), write).unwrap());
        let turn = Self { telemetry: Telemetry { metrics: Some(metrics) }, metrics, _alone: alone };
        turn.lines();
        turn
    }

    /// What is written at the end of an invocation, with what was written before.
    fn lines(&self) -> Vec<Value> {
        self.telemetry.flush();
        let written = std::mem::take(&mut *WRITTEN.lock().unwrap());
        String::from_utf8(written).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The metrics of the one line that is written, with their values; it is checked to be what CloudWatch wants.
    fn line(&self) -> BTreeMap<String, Value> {
        let lines = self.lines();
        let [line] = lines.as_slice() else { panic!("one line: {lines:?}") };
        values(line)
    }
}

fn values(line: &Value) -> BTreeMap<String, Value> {
    let aws = &line["_aws"];
    // Milliseconds, of this century.
    assert!(aws["Timestamp"].as_u64().unwrap() > 1_700_000_000_000, "{line}");
    let [directive] = aws["CloudWatchMetrics"].as_array().unwrap().as_slice() else { panic!("{line}") };
    assert_eq!(directive["Namespace"], "ScatterGather");
    assert_eq!(directive["Dimensions"], json!([["Stack"]]));
    assert_eq!(line["Stack"], "nightly");
    let metrics = directive["Metrics"].as_array().unwrap();
    let named = metrics.iter().map(|metric| {
        let name = metric["Name"].as_str().unwrap();
        let unit = if name.ends_with("Ms") { "Milliseconds" } else { "Count" };
        assert_eq!(metric["Unit"], unit, "{name}");
        (name.to_owned(), line[name].clone())
    });
    let named: BTreeMap<String, Value> = named.collect();
    assert_eq!(line.as_object().unwrap().len(), named.len() + 2, "nothing but metrics and their stack: {line}");
    named
}

fn expected(values: &Value) -> BTreeMap<String, Value> {
    values.as_object().unwrap().clone().into_iter().collect()
}

fn completion(status: ExecutionStatus, cancelled: u64) -> CompletionEvent {
    let execution_id = ExecutionId::new(Uuid::from_u128(7));
    CompletionEvent {
        event_id: CompletionEvent::id(execution_id, 1),
        execution_id,
        job: "nightly".parse().unwrap(),
        key: "today".parse().unwrap(),
        generation: 1,
        status,
        segments: 10,
        succeeded: 10 - cancelled,
        failed: 0,
        cancelled,
        attempts: 10,
        item_count: 0,
        duration_ms: 0,
        counters: BTreeMap::new(),
        created_at: Timestamp::from_millis(1_000).to_datetime(),
        finished_at: Timestamp::from_millis(5_000).to_datetime(),
    }
}

#[test]
fn completions_count_by_their_status_with_the_time_until_their_event_was_out() {
    let turn = Turn::new();
    let now = Timestamp::from_millis(5_250);
    turn.telemetry.published(&completion(ExecutionStatus::Succeeded, 0), now);
    assert_eq!(turn.line(), expected(&json!({"ExecutionsSucceeded": 1, "CompletionLagMs": [250.0]})));

    turn.telemetry.published(&completion(ExecutionStatus::Failed, 0), now);
    turn.telemetry.published(&completion(ExecutionStatus::Cancelled, 3), now);
    turn.telemetry.published(&completion(ExecutionStatus::Cancelled, 4), now.plus(chrono::TimeDelta::milliseconds(1)));
    let both = json!({"ExecutionsFailed": 1, "ExecutionsCancelled": 2, "SegmentsCancelled": 7,
                      "CompletionLagMs": [250.0, 250.0, 251.0]});
    assert_eq!(turn.line(), expected(&both), "and nothing of the last invocation");
}

#[test]
fn nothing_is_written_where_nothing_happened() {
    let turn = Turn::new();
    turn.telemetry.swept(0, 0);
    assert_eq!(turn.lines(), Vec::<Value>::new());
    turn.telemetry.swept(3, 1);
    assert_eq!(turn.line(), expected(&json!({"SweepRecordsPut": 3, "SegmentsFailed": 1})));
}

#[test]
fn more_durations_than_a_line_holds_go_into_several() {
    let turn = Turn::new();
    for millis in 0..250 {
        turn.metrics.count(Metric::SegmentsSucceeded, 1);
        turn.metrics.observe(Metric::SegmentDurationMs, millis);
    }
    let lines: Vec<_> = turn.lines().iter().map(values).collect();
    let durations: Vec<f64> = lines
        .iter()
        .flat_map(|line| line["SegmentDurationMs"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()))
        .collect();
    assert_eq!(durations, (0..250).map(f64::from).collect::<Vec<_>>(), "none is lost");
    assert_eq!(lines.iter().map(|line| line["SegmentsSucceeded"].as_u64().unwrap()).sum::<u64>(), 250);
    assert!(lines.iter().all(|line| line["SegmentDurationMs"].as_array().unwrap().len() <= 100));
}

#[test]
fn events_count_by_their_crate_and_message_whatever_the_log_shows() {
    let turn = Turn::new();
    let logs = tracing_subscriber::EnvFilter::new("off");
    let silent = tracing_subscriber::fmt::layer().with_writer(std::io::sink).with_filter(logs);
    let subscriber = tracing_subscriber::registry().with(silent).with(events::layer(turn.metrics));
    tracing::subscriber::with_default(subscriber, || {
        tracing::debug!(target: "worker::record", items = 5, duration_ms = 12_u64, "succeeded");
        tracing::debug!(target: "worker::record", duration_ms = 13_u64, "succeeded");
        tracing::warn!(target: "worker::record", kind = "Permanent", "failed");
        tracing::warn!(target: "worker::record", kind = "Retryable", "failed, to be tried again");
        tracing::error!(target: "sweeper::execution", "is stalled");
        tracing::error!(target: "gather::handler", "an image cannot be read and is set aside");
        tracing::error!(target: "gather::handler", "it is not set aside yet: the stream will repeat it");
        tracing::debug!(target: "somebody::else", "succeeded");
        tracing::debug!(target: "worker::record", "counted");
    });
    let counted = json!({"SegmentsSucceeded": 2, "SegmentDurationMs": [12.0, 13.0], "SegmentsFailed": 1,
                         "SegmentsRetried": 1, "ExecutionsStalled": 1, "RecordsSetAside": 1});
    assert_eq!(turn.line(), expected(&counted));
}

/// Whoever words one of these events anew fails this test, and changes `events` with it.
#[tokio::test]
async fn the_functions_own_handlers_give_the_events_that_count() {
    let turn = Turn::new();
    let counting = tracing_subscriber::registry().with(events::layer(turn.metrics));
    let _counting = tracing::subscriber::set_default(counting);
    let calls = AllCalls::default();

    worker_paths(&calls).await;
    let mut of_worker = turn.line();
    let durations = of_worker.remove("SegmentDurationMs").unwrap();
    assert_eq!(durations.as_array().unwrap().len(), 5, "of those that succeeded: {durations}");
    let counted = json!({"SegmentsSucceeded": 5, "SegmentsFailed": 3, "SegmentsRetried": 3, "RecordsSetAside": 1});
    assert_eq!(of_worker, expected(&counted), "each once, though every record came twice");

    gather_paths(&calls).await;
    let of_gather: u64 = turn.lines().iter().filter_map(|line| line["RecordsSetAside"].as_u64()).sum();
    assert_eq!(of_gather, 1);

    standstill_path(&calls).await;
    assert_eq!(turn.line(), expected(&json!({"ExecutionsStalled": 1})), "a standstill is told once");
}

#[test]
fn without_a_stack_nothing_is_counted_and_that_is_no_error() {
    let none = Telemetry { metrics: None };
    none.published(&completion(ExecutionStatus::Failed, 0), Timestamp::EPOCH);
    none.swept(1, 1);
    none.flush();
    assert_eq!(Turn::new().lines(), Vec::<Value>::new());
}
