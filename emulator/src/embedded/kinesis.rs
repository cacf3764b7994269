//! Kinesis in this process.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::config::auth::{Params, ResolveAuthScheme};
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::timeout::TimeoutConfig;
use aws_sdk_kinesis::config::{BehaviorVersion, IdentityCache, Region, StalledStreamProtectionConfig};
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionsFuture;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use axum::Router;
use axum::body::Body;
use ferrokinesis::actions::{self, Operation};
use ferrokinesis::store::{Store, StoreOptions};
use ferrokinesis::types::StoredRecord;
use http::HeaderValue;
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};
use tower::ServiceExt as _;

use super::changes::{Bell, Changes};
use super::transport::{self, Emulator, InProcess};
use super::{ACCOUNT, EmbeddedError, REGION, Shard};

/// Kinesis answers a `GetRecords` with 10 MiB at most; nothing it says is longer.
const ANSWER_LIMIT_BYTES: usize = 10 * 1024 * 1024 + 64 * 1024;

/// The emulator insists on the presence of a signature and looks at none.
const SIGNATURE: &str = "AWS4-HMAC-SHA256 Credential=embedded, SignedHeaders=host, Signature=embedded";

const TOO_FAST: &str = "ProvisionedThroughputExceededException";
const TOO_FAST_REASON: &str =
    "the workers are behind, and the embedded Kinesis keeps no more records; put it again later";

/// How much may wait in the stream. Records are in memory, and an execution may have a million segments.
#[derive(Debug, Clone, Copy)]
pub struct Backlog {
    /// Put and not yet consumed, in all shards together.
    pub records_max: u64,
    /// How long a put waits for room before it is refused as Kinesis refuses one that is too fast: with
    /// `ProvisionedThroughputExceededException`. The waiting slows a scatter down to the speed of its workers.
    pub wait_max: Duration,
}

impl Default for Backlog {
    /// 20,000 records of a segment each are some 10 MB.
    fn default() -> Self {
        Self { records_max: 20_000, wait_max: Duration::from_secs(20) }
    }
}

/// A Kinesis in this process, in memory. Cheap to clone: every clone is the same service.
///
/// Not durable, on purpose: what a record says is in the control table, too, so a restart puts unfinished segments again.
#[derive(Clone)]
pub struct EmbeddedKinesis {
    service: Arc<Service>,
}

/// The emulator and what surrounds it. One for all clones.
pub(super) struct Service {
    router: Router,
    store: Store,
    bell: Bell,
    backlog: Backlog,
    /// Rings when consumed records were dropped, for a put that waits for room.
    room: watch::Sender<()>,
    /// One call of the emulator's at a time. Its store holds a blocking lock of its map across an `await` while it reads: with
    /// as many puts at that moment as the runtime has threads, all of them block, and the read is never polled again.
    one_call: Mutex<()>,
}

impl EmbeddedKinesis {
    /// Starts an empty Kinesis.
    pub fn start(backlog: Backlog) -> Self {
        let options = StoreOptions {
            create_stream_ms: 0,
            delete_stream_ms: 0,
            update_stream_ms: 0,
            shard_limit: 1_000,
            aws_account_id: ACCOUNT.to_owned(),
            aws_region: REGION.to_owned(),
            ..StoreOptions::default()
        };
        let (router, store) = ferrokinesis::create_app(options);
        let service = Service {
            router,
            store,
            bell: Bell::new(),
            backlog,
            room: watch::Sender::new(()),
            one_call: Mutex::new(()),
        };
        Self { service: Arc::new(service) }
    }

    /// Creates a stream, and returns its shards when it is ready for use.
    pub async fn create_stream(&self, name: &str, shards: u16) -> Result<Vec<Shard>, EmbeddedError> {
        let failed = |reason: String| EmbeddedError::CreateStream { stream: name.to_owned(), reason };
        let request = json!({ "StreamName": name, "ShardCount": shards });
        actions::dispatch(&self.service.store, Operation::CreateStream, request)
            .await
            .map_err(|e| failed(format!("{e:?}")))?;
        self.wait_until_active(name).await.map_err(failed)?;
        Ok((0..shards).map(|index| Shard::new(Arc::clone(&self.service), name, index)).collect())
    }

