//! The trace that a record brings: in the logs, and for the work.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use control_table::message::SegmentRecord;
use runtime::{Context, Output, Segment, work};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber, subscriber};

use super::support::{DONE, Run, Spec, TRACE, counting};

/// The fields of the spans of segments.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<(String, String)>>>);

impl Spans {
    fn trace_ids(&self) -> Vec<String> {
        let fields = self.0.lock().unwrap();
        fields.iter().filter(|(name, _)| name == "trace_id").map(|(_, value)| value.clone()).collect()
    }
}

impl Visit for Spans {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.lock().unwrap().push((field.name().to_owned(), format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.lock().unwrap().push((field.name().to_owned(), value.to_owned()));
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span()
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        if span.metadata().name() == "segment" {
            span.record(&mut self.clone());
        }
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn the_lines_of_a_segment_have_its_id_and_those_of_one_without_have_none() {
    let run = Run::new().await;
    let worker = run.worker(counting(&super::support::Calls::default()));
    let spans = Spans::default();
    let _guard = subscriber::set_default(spans.clone());
    // A test beside this one may have met the span for the first time in the same instant, when nothing listened to it yet.
    tracing::callsite::rebuild_interest_cache();
    assert_eq!(run.hand(&worker, 0, "1").await, DONE);
    assert_eq!(spans.trace_ids(), ["1-5759e988-bd862e3fe1be46a994272793"]);
    let untraced = SegmentRecord { trace: None, ..run.record(1) };
    assert_eq!(run.hand_record(&worker, &untraced, "2").await, DONE);
    assert_eq!(spans.trace_ids().len(), 1);
}

#[tokio::test]
async fn the_work_is_told_of_it() {
    let run = Run::new().await;
    let worker = run.worker(work(|segment: Segment<Spec>, context: Context| async move {
        let told = context.trace.map(|trace| trace.as_str().to_owned());
        Ok(Output::items(segment.spec.rows).result(serde_json::json!(told)))
    }));
    assert_eq!(run.hand(&worker, 0, "1").await, DONE);
    assert_eq!(run.segment(0).await.result, Some(serde_json::json!(TRACE)));
}
