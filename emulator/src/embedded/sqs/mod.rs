//! SQS in this process: one standard queue, in memory.

mod queue;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::config::auth::{Params, ResolveAuthScheme};
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{BehaviorVersion, IdentityCache, Region, StalledStreamProtectionConfig};
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionsFuture;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use serde_json::{Value, json};
use tokio::time::Instant;

pub use self::queue::{QueueMessage, QueueSettings};

use self::queue::Queue;
use super::changes::{Bell, Changes};
use super::transport::{self, Emulator, InProcess};
use super::{ACCOUNT, REGION};

/// Entries of one request of many (SQS quota).
const ENTRIES_MAX: usize = 10;

/// An SQS in this process with one queue. Cheap to clone: every clone is the same service.
#[derive(Clone)]
pub struct EmbeddedSqs {
    service: Arc<Service>,
}

struct Service {
    queue: Mutex<Queue>,
    bell: Bell,
}

impl EmbeddedSqs {
    /// Starts one with an empty queue.
    pub fn start(settings: QueueSettings) -> Self {
        Self { service: Arc::new(Service { queue: Mutex::new(Queue::new(settings)), bell: Bell::new() }) }
    }

    /// The URL of the queue.
    pub fn queue_url(&self) -> String {
        format!("{}/{ACCOUNT}/segments", transport::ENDPOINT)
    }

    /// The ARN of the queue.
    pub fn queue_arn(&self) -> String {
        format!("arn:aws:sqs:{REGION}:{ACCOUNT}:segments")
    }

    /// An SDK client of this SQS.
    pub fn client(&self) -> aws_sdk_sqs::Client {
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .endpoint_url(transport::ENDPOINT)
            .http_client(InProcess::new(Arc::clone(&self.service)))
            .allow_no_auth()
            .auth_scheme_resolver(Unsigned)
            .identity_cache(IdentityCache::no_cache())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        aws_sdk_sqs::Client::from_conf(config)
    }

    /// Receives up to `count` messages, as Lambda's poller does.
    pub fn receive(&self, count: usize) -> Vec<QueueMessage> {
        self.service.queue().receive(count, Instant::now())
    }

    /// Deletes the messages of these receipts.
    pub fn delete<'a>(&self, receipt_handles: impl IntoIterator<Item = &'a str>) {
        let mut queue = self.service.queue();
        for receipt_handle in receipt_handles {
            queue.delete(receipt_handle);
        }
    }

    /// Messages that are visible, and messages that are hidden.
    pub fn counts(&self) -> (usize, usize) {
        self.service.queue().counts(Instant::now())
    }

    /// The bodies of messages that were received as often as allowed.
    pub fn dead_letters(&self) -> Vec<String> {
        self.service.queue().dead_letters()
    }

    /// How long until the next message is visible, zero if one is; `None` if there is none.
    pub fn next_visible_in(&self) -> Option<Duration> {
        let now = Instant::now();
        self.service.queue().next_visible().map(|at| at.saturating_duration_since(now))
    }

    /// Rings when messages were sent, or a message was made visible.
    pub(crate) fn changes(&self) -> Changes {
        self.service.bell.changes()
    }
}

impl fmt::Debug for EmbeddedSqs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.service.fmt(f)
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.queue().counts(Instant::now());
        f.debug_struct("EmbeddedSqs").field("visible_and_hidden", &counts).finish_non_exhaustive()
    }
}

impl Service {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The status and the body of the answer to a request.
    fn run(&self, operation: &str, request: &Value) -> (u16, Value) {
        match operation {
            "SendMessageBatch" => self.entries(request, |queue, entry| {
                let body = entry["MessageBody"].as_str().unwrap_or_default().to_owned();
                let group = entry["MessageGroupId"].as_str().map(ToOwned::to_owned);
                Some(json!({ "MessageId": queue.send(body, group, Instant::now()), "MD5OfMessageBody": "" }))
            }),
            "ChangeMessageVisibilityBatch" => self.entries(request, |queue, entry| {
                let handle = entry["ReceiptHandle"].as_str().unwrap_or_default();
                let timeout = Duration::from_secs(entry["VisibilityTimeout"].as_u64().unwrap_or_default());
                queue.change_visibility(handle, timeout, Instant::now()).then(|| json!({}))
            }),
            "GetQueueAttributes" => {
                let (visible, hidden) = self.queue().counts(Instant::now());
                let attributes = json!({
                    "ApproximateNumberOfMessages": visible.to_string(),
                    "ApproximateNumberOfMessagesNotVisible": hidden.to_string(),
                    "ApproximateNumberOfMessagesDelayed": "0",
                });
                (200, json!({ "Attributes": attributes }))
            }
            other => (400, json!({ "__type": "UnsupportedOperation", "message": format!("{other} is not here") })),
        }
    }

    /// A request of many entries: an answer each.
    fn entries(&self, request: &Value, one: impl Fn(&mut Queue, &Value) -> Option<Value>) -> (u16, Value) {
        let entries = request["Entries"].as_array().map(Vec::as_slice).unwrap_or_default();
        if entries.len() > ENTRIES_MAX {
            return (400, json!({ "__type": "TooManyEntriesInBatchRequest", "message": "at most ten" }));
        }
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        let mut queue = self.queue();
        for entry in entries {
            match one(&mut queue, entry) {
                Some(mut answer) => {
                    answer["Id"] = entry["Id"].clone();
                    successful.push(answer);
                }
                None => {
                    failed.push(json!({ "Id": entry["Id"], "Code": "ReceiptHandleIsInvalid", "SenderFault": true }));
                }
            }
        }
        drop(queue);
        self.bell.ring();
        (200, json!({ "Successful": successful, "Failed": failed }))
    }
}

impl Emulator for Service {
    async fn answer(self: Arc<Self>, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let body = request.body().bytes().ok_or_else(|| transport::broken("a streamed request"))?;
        let body = serde_json::from_slice(body).map_err(transport::broken)?;
        let (status, answer) = self.run(operation, &body);
        let status = StatusCode::try_from(status).map_err(transport::broken)?;
        Ok(HttpResponse::new(status, SdkBody::from(answer.to_string())))
    }
}

#[derive(Debug)]
struct Unsigned;

impl ResolveAuthScheme for Unsigned {
    fn resolve_auth_scheme<'a>(
        &'a self,
        _: &'a Params,
        _: &'a ConfigBag,
        _: &'a RuntimeComponents,
    ) -> AuthSchemeOptionsFuture<'a> {
        transport::unsigned()
    }
}
