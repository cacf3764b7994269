//! The embedded `DynamoDB` behind a socket, for the AWS CLI and other SDKs.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{CONTENT_TYPE, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use tokio::net::TcpListener;

use super::EmbeddedError;
use super::dynamodb::Service;

/// The body of the largest request that `DynamoDB` takes (a `BatchWriteItem`).
const BODY_BYTES: usize = 16 * 1024 * 1024;

/// The media type of a request and of an answer.
const JSON: &str = "application/x-amz-json-1.0";

/// Answers requests until `stop` is ready; those that have begun are ended first.
pub(super) async fn serve(
    service: Arc<Service>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), EmbeddedError> {
    let requests = Router::new().route("/", post(answer)).layer(DefaultBodyLimit::max(BODY_BYTES)).with_state(service);
    axum::serve(listener, requests).with_graceful_shutdown(stop).await.map_err(EmbeddedError::Serve)
}

async fn answer(State(service): State<Arc<Service>>, headers: HeaderMap, body: Bytes) -> Response {
    // Each request of a page in a browser names the page's origin. No page has anything to do with these tables.
    if headers.contains_key(ORIGIN) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Some(operation) = headers.get("x-amz-target").and_then(|target| target.to_str().ok()) else {
        return (StatusCode::BAD_REQUEST, "the request names no operation (x-amz-target)\n").into_response();
    };
    let operation = operation.rsplit('.').next().unwrap_or_default().to_owned();
    let answered = tokio::task::spawn_blocking(move || service.call(&operation, &body)).await;
    let (status, answer) = answered.unwrap_or_else(|lost| (500, lost.to_string()));
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, JSON)], answer).into_response()
}
