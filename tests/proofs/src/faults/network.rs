//! The network between the functions and the services: every request waits there for its turn and its fate.
//!
//! So the order of requests, and what becomes of each, is the execution's to choose, and nothing else's.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::oneshot;

tokio::task_local! {
    /// The invocation whose requests these are. Requests of none, the harness's own, pass at once.
    pub(super) static INVOCATION: u64;
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is answered.
    Answered,
    /// The service refuses it because it is busy; of a batch, perhaps a part.
    Throttled,
    /// It never arrives.
    Lost,
    /// It arrives, and the answer is lost.
    Unheard,
    /// It arrives, and no answer ever comes: its sender is killed before.
    Mute,
}

/// A request that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    /// Whose it is.
    pub invocation: u64,
    /// What it is, the same whenever the seed is run.
    pub what: String,
    turn: oneshot::Sender<Fate>,
}

#[derive(Debug, Default)]
struct Lines {
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
}

/// The network. Clones are the same network.
#[derive(Debug, Clone, Default)]
pub(super) struct Network(Arc<Mutex<Lines>>);

impl Network {
    /// Waits for this request's turn.
    pub async fn turn(&self, what: String) -> Fate {
        let Ok(invocation) = INVOCATION.try_with(|invocation| *invocation) else {
            return Fate::Answered;
        };
        let (turn, decided) = oneshot::channel();
        {
            let mut lines = self.0.lock().unwrap();
            let number = lines.next;
            lines.next += 1;
            lines.waiting.insert(number, Waiting { invocation, what, turn });
        }
        match decided.await {
            Ok(fate) => fate,
            // The execution is over, and so is the sender that waits.
            Err(_) => std::future::pending().await,
        }
    }

    /// The requests that wait, oldest first.
    pub fn waiting(&self) -> Vec<u64> {
        self.0.lock().unwrap().waiting.keys().copied().collect()
    }

    /// Takes one out; it is to be decided upon, or is dropped.
    pub fn take(&self, number: u64) -> Waiting {
        self.0.lock().unwrap().waiting.remove(&number).unwrap()
    }

    /// Forgets what an invocation that was killed had sent.
    pub fn hang_up(&self, invocation: u64) {
        self.0.lock().unwrap().waiting.retain(|_, waiting| waiting.invocation != invocation);
    }
}

impl Waiting {
    /// Lets it go to its fate.
    pub fn decide(self, fate: Fate) {
        // The sender may have given up meanwhile.
        let _ = self.turn.send(fate);
    }
}

/// A service at the end of the network.
pub(super) trait Service: std::fmt::Debug + Send + Sync + 'static {
    /// Connects to whatever is behind it, before the first request.
    fn connect(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) {}

    /// Answers a request that arrived.
    fn answer(&self, request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse, ConnectorError>>;

    /// Answers that it is busy.
    fn throttle(&self, request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse, ConnectorError>>;
}

/// An HTTP client whose requests go over the network.
#[derive(Debug, Clone)]
pub(super) struct Wired {
    pub network: Network,
    pub service: Arc<dyn Service>,
}

impl HttpClient for Wired {
    fn http_connector(&self, settings: &HttpConnectorSettings, parts: &RuntimeComponents) -> SharedHttpConnector {
        self.service.connect(settings, parts);
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wired {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().carry(request))
    }
}

impl Wired {
    async fn carry(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        match self.network.turn(describe(&request)).await {
            Fate::Answered => self.service.answer(request).await,
            Fate::Throttled => self.service.throttle(request).await,
            Fate::Lost => Err(broken("the request was lost")),
            Fate::Unheard => {
                let _ = self.service.answer(request).await;
                Err(broken("the answer was lost"))
            }
            Fate::Mute => {
                let _ = self.service.answer(request).await;
                std::future::pending().await
            }
        }
    }
}

pub(super) fn operation(request: &HttpRequest) -> &str {
    request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next()).unwrap_or_default()
}

pub(super) fn body(request: &HttpRequest) -> Value {
    request.body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default()
}

/// A request in words that do not depend on the order of a map.
fn describe(request: &HttpRequest) -> String {
    let (operation, body) = (operation(request), body(request));
    match operation {
        // Its parameters are in the order of a map.
        "BatchExecuteStatement" => format!("{operation} of {}", body["Statements"].as_array().map_or(0, Vec::len)),
        "PutRecords" => format!("{operation} of {}", body["Records"].as_array().map_or(0, Vec::len)),
        _ => format!("{operation} {}", sorted(&body)),
    }
}

/// A request's JSON, its fields in order, without the token that the SDK draws from a source of its own.
fn sorted(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let fields: BTreeMap<&String, &Value> =
                map.iter().filter(|(name, _)| *name != "ClientRequestToken").collect();
            let fields: Vec<_> = fields.into_iter().map(|(name, value)| format!("{name}: {}", sorted(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(sorted).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

fn broken(reason: &'static str) -> ConnectorError {
    ConnectorError::io(reason.into())
}
