//! `DynamoDB` in this process.

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use aws_sdk_dynamodb::config::auth::{Params, ResolveAuthScheme};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, IdentityCache, Region, StalledStreamProtectionConfig};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{TimeToLiveSpecification, TimeToLiveStatus};
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionsFuture;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use dynoxide::{Database, DynoxideError};
use tokio::runtime::RuntimeFlavor;

use super::changes::{Bell, Changes};
use super::readers::Readers;
use super::transport::{self, Emulator, InProcess};
use super::{EmbeddedError, REGION, TableStream, dispatch, endpoint, fault, stream};

/// What a write survives once it was answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// A killed process, not a power cut: the operating system has the write, the disk may not (SQLite's
    /// `synchronous = OFF`, with its write-ahead log). Three to five times faster.
    #[default]
    ProcessCrash,
    /// A power cut, too: every write waits for the disk (`synchronous = FULL`).
    PowerLoss,
}

/// A `DynamoDB` in this process, on a file or in memory. Cheap to clone: every clone is the same database.
#[derive(Clone)]
pub struct EmbeddedDynamoDb {
    service: Arc<Service>,
}

/// The database and what surrounds it. One for all clones.
pub(super) struct Service {
    database: Database,
    path: Option<PathBuf>,
    durability: Durability,
    bell: Bell,
    /// For reads that would wait at the gate. In memory there are none.
    readers: Option<Readers>,
    /// Held during every call on `database` and every trim of the stream. dynoxide has one lock of its own around everything, so this
    /// costs nothing; without it a trim, which is on another SQLite connection, and a call could meet inside SQLite,
    /// where the loser sleeps a millisecond or more before it tries again.
    gate: Mutex<()>,
}

impl EmbeddedDynamoDb {
    /// Opens or creates the database in the file `path`; its directory must exist.
    ///
    /// One process at a time. Blocks for some tens of milliseconds.
    pub fn open(path: &Path, durability: Durability) -> Result<Self, EmbeddedError> {
        let name = path.to_str().ok_or_else(|| EmbeddedError::PathNotUnicode(path.to_owned()))?;
        let failed = |said: String| EmbeddedError::Open { path: path.to_owned(), reason: fault::explain(path, &said) };
        let database = Database::new(name).map_err(|e| failed(e.to_string()))?;
        if durability == Durability::ProcessCrash {
            database.enable_bulk_loading().map_err(|e| failed(e.to_string()))?;
        }
        stream::prepare(path).map_err(|e| failed(e.to_string()))?;
        Ok(Self::around(database, Some(path.to_owned()), durability))
    }

    /// A database that is gone when its last clone is dropped.
    ///
    /// For tests with few rows. Its stream cannot be read ([`Self::stream`] is an error), and each write to a table
    /// with a stream reads every stream record so far, because the index that avoids this needs a file: a few thousand
    /// writes take seconds. Tests with more rows, or with a gather, open a file in a temporary directory.
    pub fn in_memory() -> Result<Self, EmbeddedError> {
        let database = Database::memory()
            .map_err(|e| EmbeddedError::Open { path: PathBuf::from(":memory:"), reason: e.to_string() })?;
        Ok(Self::around(database, None, Durability::ProcessCrash))
    }

    fn around(database: Database, path: Option<PathBuf>, durability: Durability) -> Self {
        let readers = path.as_deref().and_then(Readers::new);
        let service = Service { database, path, durability, bell: Bell::new(), readers, gate: Mutex::new(()) };
        Self { service: Arc::new(service) }
    }

    /// An SDK client of this database. It blocks the calling thread for the time of the call (0.1 to 1 ms; a scan or a query longer, so the
    /// thread's other tasks go to another thread meanwhile).
    pub fn client(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .endpoint_url(transport::ENDPOINT)
            .http_client(InProcess::new(Arc::clone(&self.service)))
            .allow_no_auth()
            .auth_scheme_resolver(Unsigned)
            .identity_cache(IdentityCache::no_cache())
            // A refused write is refused for a reason; there is no network to blame and nothing to wait for.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        aws_sdk_dynamodb::Client::from_conf(config)
    }

    /// Serves this database on a TCP listener until `stop` is ready, so that the AWS CLI can be pointed at it. It checks no signature,
    /// and answers no page in a browser.
    pub async fn serve(
        &self,
        listener: tokio::net::TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), EmbeddedError> {
        endpoint::serve(Arc::clone(&self.service), listener, stop).await
    }

    /// Whether there is a table of that name.
    pub fn has_table(&self, table: &str) -> Result<bool, EmbeddedError> {
        let found = self.service.database.get_table_metadata(table);
        let path = self.service.path.clone().unwrap_or_default();
        found.map(|table| table.is_some()).map_err(|e| {
            let reason = fault::explain(&path, &e.to_string());
            EmbeddedError::Open { path, reason }
        })
    }

