//! The last step of an SDK call, as a function call instead of an HTTP exchange.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::auth::{AuthSchemeId, AuthSchemeOption, AuthSchemeOptionsFuture};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// The address that the SDK gets. Nothing listens there: requests never leave the process.
pub(super) const ENDPOINT: &str = "http://embedded.invalid";

/// The SDK's name for "do not sign" (an emulator does not check signatures, and making one costs more than a read).
const NO_AUTH: AuthSchemeId = AuthSchemeId::new("noAuth");

/// A service that answers the SDK's requests in this process.
pub(super) trait Emulator: fmt::Debug + Send + Sync + 'static {
    /// Answers one request.
    fn answer(
        self: Arc<Self>,
        request: HttpRequest,
    ) -> impl Future<Output = Result<HttpResponse, ConnectorError>> + Send;
}

/// Hands the SDK's requests to an [`Emulator`].
#[derive(Debug)]
pub(super) struct InProcess<E> {
    emulator: Arc<E>,
}

impl<E> InProcess<E> {
    pub(super) fn new(emulator: Arc<E>) -> Self {
        Self { emulator }
    }
}

impl<E: Emulator> HttpConnector for InProcess<E> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(Arc::clone(&self.emulator).answer(request))
    }
}

impl<E: Emulator> HttpClient for InProcess<E> {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        // No connection, so nothing to pool or to time out.
        SharedHttpConnector::new(Self::new(Arc::clone(&self.emulator)))
    }
}

/// What an SDK client needs to send requests unsigned.
pub(super) fn unsigned<'a>() -> AuthSchemeOptionsFuture<'a> {
    AuthSchemeOptionsFuture::ready(Ok(vec![AuthSchemeOption::from(NO_AUTH)]))
}

/// An emulator's failure to answer at all, as the SDK words it.
pub(super) fn broken(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ConnectorError {
    ConnectorError::other(reason.into(), None)
}
