use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use control_table::id::ExecutionId;
use control_table::policy::Policy;
use serde_json::{Value, json};

use super::batch::{MAX_BYTES, MAX_MESSAGES};
use super::*;

const QUEUE: &str = "https://sqs.us-east-1.amazonaws.com/111122223333/segments";

/// SQS as a script: what it answers, request by request; after the last line it takes everything.
#[derive(Debug, Clone, Default)]
struct Script(Arc<Mutex<Scene>>);

#[derive(Debug, Default)]
struct Scene {
    answers: VecDeque<Answer>,
    /// The entries of each request.
    requests: Vec<Vec<Value>>,
}

#[derive(Debug, Clone)]
enum Answer {
    /// Takes all but the entries with these places in the request, which it refuses with that code, as its own or the sender's fault.
    Without(Vec<usize>, &'static str, bool),
    /// Refuses the request with that status and code.
    Error(u16, &'static str),
}

impl Script {
    fn of(answers: impl IntoIterator<Item = Answer>) -> Self {
        let scene = Scene { answers: answers.into_iter().collect(), requests: Vec::new() };
        Self(Arc::new(Mutex::new(scene)))
    }

    fn dispatcher(&self) -> SqsDispatcher {
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .http_client(self.clone())
            .build();
        SqsDispatcher::new(Client::from_conf(config), QUEUE, Arc::new(Entropy::from_seed(1)))
    }

    fn requests(&self) -> Vec<Vec<Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).requests.clone()
    }

    /// The indexes of the segments of each request, in the order in which the requests came.
    fn segments(&self) -> Vec<Vec<u64>> {
        let index = |entry: &Value| {
            let record: Value = serde_json::from_str(entry["MessageBody"].as_str().unwrap()).unwrap();
            record["index"].as_u64().unwrap()
        };
        self.requests().iter().map(|request| request.iter().map(index).collect()).collect()
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        assert_eq!(body["QueueUrl"], QUEUE);
        let entries = body["Entries"].as_array().unwrap().clone();
        let mut scene = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = scene.answers.pop_front().unwrap_or(Answer::Without(Vec::new(), "", false));
        let (status, answer) = match answer {
            Answer::Error(status, code) => (status, json!({ "__type": code, "message": "as the script says" })),
            Answer::Without(places, code, is_senders) => (200, in_part(&entries, &places, code, is_senders)),
        };
        scene.requests.push(entries);
        HttpResponse::new(status.try_into().unwrap(), SdkBody::from(answer.to_string()))
    }
}

fn in_part(entries: &[Value], places: &[usize], code: &str, is_senders: bool) -> Value {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (place, entry) in entries.iter().enumerate() {
        let id = &entry["Id"];
        if places.contains(&place) {
            failed.push(json!({ "Id": id, "Code": code, "SenderFault": is_senders, "Message": "as the script says" }));
        } else {
            // The digest of another body: the SDK's own check of it is not what is tested here.
            successful.push(json!({ "Id": id, "MessageId": format!("m-{place}"), "MD5OfMessageBody": "" }));
        }
    }
    json!({ "Successful": successful, "Failed": failed })
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(Ok(self.answer(&request)))
    }
}

impl HttpClient for Script {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

const EXECUTION: &str = "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b";

fn records(count: u64, spec_bytes: usize) -> Vec<SegmentRecord> {
    let execution_id: ExecutionId = EXECUTION.parse().unwrap();
    let spec = Value::String("x".repeat(spec_bytes));
    (0..count)
        .map(|index| SegmentRecord {
            execution_id,
            job: "nightly".parse().unwrap(),
            key: "2026-11-24".parse().unwrap(),
            generation: 1,
            index,
            total: Some(count),
            spec: spec.clone(),
            parameters: Value::Null,
            policy: Policy::default(),
            trace: None,
        })
        .collect()
}

#[tokio::test]
async fn a_group_is_sent_in_requests_of_ten_each_in_the_group_of_its_execution() {
    let script = Script::default();
    script.dispatcher().put(&records(128, 1)).await.unwrap();
    let mut sizes: Vec<usize> = script.requests().iter().map(Vec::len).collect();
    sizes.sort_unstable();
    assert_eq!((sizes.len(), sizes[0], sizes[1]), (13, 8, MAX_MESSAGES));
    let mut sent: Vec<u64> = script.segments().concat();
    sent.sort_unstable();
    assert_eq!(sent, (0..128).collect::<Vec<_>>());
    for entry in script.requests().concat() {
        assert_eq!(entry["MessageGroupId"], EXECUTION);
    }
}

#[tokio::test]
async fn requests_hold_at_most_a_mebibyte() {
    let script = Script::default();
    script.dispatcher().put(&records(4, 500_000)).await.unwrap();
    assert_eq!(script.segments(), [[0, 1], [2, 3]]);
    for request in script.requests() {
        let bytes: usize = request.iter().map(|entry| entry["MessageBody"].as_str().unwrap().len()).sum();
        assert!(bytes <= MAX_BYTES, "{bytes}");
    }
}

#[tokio::test]
async fn nothing_to_put_is_no_request() {
    let script = Script::default();
    script.dispatcher().put(&[]).await.unwrap();
    assert_eq!(script.requests().len(), 0);
}

#[tokio::test]
async fn a_record_that_sqs_never_takes_is_refused_here() {
    let error = Script::default().dispatcher().put(&records(1, MAX_BYTES)).await.unwrap_err();
    assert!(matches!(error, DispatchError::RecordTooLarge { .. }) && !error.is_retryable(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn only_what_was_not_taken_is_sent_again() {
    let busy = |places: &[usize]| Answer::Without(places.to_vec(), "InternalError", false);
    let script = Script::of([busy(&[1, 3]), busy(&[1]), Answer::Without(vec![0], "RequestThrottled", true)]);
    script.dispatcher().put(&records(5, 1)).await.unwrap();
    assert_eq!(script.segments(), [vec![0, 1, 2, 3, 4], vec![1, 3], vec![3], vec![3]]);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_came_too_early_is_made_again() {
    let script = Script::of([Answer::Error(400, "RequestThrottled"), Answer::Error(500, "InternalFailure")]);
    script.dispatcher().put(&records(2, 1)).await.unwrap();
    assert_eq!(script.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_stays_busy_is_an_error_in_the_end() {
    let script = Script::of(vec![Answer::Without(vec![0], "InternalError", false); 100]);
    let error = script.dispatcher().put(&records(3, 1)).await.unwrap_err();
    assert_eq!(script.requests().len(), BUSY.tries as usize);
    let text = error.to_string();
    assert!(error.is_retryable() && text.contains("1 records") && text.contains("InternalError"), "{text}");
}

#[tokio::test]
async fn a_refusal_is_not_tried_again() {
    let cases = [
        (Answer::Error(400, "AccessDeniedException"), "as the script says"),
        (Answer::Error(400, "QueueDoesNotExist"), "SEGMENT_QUEUE_URL"),
        (Answer::Without(vec![0], "InvalidMessageContents", true), "InvalidMessageContents"),
    ];
    for (answer, word) in cases {
        let script = Script::of([answer]);
        let error = script.dispatcher().put(&records(1, 1)).await.unwrap_err();
        assert!(!error.is_retryable() && error.to_string().contains(word), "{error}");
        assert_eq!(script.requests().len(), 1);
    }
}
