use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use aws_lambda_events::event::kinesis::KinesisEvent;
use aws_lambda_events::event::streams::KinesisEventResponse;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;
use tokio::task::JoinHandle;

use super::*;
use crate::embedded::{Backlog, EmbeddedKinesis};

const STREAM: &str = "segments";

impl KinesisHandler for Fake {
    async fn handle(&self, event: KinesisEvent, invocation: Invocation) -> Result<KinesisEventResponse, HandlerError> {
        let keys = event.records.iter().map(|record| record.kinesis.partition_key.clone()).collect();
        let failed = self.call(keys, invocation)?;
        let numbers = event.records.iter().filter(|record| failed.contains(&record.kinesis.partition_key));
        let mut response = KinesisEventResponse::default();
        response.set_failures(numbers.map(|record| record.kinesis.sequence_number.clone()));
        Ok(response)
    }
}

fn settings(parallelization_factor: usize, batch_size: usize) -> KinesisSettings {
    KinesisSettings { batch_size, parallelization_factor, retries: RETRIES, timeout: PATIENCE }
}

struct Running {
    kinesis: EmbeddedKinesis,
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

impl Running {
    async fn start<H: KinesisHandler>(
        shards: u16,
        handler: Arc<H>,
        settings: KinesisSettings,
        change: impl FnOnce(KinesisMapping<H>) -> KinesisMapping<H>,
    ) -> Self {
        let kinesis = EmbeddedKinesis::start(Backlog::default());
        let shards = kinesis.create_stream(STREAM, shards).await.expect("a stream");
        let shutdown = Shutdown::new();
        let mapping = change(KinesisMapping::new(&kinesis, handler, settings, host(&shutdown)));
        let task = tokio::spawn(mapping.run(shards));
        Self { kinesis, shutdown, task }
    }

    async fn put(&self, keys: impl IntoIterator<Item = String>) {
        let record = |key: String| {
            PutRecordsRequestEntry::builder().partition_key(key).data(Blob::new("spec")).build().expect("complete")
        };
        let records = keys.into_iter().map(record).collect();
        let put = self.kinesis.client().put_records().stream_name(STREAM).set_records(Some(records));
        assert_eq!(put.send().await.expect("an answer").failed_record_count(), Some(0));
    }