    /// Has items of a table deleted by [`Self::delete_expired`] once the time in that attribute is over.
    pub async fn enable_expiry(&self, table: &str, attribute: &str) -> Result<(), EmbeddedError> {
        let client = self.client();
        let described = client.describe_time_to_live().table_name(table).send().await;
        let described = described.map_err(|error| expiry(&error))?;
        let status = described.time_to_live_description.and_then(|description| description.time_to_live_status);
        if status == Some(TimeToLiveStatus::Enabled) {
            return Ok(());
        }
        let specification = TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute).build();
        let specification = specification.map_err(|error| EmbeddedError::Expiry(error.to_string()))?;
        let request = client.update_time_to_live().table_name(table).time_to_live_specification(specification);
        request.send().await.map_err(|error| expiry(&error))?;
        Ok(())
    }

    /// Deletes the items whose time to live is over, and says how many there were. On AWS that happens by itself.
    pub async fn delete_expired(&self) -> Result<usize, EmbeddedError> {
        let database = self.service.database.clone();
        tokio::task::spawn_blocking(move || database.sweep_ttl())
            .await?
            .map_err(|e| EmbeddedError::Expiry(self.service.explain(&e.to_string())))
    }

    /// The stream of a table, to read and to trim. The table must exist and have a stream.
    pub fn stream(&self, table: &str) -> Result<TableStream, EmbeddedError> {
        TableStream::open(Arc::clone(&self.service), table)
    }

    /// Rings when something was written through a client.
    pub fn changes(&self) -> Changes {
        self.service.bell.changes()
    }
}

impl fmt::Debug for EmbeddedDynamoDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.service.fmt(f)
    }
}

impl Service {
    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub(super) fn durability(&self) -> Durability {
        self.durability
    }

    /// Runs `work` while no call is in the database.
    pub(super) fn alone<T>(&self, work: impl FnOnce() -> T) -> T {
        // The gate protects no data of its own, so a panic behind it breaks nothing.
        let _gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        work()
    }

    /// A failure of the file names the file.
    fn explained(&self, refusal: DynoxideError) -> DynoxideError {
        match refusal {
            DynoxideError::InternalServerError(_) | DynoxideError::SqliteError(_) => {
                DynoxideError::InternalServerError(self.explain(&refusal.to_string()))
            }
            refusal => refusal,
        }
    }

    fn explain(&self, said: &str) -> String {
        self.path.as_deref().map_or_else(|| said.to_owned(), |path| fault::explain(path, said))
    }

    /// Runs one operation: the request's JSON in; the status of HTTP and the answer's JSON out.
    pub(super) fn call(&self, operation: &str, body: &[u8]) -> (u16, String) {
        let turn = Turn { service: self, is_read: dispatch::reads(operation) };
        let result = dispatch::dispatch(turn, operation, body);
        if dispatch::changes_tables(operation) {
            self.readers.iter().for_each(Readers::forget);
        }
        if result.is_ok() && dispatch::writes(operation) {
            self.bell.ring();
        }
        match result {
            Ok(answer) => (200, answer),
            Err(refusal) => (refusal.status_code(), self.explained(refusal).to_json()),
        }
    }
}

/// An operation's way into the database.
#[derive(Clone, Copy)]
pub(super) struct Turn<'a> {
    service: &'a Service,
    is_read: bool,
}

impl Turn<'_> {
    /// Runs the operation: a read on a handle of its own if the gate is shut, anything else when its turn has come.
    pub(super) fn run<T>(self, operation: impl FnOnce(&Database) -> T) -> T {
        let Self { service, is_read } = self;
        let must_wait = is_read && matches!(service.gate.try_lock(), Err(TryLockError::WouldBlock));
        let reader = if must_wait { service.readers.as_ref().and_then(Readers::take) } else { None };
        match reader {
            Some(reader) => operation(reader.database()),
            None => service.alone(|| operation(&service.database)),
        }
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedDynamoDb")
            .field("path", &self.path)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}

impl Emulator for Service {
    async fn answer(self: Arc<Self>, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next());
        let operation = target.ok_or_else(|| transport::broken("the request names no operation"))?;
        let body = request.body().bytes();
        let body = body.ok_or_else(|| transport::broken("a streamed request, which DynamoDB has none of"))?;
        let (status, answer) = if dispatch::may_take_long(operation) && has_other_threads() {
            tokio::task::block_in_place(|| self.call(operation, body))
        } else {
            self.call(operation, body)
        };
        let status = StatusCode::try_from(status).map_err(transport::broken)?;
        Ok(HttpResponse::new(status, SdkBody::from(answer)))
    }
}

/// Whether the tasks of this thread can go on elsewhere while it is blocked.
fn has_other_threads() -> bool {
    tokio::runtime::Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
}

/// What the service said; it always says something.
fn expiry(error: &(impl ProvideErrorMetadata + std::error::Error)) -> EmbeddedError {
    EmbeddedError::Expiry(error.message().map_or_else(|| error.to_string(), ToOwned::to_owned))
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