    /// Creating is a background task of the emulator even when its delay is set to zero.
    async fn wait_until_active(&self, name: &str) -> Result<(), String> {
        const LOOKS_MAX: u32 = 1_000;
        for _ in 0..LOOKS_MAX {
            let stream = self.service.store.get_stream(name).await.map_err(|e| format!("{e:?}"))?;
            if stream.stream_status == ferrokinesis::types::StreamStatus::Active {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Err("it did not become active within a second".to_owned())
    }

    /// An SDK client of this Kinesis.
    pub fn client(&self) -> aws_sdk_kinesis::Client {
        let config = aws_sdk_kinesis::Config::builder()
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
        aws_sdk_kinesis::Client::from_conf(config)
    }

    /// Rings when records were put.
    pub fn changes(&self) -> Changes {
        self.service.bell.changes()
    }

    /// Records put and not yet consumed.
    pub fn waiting(&self) -> u64 {
        self.service.waiting()
    }
}

impl fmt::Debug for EmbeddedKinesis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.service.fmt(f)
    }
}

impl Service {
    /// The records between two keys, the oldest first, at most `limit`.
    pub(super) async fn records(
        &self,
        stream: &str,
        from: &str,
        to: &str,
        limit: usize,
    ) -> Vec<(String, StoredRecord)> {
        let _call = self.one_call.lock().await;
        self.store.get_records_range_limited(stream, from, to, limit).await
    }

    /// Deletes consumed records, and lets a put that waits for room go on.
    pub(super) async fn forget(&self, stream: &str, keys: &[String]) {
        let call = self.one_call.lock().await;
        self.store.delete_record_keys(stream, keys).await;
        drop(call);
        self.room.send_replace(());
    }

    fn waiting(&self) -> u64 {
        self.store.metrics().retained_records()
    }

    async fn put(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        if !self.wait_for_room().await {
            return refused(&request);
        }
        let answer = self.forward(request).await?;
        self.bell.ring();
        Ok(answer)
    }

    /// The backlog may go over its limit by the records of the puts under way, so that none is refused in part.
    async fn wait_for_room(&self) -> bool {
        let mut room = self.room.subscribe();
        let enough = async { room.wait_for(|()| self.waiting() < self.backlog.records_max).await.is_ok() };
        tokio::time::timeout(self.backlog.wait_max, enough).await.unwrap_or(false)
    }

    async fn forward(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let request = request.try_into_http1x().map_err(transport::broken)?;
        let (mut head, body) = request.into_parts();
        let body = body.bytes().map(<[u8]>::to_vec).ok_or_else(|| transport::broken("a streamed request"))?;
        head.headers.insert(http::header::AUTHORIZATION, HeaderValue::from_static(SIGNATURE));
        head.headers.insert("x-amz-date", HeaderValue::from_static("20000101T000000Z"));
        let request = http::Request::from_parts(head, Body::from(body));
        let call = self.one_call.lock().await;
        let answer = self.router.clone().oneshot(request).await.map_err(|never| match never {})?;
        drop(call);
        let (head, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, ANSWER_LIMIT_BYTES).await.map_err(transport::broken)?;
        let answer = http::Response::from_parts(head, SdkBody::from(body));
        answer.try_into().map_err(transport::broken)
    }
}

/// What Kinesis answers when a put is too fast: for several records a failure each, so that the caller puts them again.
fn refused(request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let records = request
        .body()
        .bytes()
        .and_then(|body| serde_json::from_slice::<Value>(body).ok())
        .and_then(|body| body.get("Records").and_then(Value::as_array).map(Vec::len));
    let (status, answer) = match records {
        Some(count) => {
            let failure = json!({ "ErrorCode": TOO_FAST, "ErrorMessage": TOO_FAST_REASON });
            (200, json!({ "FailedRecordCount": count, "Records": vec![failure; count] }))
        }
        None => (400, json!({ "__type": TOO_FAST, "message": TOO_FAST_REASON })),
    };
    let status = StatusCode::try_from(status).map_err(transport::broken)?;
    Ok(HttpResponse::new(status, SdkBody::from(answer.to_string())))
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedKinesis")
            .field("backlog", &self.backlog)
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

impl Emulator for Service {
    async fn answer(self: Arc<Self>, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let puts = request.headers().get("x-amz-target").is_some_and(|target| target.contains(".PutRecord"));
        if puts { self.put(request).await } else { self.forward(request).await }
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
