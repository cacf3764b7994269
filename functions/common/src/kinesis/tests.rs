use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use control_table::id::ExecutionId;
use control_table::policy::Policy;
use serde_json::{Value, json};

use super::batch::{MAX_RECORD_BYTES, MAX_RECORDS, MAX_REQUEST_BYTES};
use super::*;

/// Kinesis as a script: what it answers, request by request; after the last line it takes everything.
#[derive(Debug, Clone, Default)]
struct Script(Arc<Mutex<Scene>>);

#[derive(Debug, Default)]
struct Scene {
    answers: VecDeque<Answer>,
    /// The partition keys of each request.
    requests: Vec<Vec<String>>,
}

#[derive(Debug, Clone)]
enum Answer {
    /// Takes all but the records with these places in the request.
    Without(Vec<usize>),
    /// Refuses the request with that status and code.
    Error(u16, &'static str),
}

impl Script {
    fn of(answers: impl IntoIterator<Item = Answer>) -> Self {
        let scene = Scene { answers: answers.into_iter().collect(), requests: Vec::new() };
        Self(Arc::new(Mutex::new(scene)))
    }

    fn dispatcher(&self) -> KinesisDispatcher {
        let config = aws_sdk_kinesis::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("id", "secret", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .http_client(self.clone())
            .build();
        KinesisDispatcher::new(Client::from_conf(config), "segments", Arc::new(Entropy::from_seed(1)))
    }

    fn requests(&self) -> Vec<Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).requests.clone()
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let keys = body["Records"].as_array().unwrap().iter().map(|record| record["PartitionKey"].as_str().unwrap());
        let keys: Vec<String> = keys.map(str::to_owned).collect();
        let mut scene = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (status, answer) = match scene.answers.pop_front().unwrap_or(Answer::Without(Vec::new())) {
            Answer::Error(status, code) => (status, json!({ "__type": code, "message": "as the script says" })),
            Answer::Without(refused) => {
                let one = |index| {
                    if refused.contains(&index) {
                        json!({ "ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow down" })
                    } else {
                        json!({ "SequenceNumber": index.to_string(), "ShardId": "shardId-000000000000" })
                    }
                };
                let records: Vec<Value> = (0..keys.len()).map(one).collect();
                (200, json!({ "FailedRecordCount": refused.len(), "Records": records }))
            }
        };
        scene.requests.push(keys);
        HttpResponse::new(status.try_into().unwrap(), SdkBody::from(answer.to_string()))
    }
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

fn records(count: u64, spec_bytes: usize) -> Vec<SegmentRecord> {
    let execution_id: ExecutionId = "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b".parse().unwrap();
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

fn keys(records: &[SegmentRecord], indexes: &[usize]) -> Vec<String> {
    indexes.iter().map(|&index| records[index].partition_key()).collect()
}

#[tokio::test]
async fn requests_hold_at_most_500_records() {
    let script = Script::default();
    script.dispatcher().put(&records(1_001, 1)).await.unwrap();
    let sizes: Vec<usize> = script.requests().iter().map(Vec::len).collect();
    assert_eq!(sizes, [MAX_RECORDS, MAX_RECORDS, 1]);
}

#[tokio::test]
async fn requests_hold_at_most_5_megabytes() {
    let script = Script::default();
    let records = records(7, 900_000);
    script.dispatcher().put(&records).await.unwrap();
    assert_eq!(script.requests(), [keys(&records, &[0, 1, 2, 3, 4]), keys(&records, &[5, 6])]);
    for batch in batch::batches(&records, "segments") {
        let bytes: usize = batch
            .unwrap()
            .iter()
            .map(|entry| entry.data.as_ref().len() + entry.partition_key.as_ref().map_or(0, String::len))
            .sum();
        assert!(bytes <= MAX_REQUEST_BYTES);
    }
}

#[tokio::test]
async fn nothing_to_put_is_no_request() {
    let script = Script::default();
    script.dispatcher().put(&[]).await.unwrap();
    assert_eq!(script.requests().len(), 0);
}

#[tokio::test]
async fn a_record_that_kinesis_never_takes_is_refused_here() {
    let error = Script::default().dispatcher().put(&records(1, MAX_RECORD_BYTES)).await.unwrap_err();
    assert!(matches!(error, DispatchError::RecordTooLarge { .. }) && !error.is_retryable(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn only_what_was_not_taken_is_put_again() {
    let script = Script::of([Answer::Without(vec![1, 3]), Answer::Without(vec![1])]);
    let records = records(5, 1);
    script.dispatcher().put(&records).await.unwrap();
    let expected = [keys(&records, &[0, 1, 2, 3, 4]), keys(&records, &[1, 3]), keys(&records, &[3])];
    assert_eq!(script.requests(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_came_too_early_is_made_again() {
    let busy = [
        Answer::Error(400, "ProvisionedThroughputExceededException"),
        Answer::Error(400, "LimitExceededException"),
        Answer::Error(500, "InternalFailure"),
    ];
    let script = Script::of(busy);
    script.dispatcher().put(&records(2, 1)).await.unwrap();
    assert_eq!(script.requests().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_stays_busy_is_an_error_in_the_end() {
    let script = Script::of(vec![Answer::Without(vec![0]); 100]);
    let error = script.dispatcher().put(&records(3, 1)).await.unwrap_err();
    assert_eq!(script.requests().len(), BUSY.tries as usize);
    let text = error.to_string();
    assert!(error.is_retryable() && text.contains("1 records") && text.contains("ThroughputExceeded"), "{text}");
}

#[tokio::test]
async fn a_refusal_is_not_tried_again() {
    for (code, word) in
        [("AccessDeniedException", "as the script says"), ("ResourceNotFoundException", "SEGMENT_STREAM")]
    {
        let script = Script::of([Answer::Error(400, code)]);
        let error = script.dispatcher().put(&records(1, 1)).await.unwrap_err();
        assert!(!error.is_retryable() && error.to_string().contains(word), "{error}");
        assert_eq!(script.requests().len(), 1);
    }
}
