//! Executions whose records travel through an SQS queue and its event source mapping.

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use chrono::{DateTime, TimeDelta, Utc};
use control_table::clock::{Clock as _, Entropy, SystemClock, Timestamp};
use control_table::rows::{ExecutionRow, ExecutionStatus, SegmentStatus};
use emulator::Shutdown;
use emulator::embedded::{EmbeddedSqs, QueueSettings};
use emulator::event_source::{HandlerError, Host, Invocation, SqsHandler, SqsMapping, SqsSettings};
use engine::StreamPosition as _;
use engine::scatter::ScatterAnswer;
use functions::SqsDispatcher;
use functions::handlers::WorkerHandler;
use functions::sqs::{SqsPosition, Visibility};
use runtime::{Context, Output, Segment, SegmentError, Work, work};
use serde_json::{Value, json};
use test_support::{Parts, RawEvents, Requests, WAIT, assert_invariants, dynamodb_event};
use tokio::task::JoinHandle;

const PATIENT: QueueSettings = QueueSettings { visibility_timeout: Duration::from_mins(90), receives_max: 20 };

/// The worker function behind the mapping.
struct Function(WorkerHandler);

impl SqsHandler for Function {
    async fn handle(&self, event: SqsEvent, invocation: Invocation) -> Result<SqsBatchResponse, HandlerError> {
        let Invocation { request_id, deadline } = invocation;
        let answer = self.0.handle(serde_json::to_value(event)?, runtime::Invocation { request_id, deadline }).await?;
        Ok(serde_json::from_value(answer)?)
    }
}

/// A stack on a queue; gather is invoked by hand.
struct Stack {
    parts: Parts,
    sqs: EmbeddedSqs,
    entropy: Arc<Entropy>,
    shutdown: Shutdown,
}

impl Stack {
    async fn new(settings: QueueSettings) -> Self {
        let (parts, sqs) = (Parts::new().await, EmbeddedSqs::start(settings));
        Self { parts, sqs, entropy: Arc::new(Entropy::from_seed(7)), shutdown: Shutdown::new() }
    }

    async fn scatter(&self, segments: u64) -> ScatterAnswer {
        let dispatcher = SqsDispatcher::new(self.sqs.client(), &self.sqs.queue_url(), Arc::clone(&self.entropy));
        let event = json!({"job": "queued", "source": {"type": "range", "from": 0, "to": segments, "size": 1}});
        let engine = self.parts.engine_with(Arc::new(dispatcher));
        engine.handle(event, "request", DateTime::<Utc>::MAX_UTC).await.unwrap()
    }

    fn handler(&self, work: Arc<dyn Work>, visibility: Option<Visibility>) -> Function {
        Function(WorkerHandler::new(self.parts.worker(&Requests::default(), work), visibility))
    }

    fn visibility(&self) -> Visibility {
        Visibility::new(self.sqs.client(), &self.sqs.queue_url(), Arc::clone(&self.entropy))
    }

    fn map(&self, function: Function, timeout: Duration) -> JoinHandle<()> {
        let entropy = Arc::clone(&self.entropy);
        let host = Host::new(|| SystemClock.now(), move || entropy.nonce(), self.shutdown.signal(), WAIT);
        let settings = SqsSettings { batch_size: 10, maximum_concurrency: 4, timeout };
        tokio::spawn(SqsMapping::new(&self.sqs, Arc::new(function), settings, host).run())
    }

    /// Waits until the queue is empty, dead letters apart.
    async fn drained(&self) {
        let empty = async {
            while self.sqs.counts() != (0, 0) {
                tokio::time::sleep(Duration::from_millis(5)).await; // sleeps because the queue has no other sign of its end
            }
        };
        tokio::time::timeout(WAIT, empty).await.unwrap();
    }

    async fn gather(&self, answer: &ScatterAnswer) -> ExecutionRow {
        let records = self.parts.news().read().await;
        let response = self.parts.gather(&Requests::default(), 0).handle(dynamodb_event(&records)).await;
        assert!(response.batch_item_failures.is_empty(), "{response:?}");
        assert_invariants(&self.parts.table, self.parts.dir.path(), answer.execution_id).await;
        self.parts.table.execution(answer.execution_id).await.unwrap().unwrap()
    }
}

