//! The two services at the end of the network: the embedded `DynamoDB`, and a stream that the execution plays itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use aws_sdk_kinesis::config::auth::{Params, ResolveAuthScheme};
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::timeout::TimeoutConfig;
use aws_sdk_kinesis::config::{BehaviorVersion, IdentityCache, Region, StalledStreamProtectionConfig};
use aws_smithy_runtime_api::client::auth::{AuthSchemeId, AuthSchemeOption, AuthSchemeOptionsFuture};
use aws_smithy_runtime_api::client::http::{
    HttpClient as _, HttpConnector as _, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::network::{Network, Service, Wired, body, operation};

/// The embedded `DynamoDB`, through the client that it gives out.
#[derive(Debug)]
struct DynamoDb {
    inner: SharedHttpClient,
    onward: OnceLock<SharedHttpConnector>,
    /// The step that is broken on purpose: each outcome is counted a second time, past the condition.
    counts_twice: Arc<AtomicBool>,
}

impl DynamoDb {
    fn send(&self, request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse, ConnectorError>> {
        Box::pin(self.onward.get().unwrap().call(request))
    }
}

impl Service for DynamoDb {
    fn connect(&self, settings: &HttpConnectorSettings, parts: &RuntimeComponents) {
        self.onward.get_or_init(|| self.inner.http_connector(settings, parts));
    }

    fn answer(&self, request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse, ConnectorError>> {
        let again = self.counts_twice.load(Ordering::Relaxed).then(|| past_its_condition(&request)).flatten();
        let answer = self.send(request);
        let again = again.map(|again| self.send(again));
        Box::pin(async move {
            let answer = answer.await;
            if let Some(again) = again {
                let _ = again.await;
            }
            answer
        })
    }

    fn throttle(&self, request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse, ConnectorError>> {
        let answer = if operation(&request) == "TransactWriteItems" {
            let parts = body(&request)["TransactItems"].as_array().map_or(0, Vec::len);
            let mut reasons = vec![json!({"Code": "None"}); parts];
            reasons[0] = json!({"Code": "TransactionConflict", "Message": "as the seed would have it"});
            error("TransactionCanceledException", &json!({"CancellationReasons": reasons}))
        } else if operation(&request) == "UpdateItem" {
            error("TransactionConflictException", &json!({}))
        } else {
            error("ProvisionedThroughputExceededException", &json!({}))
        };
        Box::pin(std::future::ready(Ok(answer)))
    }
}

/// A tally once more, on a condition that holds because it was counted; `None` for another request.
fn past_its_condition(request: &HttpRequest) -> Option<HttpRequest> {
    let mut body = body(request);
    let condition = body["ConditionExpression"].as_str().filter(|condition| condition.contains("NOT contains"))?;
    body["ConditionExpression"] = Value::from(condition.replace("AND NOT contains", "OR contains"));
    let mut again = request.try_clone()?;
    *again.body_mut() = SdkBody::from(body.to_string());
    Some(again)
}

fn error(code: &str, more: &Value) -> HttpResponse {
    let mut answer = more.clone();
    answer["__type"] = Value::from(format!("com.amazonaws.dynamodb.v20120810#{code}"));
    answer["message"] = Value::from("as the seed would have it");
    HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::from(answer.to_string()))
}

/// A client of the embedded `DynamoDB` over the network, with that many tries.
pub(super) fn dynamodb(
    client: &aws_sdk_dynamodb::Client,
    network: &Network,
    attempts: u32,
    counts_twice: Arc<AtomicBool>,
) -> aws_sdk_dynamodb::Client {
    let service =
        Arc::new(DynamoDb { inner: client.config().http_client().unwrap(), onward: OnceLock::new(), counts_twice });
    let retry = RetryConfig::standard()
        .with_max_attempts(attempts)
        // The SDK's jitter is from a source of its own, which no seed repeats; but a share of nothing is nothing.
        .with_initial_backoff(std::time::Duration::ZERO)
        .with_max_backoff(std::time::Duration::ZERO);
    let retry = if attempts > 1 { retry } else { RetryConfig::disabled() };
    let config =
        client.config().to_builder().http_client(Wired { network: network.clone(), service }).retry_config(retry);
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

/// A record on the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub number: u64,
    pub key: String,
    pub data: Vec<u8>,
}

/// The segment stream: what was put and not yet looked at. Clones are the same stream.
#[derive(Debug, Clone, Default)]
pub(super) struct StreamLog(Arc<Mutex<(u64, Vec<Record>)>>);

impl StreamLog {
    /// What was put since the last call.
    pub fn take(&self) -> Vec<Record> {
        std::mem::take(&mut self.0.lock().unwrap().1)
    }

    /// A number for a record that is put once more.
    pub fn next_number(&self) -> u64 {
        let mut stream_log = self.0.lock().unwrap();
        stream_log.0 += 1;
        stream_log.0
    }

    /// Takes the first so many records of a request.
    fn put(&self, request: &HttpRequest, share: impl Fn(usize) -> usize) -> HttpResponse {
        let body = body(request);
        let records = body["Records"].as_array().cloned().unwrap_or_default();
        let taken = share(records.len());
        let answers: Vec<Value> = records
            .iter()
            .enumerate()
            .map(|(place, record)| if place < taken { self.append(record) } else { busy() })
            .collect();
        let answer = json!({"FailedRecordCount": records.len() - taken, "Records": answers});
        HttpResponse::new(StatusCode::try_from(200).unwrap(), SdkBody::from(answer.to_string()))
    }

    fn append(&self, record: &Value) -> Value {
        let number = self.next_number();
        let data = aws_smithy_types::base64::decode(record["Data"].as_str().unwrap()).unwrap();
        let key = record["PartitionKey"].as_str().unwrap().to_owned();
        self.0.lock().unwrap().1.push(Record { number, key, data });
        json!({"SequenceNumber": number.to_string(), "ShardId": "shardId-000000000000"})
    }
}

fn busy() -> Value {
    json!({"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "as the seed would have it"})
}

impl Service for StreamLog {
    fn answer(&self, request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse, ConnectorError>> {
        Box::pin(std::future::ready(Ok(self.put(&request, |records| records))))
    }

    /// A busy stream takes a part.
    fn throttle(&self, request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse, ConnectorError>> {
        Box::pin(std::future::ready(Ok(self.put(&request, |records| records / 2))))
    }
}

/// A client of the segment stream over the network.
pub(super) fn kinesis(stream_log: &StreamLog, network: &Network) -> aws_sdk_kinesis::Client {
    let config = aws_sdk_kinesis::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .endpoint_url("http://harness.invalid")
        .http_client(Wired { network: network.clone(), service: Arc::new(stream_log.clone()) })
        .allow_no_auth()
        .auth_scheme_resolver(Unsigned)
        .identity_cache(IdentityCache::no_cache())
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build();
    aws_sdk_kinesis::Client::from_conf(config)
}

/// Nothing is signed: the services check no signature.
#[derive(Debug)]
struct Unsigned;

impl ResolveAuthScheme for Unsigned {
    fn resolve_auth_scheme<'a>(
        &'a self,
        _: &'a Params,
        _: &'a ConfigBag,
        _: &'a RuntimeComponents,
    ) -> AuthSchemeOptionsFuture<'a> {
        AuthSchemeOptionsFuture::ready(Ok(vec![AuthSchemeOption::from(AuthSchemeId::new("noAuth"))]))
    }
}
