//! A service that does only a part of each batch, as `DynamoDB` does when it is busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

/// Keys or statements of a batch that are done at once.
const DONE_AT_ONCE: usize = 7;

/// Has a service do the first few keys or statements of each batch, and answers that it was too busy for the others.
#[derive(Debug, Clone, Default)]
pub struct Partial {
    cut: Arc<AtomicU64>,
}

impl Partial {
    /// A client of the same service whose batches are done in part.
    #[must_use]
    pub fn of(&self, client: &aws_sdk_dynamodb::Client) -> aws_sdk_dynamodb::Client {
        let inner = client.config().http_client().unwrap();
        let config = client.config().to_builder().http_client(Cutting { inner, partial: self.clone() });
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// Batches that were done in part.
    #[must_use]
    pub fn cut(&self) -> u64 {
        self.cut.load(Ordering::Relaxed)
    }

    /// The batch that is sent instead, and what is missing from it; `None` for a request that is sent as it is.
    fn split(&self, request: &HttpRequest) -> Option<(Value, Left)> {
        let operation = request.headers().get("x-amz-target")?.rsplit('.').next()?;
        let mut body: Value = serde_json::from_slice(request.body().bytes()?).unwrap();
        let left = match operation {
            "BatchGetItem" => {
                let (table, keys) = body["RequestItems"].as_object_mut()?.iter_mut().next()?;
                let left = split_off(&mut keys["Keys"])?;
                Left::Keys(table.clone(), left)
            }
            "BatchExecuteStatement" => Left::Statements(split_off(&mut body["Statements"])?.len()),
            _ => return None,
        };
        self.cut.fetch_add(1, Ordering::Relaxed);
        Some((body, left))
    }
}

/// Cuts off what is not done, and returns it; `None` if all of it is done.
fn split_off(list: &mut Value) -> Option<Vec<Value>> {
    let list = list.as_array_mut()?;
    (list.len() > DONE_AT_ONCE).then(|| list.split_off(DONE_AT_ONCE))
}

enum Left {
    Keys(String, Vec<Value>),
    Statements(usize),
}

impl Left {
    fn add_to(self, answer: &mut Value) {
        match self {
            Self::Keys(table, keys) => {
                let left = json!({"Keys": keys, "ConsistentRead": true});
                answer["UnprocessedKeys"] = Value::Object([(table, left)].into_iter().collect());
            }
            Self::Statements(count) => {
                let busy = json!({"Error": {"Code": "ThrottlingError", "Message": "later"}});
                answer["Responses"].as_array_mut().unwrap().extend(vec![busy; count]);
            }
        }
    }
}

#[derive(Debug, Clone)]
struct Cutting {
    inner: SharedHttpClient,
    partial: Partial,
}

impl HttpClient for Cutting {
    fn http_connector(&self, settings: &HttpConnectorSettings, parts: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, parts);
        SharedHttpConnector::new(CuttingConnector { inner, partial: self.partial.clone() })
    }
}

#[derive(Debug, Clone)]
struct CuttingConnector {
    inner: SharedHttpConnector,
    partial: Partial,
}

impl HttpConnector for CuttingConnector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let Some((body, left)) = self.partial.split(&request) else {
            return self.inner.call(request);
        };
        let body = body.to_string();
        request.headers_mut().insert("content-length", body.len().to_string());
        *request.body_mut() = SdkBody::from(body);
        let answer = self.inner.call(request);
        HttpConnectorFuture::new(async move { with_the_rest(answer.await?, left).await })
    }
}

async fn with_the_rest(mut response: HttpResponse, left: Left) -> Result<HttpResponse, ConnectorError> {
    if !response.status().is_success() {
        return Ok(response);
    }
    let body = std::mem::replace(response.body_mut(), SdkBody::taken());
    let bytes = aws_smithy_types::byte_stream::ByteStream::new(body).collect().await.unwrap().into_bytes();
    let mut answer: Value = serde_json::from_slice(&bytes).unwrap();
    left.add_to(&mut answer);
    let body = answer.to_string();
    // Both headers are about the body that was replaced.
    response.headers_mut().remove("x-amz-crc32");
    response.headers_mut().insert("content-length", body.len().to_string());
    *response.body_mut() = SdkBody::from(body);
    Ok(response)
}
