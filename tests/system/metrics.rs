//! The code that causes a value records it: what the functions count, through the `metrics` facade.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use control_table::metric::{COUNTS, DURATIONS};
use functions::handlers::work_stream;
use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use runtime::SegmentError;
use test_support::template;

use crate::gather::world::World;
use crate::worker::support::{Calls, DONE, Run, counting, event, failing};

/// Keeps a sum for each count, and the number of values for each duration.
#[derive(Clone, Default)]
struct Recorded(Arc<Mutex<BTreeMap<String, u64>>>);

struct Named(Recorded, String);

impl Named {
    fn add(&self, by: u64) {
        *self.0.0.lock().unwrap().entry(self.1.clone()).or_default() += by;
    }
}

impl CounterFn for Named {
    fn increment(&self, by: u64) {
        self.add(by);
    }

    fn absolute(&self, _: u64) {
        panic!("{} is set, not counted", self.1);
    }
}

impl HistogramFn for Named {
    fn record(&self, _: f64) {
        self.add(1);
    }
}

impl Recorder for Recorded {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Arc::new(Named(self.clone(), key.name().to_owned())).into()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        panic!("a gauge: {key}")
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Arc::new(Named(self.clone(), key.name().to_owned())).into()
    }
}

impl Recorded {
    fn take(&self) -> Vec<(String, u64)> {
        std::mem::take(&mut *self.0.lock().unwrap()).into_iter().collect()
    }
}

fn named(counts: &[(&str, u64)]) -> Vec<(String, u64)> {
    counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[tokio::test]
async fn a_worker_counts_each_end_of_an_attempt() {
    let recorded = Recorded::default();
    let _here = metrics::set_default_local_recorder(&recorded);

    let run = Run::new().await;
    assert_eq!(run.hand(&run.worker(counting(&Calls::default())), 0, "1").await, DONE);
    assert_eq!(recorded.take(), named(&[("SegmentDurationMs", 1), ("SegmentsSucceeded", 1)]));
    // A repeated record finds the outcome, and adds nothing.
    assert_eq!(run.hand(&run.worker(counting(&Calls::default())), 0, "1").await, DONE);
    assert_eq!(recorded.take(), []);
    assert_eq!(run.hand(&run.worker(failing(SegmentError::retryable("busy"))), 1, "2").await, DONE);
    assert_eq!(recorded.take(), named(&[("SegmentsRetried", 1)]));

    let run = Run::new().await;
    let worker = run.worker(failing(SegmentError::permanent("gone")));
    assert_eq!(run.hand(&worker, 1, "3").await, DONE);
    assert_eq!(recorded.take(), named(&[("SegmentsFailed", 1)]));
    let _ = work_stream(&worker, event(&[("4", b"no record")]), run.invocation()).await;
    assert_eq!(recorded.take(), named(&[("DeadLetters", 1)]));
}

#[tokio::test]
async fn gather_counts_a_completion_and_its_lag() {
    let recorded = Recorded::default();
    let _here = metrics::set_default_local_recorder(&recorded);
    let world = World::new().await;
    let id = world.done(&[1]).await;
    let images = [world.tally_image(id, 0).await, world.execution_image(id).await];
    world.hear(&images).await;
    assert_eq!(recorded.take(), named(&[("CompletionLagMs", 1), ("ExecutionsSucceeded", 1)]));
}

/// A graph or an alarm of a metric that no code records would stay empty for ever.
#[test]
fn the_template_shows_only_metrics_that_are_recorded() {
    let known: Vec<&str> =
        COUNTS.iter().map(|count| count.name()).chain(DURATIONS.iter().map(|duration| duration.name())).collect();
    let template = template();
    let resources = template["Resources"].as_object().unwrap();
    let alarms = resources.values().map(|resource| &resource["Properties"]);
    let alarms =
        alarms.filter(|alarm| alarm["Namespace"] == "ScatterGather").filter_map(|alarm| alarm["MetricName"].as_str());
    let dashboard = template.to_string();
    let graphs = dashboard.split("\\\"ScatterGather\\\", \\\"").skip(1).filter_map(|rest| rest.split('\\').next());
    let shown: Vec<&str> = alarms.chain(graphs).collect();
    assert!(shown.len() >= 6, "the alarms and the dashboard show {shown:?}");
    for name in shown {
        assert!(known.contains(&name), "the template shows {name}, which no function records");
    }
}
