//! The problems that an operation may answer with, for the description of the API.

use std::collections::BTreeMap;

use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::Header;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{IntoResponses, ToSchema};

use super::{Code, MEDIA_TYPE_TEXT, ProblemDetails};

/// Problems of a read.
const OF_READ: [Code; 7] = [
    Code::BadRequest,
    Code::Unauthorized,
    Code::Forbidden,
    Code::NotFound,
    Code::MethodNotAllowed,
    Code::Failed,
    Code::Unavailable,
];

/// Further problems of a change.
const OF_CHANGE: [Code; 4] = [Code::RequestTimeout, Code::Conflict, Code::TooLarge, Code::UnsupportedMediaType];

/// The problems of an operation that reads.
#[derive(Debug)]
pub struct ReadProblems;

/// The problems of an operation that changes something.
#[derive(Debug)]
pub struct ChangeProblems;

impl IntoResponses for ReadProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        OF_READ.into_iter().map(response).collect()
    }
}

impl IntoResponses for ChangeProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        OF_READ.into_iter().chain(OF_CHANGE).map(response).collect()
    }
}

fn response(code: Code) -> (String, RefOr<Response>) {
    let status = code.status();
    let details = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemDetails::name()))).build();
    let response = ResponseBuilder::new()
        .description(status.canonical_reason().unwrap_or_default())
        .content(MEDIA_TYPE_TEXT, details);
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let response = match code {
        Code::Unauthorized => response.header("WWW-Authenticate", Header::new(text())),
        Code::Unavailable => response.header("Retry-After", Header::new(text())),
        _ => response,
    };
    (status.as_str().to_owned(), RefOr::T(response.build()))
}