    async fn stop(self) {
        self.shutdown.request();
        tokio::time::timeout(PATIENCE, self.task).await.expect("in time").expect("no panic");
    }
}

fn keys(range: std::ops::Range<u32>) -> impl Iterator<Item = String> {
    range.map(|n| n.to_string())
}

#[tokio::test]
async fn every_record_is_handled_once_and_none_is_kept() {
    let (handler, mut notes) = Fake::new(|_, _| Ok(Vec::new()));
    let running = Running::start(2, handler, settings(10, 3), |mapping| mapping).await;
    for block in 0..4 {
        running.put(keys(block * 500..(block + 1) * 500)).await;
    }
    let mut seen: HashMap<String, u32> = HashMap::new();
    while seen.len() < 2_000 {
        for key in next(&mut notes).await {
            *seen.entry(key).or_default() += 1;
        }
    }
    assert!(seen.values().all(|count| *count == 1));
    let kinesis = running.kinesis.clone();
    eventually("nothing is kept", || kinesis.waiting() == 0).await;
    running.stop().await;
    assert!(notes.try_recv().is_err(), "and nothing came twice");
}

#[tokio::test]
async fn an_event_has_the_shape_that_lambda_gives_it() {
    struct Keep(Mutex<Option<KinesisEvent>>);
    impl KinesisHandler for Keep {
        async fn handle(&self, event: KinesisEvent, _: Invocation) -> Result<KinesisEventResponse, HandlerError> {
            *self.0.lock().expect("no panic") = Some(event);
            Ok(KinesisEventResponse::default())
        }
    }
    let handler = Arc::new(Keep(Mutex::new(None)));
    let running = Running::start(1, Arc::clone(&handler), settings(1, 1), |mapping| mapping).await;
    running.put(["a".to_owned()]).await;
    eventually("an event", || handler.0.lock().is_ok_and(|event| event.is_some())).await;
    let event = handler.0.lock().expect("no panic").take().expect("an event");
    let record = &event.records[0];
    let id = record.event_id.as_deref().expect("an id");
    assert_eq!(id, format!("shardId-000000000000:{}", record.kinesis.sequence_number));
    assert_eq!(record.event_source.as_deref(), Some("aws:kinesis"));
    assert_eq!(record.event_source_arn.as_deref(), Some("arn:aws:kinesis:us-east-1:000000000000:stream/segments"));
    assert_eq!(record.kinesis.partition_key, "a");
    assert_eq!(record.kinesis.data.as_slice(), b"spec");
    assert!(record.kinesis.approximate_arrival_timestamp.timestamp() > 0);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_an_error_and_an_item_that_failed_are_repeated() {
    let (handler, mut notes) = Fake::new(|keys, call| match call {
        0 => panic!("a panic of the handler's"),
        1 => Err("an error of the handler's".into()),
        2 => Ok(vec![keys[0].clone()]),
        _ => Ok(Vec::new()),
    });
    let retries = RetryPolicy { attempts_max: Some(3), ..RETRIES };
    let running = Running::start(1, handler, KinesisSettings { retries, ..settings(1, 1) }, |mapping| mapping).await;
    running.put(["a".to_owned()]).await;
    for _ in 0..4 {
        assert_eq!(next(&mut notes).await, ["a"]);
    }
    let kinesis = running.kinesis.clone();
    eventually("it is done", || kinesis.waiting() == 0).await;
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_record_that_fails_too_often_is_given_up_and_the_lane_continues() {
    let (handler, mut notes) =
        Fake::new(|keys, _| if keys == ["bad"] { Err("it is bad".into()) } else { Ok(Vec::new()) });
    let running = Running::start(1, handler, settings(1, 1), |mapping| mapping).await;
    running.put(["bad".to_owned(), "good".to_owned()]).await;
    for _ in 0..3 {
        assert_eq!(next(&mut notes).await, ["bad"]);
    }
    assert_eq!(next(&mut notes).await, ["good"]);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_invocation_that_overruns_its_timeout_is_ended_and_repeated() {
    struct Slow(mpsc::UnboundedSender<Invocation>);
    impl KinesisHandler for Slow {
        async fn handle(&self, _: KinesisEvent, call: Invocation) -> Result<KinesisEventResponse, HandlerError> {
            drop(self.0.send(call));
            std::future::pending().await
        }
    }
    let (sender, mut calls) = mpsc::unbounded_channel();
    let quick = KinesisSettings { timeout: Duration::from_secs(5), ..settings(1, 1) };
    let running = Running::start(1, Arc::new(Slow(sender)), quick, |mapping| mapping).await;
    running.put(["a".to_owned()]).await;
    let first = calls.recv().await.expect("a call");
    let second = calls.recv().await.expect("another call");
    assert_ne!(first.request_id, second.request_id);
    assert_eq!(first.deadline.timestamp(), 5, "the timeout after the host's present moment");
    running.task.abort();
}

/// A handler that counts how many of its calls run at once, and holds each until it is let go.
struct Gauge {
    now: AtomicUsize,
    most: AtomicUsize,
    go: tokio::sync::Semaphore,
}

impl KinesisHandler for Gauge {
    async fn handle(&self, _: KinesisEvent, _: Invocation) -> Result<KinesisEventResponse, HandlerError> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        self.go.acquire().await?.forget();
        self.now.fetch_sub(1, Ordering::SeqCst);
        Ok(KinesisEventResponse::default())
    }
}

impl Gauge {
    fn new() -> Arc<Self> {
        Arc::new(Self { now: AtomicUsize::new(0), most: AtomicUsize::new(0), go: tokio::sync::Semaphore::new(0) })
    }
}

#[tokio::test]
async fn lanes_run_at_once_but_never_more_than_the_workers() {
    let gauge = Gauge::new();
    let running = Running::start(1, Arc::clone(&gauge), settings(10, 1), |mapping| mapping.workers(3)).await;
    running.put(keys(0..50)).await;
    eventually("three at once", || gauge.now.load(Ordering::SeqCst) == 3).await;
    gauge.go.add_permits(50);
    let kinesis = running.kinesis.clone();
    eventually("all done", || kinesis.waiting() == 0).await;
    assert_eq!(gauge.most.load(Ordering::SeqCst), 3);
    running.stop().await;
}

#[tokio::test]
async fn a_stop_lets_what_runs_finish_and_starts_nothing_new() {
    let gauge = Gauge::new();
    let running = Running::start(1, Arc::clone(&gauge), settings(1, 1), |mapping| mapping).await;
    running.put(keys(0..5)).await;
    eventually("one runs", || gauge.now.load(Ordering::SeqCst) == 1).await;
    running.shutdown.request();
    gauge.go.add_permits(5);
    let kinesis = running.kinesis.clone();
    running.stop().await;
    assert_eq!(kinesis.waiting(), 4, "the one that ran is done, the others are left");
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_what_does_not_finish_in_its_grace() {
    let gauge = Gauge::new();
    let running =
        Running::start(1, Arc::clone(&gauge), KinesisSettings { timeout: Duration::MAX, ..settings(1, 1) }, |m| m)
            .await;
    running.put(keys(0..1)).await;
    eventually("one runs", || gauge.now.load(Ordering::SeqCst) == 1).await;
    running.shutdown.request();
    tokio::time::timeout(PATIENCE * 2, running.task).await.expect("after the grace").expect("no panic");
    assert_eq!(running.kinesis.waiting(), 1, "it is left as it was");
}
