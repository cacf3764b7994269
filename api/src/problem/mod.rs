//! What a caller gets instead of an answer: problem details (RFC 9457), with a stable code and whether a retry helps.

mod of_error;
pub mod responses;

use std::fmt::Display;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of RFC 9457.
const MEDIA_TYPE_TEXT: &str = "application/problem+json";
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static(MEDIA_TYPE_TEXT);

/// Seconds after which a caller may try again what passes: the store's own retries have had some already.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// What went wrong, in one word that does not change: callers match on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request cannot be meant. Nothing was written.
    BadRequest,
    /// No token, or a wrong one.
    Unauthorized,
    /// The request names another host, or comes from a page of another one.
    Forbidden,
    /// The server was started to read only.
    ReadOnly,
    /// There is no such execution, segment or path.
    NotFound,
    /// Only a single machine keeps what was asked for.
    NotKeptHere,
    /// The path has no such method.
    MethodNotAllowed,
    /// The body did not come in time.
    RequestTimeout,
    /// The state of the execution does not allow it. Nothing was written.
    Conflict,
    /// The body, or a part of it, is too large. Nothing was written.
    TooLarge,
    /// The body is not JSON by its `Content-Type`.
    UnsupportedMediaType,
    /// The system failed, and a retry does not help: see its log.
    Failed,
    /// The system is out of reach or too busy: try again.
    Unavailable,
}

impl Code {
    /// The status that goes with it.
    const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::ReadOnly => StatusCode::FORBIDDEN,
            Self::NotFound | Self::NotKeptHere => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    const fn is_retryable(self) -> bool {
        matches!(self, Self::RequestTimeout | Self::Unavailable)
    }
}

/// A request without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    code: Code,
    detail: String,
    retryable: bool,
}

impl Problem {
    /// A problem, and what happened.
    pub fn new(code: Code, detail: impl Display) -> Self {
        Self { code, detail: detail.to_string(), retryable: code.is_retryable() }
    }

    /// A request that cannot be meant.
    pub fn bad_request(detail: impl Display) -> Self {
        Self::new(Code::BadRequest, detail)
    }

    /// Nothing is there.
    pub fn not_found(detail: impl Display) -> Self {
        Self::new(Code::NotFound, detail)
    }

    /// Only one machine keeps it.
    pub fn not_kept_here(what: &str) -> Self {
        Self::new(
            Code::NotKeptHere,
            format_args!("{what} of executions on one machine are kept there; a deployed stack has none here"),
        )
    }

    /// A task of the server that ended without an answer: it panicked, or the server stops.
    pub fn lost(error: &tokio::task::JoinError) -> Self {
        Self::new(
            Code::Failed,
            format_args!("the operation ended without an answer: {error}. What it had written is safe"),
        )
    }

    fn retryable(self, retryable: bool) -> Self {
        Self { retryable, ..self }
    }
}

/// As it is written.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProblemDetails {
    /// A name for the kind of problem.
    r#type: String,
    /// The status, in words.
    title: String,
    /// The status.
    status: u16,
    /// What happened, and what to do.
    detail: String,
    /// See [`Code`].
    code: Code,
    /// Whether the same request may succeed later, as it is.
    retryable: bool,
}

impl From<Problem> for ProblemDetails {
    fn from(Problem { code, detail, retryable }: Problem) -> Self {
        let status = code.status();
        Self {
            r#type: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            status: status.as_u16(),
            detail,
            code,
            retryable,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (code, retryable) = (self.code, self.retryable);
        if code == Code::Failed {
            tracing::error!("{}", self.detail);
        }
        // Numbers and text can always be written.
        let body = serde_json::to_vec(&ProblemDetails::from(self)).unwrap_or_default();
        let mut response = (code.status(), [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        let headers = response.headers_mut();
        if retryable && code == Code::Unavailable {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        if code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