fn counting() -> Arc<dyn Work> {
    work(|_: Segment<Value>, _: Context| async { Ok(Output::items(1)) })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_on_a_queue_completes_and_leaves_the_queue_empty() {
    let stack = Stack::new(PATIENT).await;
    let answer = stack.scatter(300).await;
    assert_eq!(stack.sqs.counts(), (300, 0));
    let mapping = stack.map(stack.handler(counting(), Some(stack.visibility())), Duration::from_mins(1));
    stack.drained().await;
    stack.shutdown.request();
    mapping.await.unwrap();
    let execution = stack.gather(&answer).await;
    assert_eq!((execution.status, execution.succeeded, execution.failed), (ExecutionStatus::Succeeded, 300, 0));
    assert_eq!(stack.sqs.dead_letters(), [""; 0]);
}

/// The worker's process ends in the middle of an attempt; its message comes again, and takes the segment back at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_worker_that_died_takes_its_segment_back() {
    let stack = Stack::new(QueueSettings { visibility_timeout: Duration::from_millis(300), receives_max: 20 }).await;
    let answer = stack.scatter(1).await;
    let dies_once = work(|_: Segment<Value>, context: Context| async move {
        if context.attempt == 1 {
            std::future::pending::<()>().await;
        }
        Ok::<_, SegmentError>(Output::items(1))
    });
    // The handler gets a deadline of a minute, so that it does not end the attempt itself; its call is ended long before.
    let dying = stack.sqs.receive(10);
    let event = emulator::event_source::sqs::event(&stack.sqs, &dying);
    let invocation = Invocation { request_id: "dies".to_owned(), deadline: SystemClock.now() + Duration::from_mins(1) };
    let handler = stack.handler(dies_once.clone(), None);
    tokio::time::timeout(Duration::from_millis(200), handler.handle(event, invocation)).await.unwrap_err();
    let segment = answer.execution_id.segment(0);
    let row = stack.parts.table.segment(segment).await.unwrap().unwrap();
    assert_eq!((row.status, row.attempt), (SegmentStatus::Running, 1));

    let mapping = stack.map(stack.handler(dies_once, None), Duration::from_mins(1));
    stack.drained().await;
    stack.shutdown.request();
    mapping.await.unwrap();
    let row = stack.parts.table.segment(segment).await.unwrap().unwrap();
    assert_eq!((row.status, row.attempt), (SegmentStatus::Succeeded, 2));
    assert_eq!(stack.gather(&answer).await.status, ExecutionStatus::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_control_table_never_takes_is_a_dead_letter_that_can_be_moved_back() {
    let stack = Stack::new(QueueSettings { visibility_timeout: Duration::from_millis(1), receives_max: 3 }).await;
    let answer = stack.scatter(2).await;
    let worker = stack.parts.worker_without_table(counting());
    let mapping = stack.map(Function(WorkerHandler::new(worker, None)), Duration::from_mins(1));
    stack.drained().await;
    stack.shutdown.request();
    mapping.await.unwrap();
    let dead = stack.sqs.dead_letters();
    assert_eq!(dead.len(), 2);

    // The operator moves them back when the table is in reach again.
    let stack = Stack { shutdown: Shutdown::new(), ..stack };
    for body in &dead {
        let message = stack.sqs.client().send_message_batch().queue_url(stack.sqs.queue_url());
        let entry = aws_sdk_sqs::types::SendMessageBatchRequestEntry::builder().id("0").message_body(body);
        message.entries(entry.build().unwrap()).send().await.unwrap();
    }
    let mapping = stack.map(stack.handler(counting(), None), Duration::from_mins(1));
    stack.drained().await;
    stack.shutdown.request();
    mapping.await.unwrap();
    assert_eq!(stack.gather(&answer).await.succeeded, 2);
}

/// Without it the message would come again after the queue's 90 minutes.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_could_not_be_worked_comes_again_after_seconds() {
    let stack = Stack::new(PATIENT).await;
    stack.scatter(3).await;
    let messages = stack.sqs.receive(10);
    let event = emulator::event_source::sqs::event(&stack.sqs, &messages);
    // No time is left, so nothing is worked.
    let invocation = Invocation { request_id: "late".to_owned(), deadline: SystemClock.now() };
    let function = stack.handler(counting(), Some(stack.visibility()));
    let response = function.handle(event, invocation).await.unwrap();
    assert_eq!(response.batch_item_failures.len(), 3);
    assert!(stack.sqs.next_visible_in().is_some_and(|wait| wait <= Duration::from_secs(5)), "the backoff's first wait");
}

/// A message that is hidden is with a worker, so its record is not lost.
#[tokio::test(flavor = "multi_thread")]
async fn records_are_gone_only_when_the_queue_is_empty_or_its_retention_is_over() {
    let stack = Stack::new(PATIENT).await;
    let position = SqsPosition::new(stack.sqs.client(), &stack.sqs.queue_url());
    let now = Timestamp::EPOCH.plus(TimeDelta::days(100));
    let until = async || now.to_datetime() - position.read_until(now).await.unwrap().to_datetime();
    assert_eq!(until().await, TimeDelta::minutes(2), "an empty queue");
    stack.scatter(1).await;
    assert_eq!(until().await, TimeDelta::days(14), "a message waits");
    let messages = stack.sqs.receive(10);
    assert_eq!(until().await, TimeDelta::days(14), "a worker has it");
    stack.sqs.delete(messages.iter().map(|message| message.receipt_handle.as_str()));
    assert_eq!(until().await, TimeDelta::minutes(2), "it is done");
}
