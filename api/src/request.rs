//! What a request says: its path, its query and its body, each read strictly, so that a mistyped name is refused and not passed over.

use std::fmt::Display;
use std::time::Duration;

use axum::body::{Body as Bytes, to_bytes};
use axum::extract::{self, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts as Head;
use axum::http::{HeaderMap, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use crate::parts::Parts;
use crate::problem::{Code, Problem};

/// The longest body, in bytes. A choice: a request to a function may have 6 MB (Lambda quota), a body that is encoded for it included.
pub const BODY_MAX: usize = 4 * 1024 * 1024;

/// How long a body may take to come. A choice: 4 MB in that time are 0.4 MB a second.
const BODY_TIME: Duration = Duration::from_secs(10);

/// Entries of a page that a caller may ask for, and without asking.
const PAGE_MAX: u16 = 1_000;
const PAGE: u16 = 50;

/// The API of a request that changes something: refused where only reads are served, before its body is read.
#[derive(Debug)]
pub struct Changing(pub Parts);

impl FromRequestParts<Parts> for Changing {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Head, parts: &Parts) -> Result<Self, Problem> {
        parts.refuse_if_read_only()?;
        Ok(Self(parts.clone()))
    }
}

/// The parts of a path.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Head, state: &S) -> Result<Self, Problem> {
        let path = extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|extract::Path(path)| Self(path))
            .map_err(|error| Problem::bad_request(format_args!("the path: {}", error.body_text())))
    }
}

/// The names and values of a query.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Head, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        refuse_empty(query)?;
        let query = serde_path_to_error::deserialize(serde_html_form::Deserializer::from_bytes(query.as_bytes()));
        query.map(Self).map_err(|error| Problem::bad_request(format_args!("the query: {error}")))
    }
}

/// A name without a value is a slip, as of a script whose variable is not set. It would be read as if it was not there.
fn refuse_empty(query: &str) -> Result<(), Problem> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    match pairs.into_iter().find(|(name, value)| !name.is_empty() && value.is_empty()) {
        Some((name, _)) => {
            Err(Problem::bad_request(format_args!("the query: {name} has no value: give it one, or leave it out")))
        }
        None => Ok(()),
    }
}

/// A body of JSON. Names that come twice, and numbers that would be read as others, are refused.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        refuse_other_media(request.headers())?;
        read_json(&read(request.into_body()).await?).map(Self)
    }
}

/// A body of JSON, or none.
#[derive(Debug)]
pub struct OptionalBody<T>(pub Option<T>);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let text = read(body).await?;
        if text.trim_ascii().is_empty() {
            return Ok(Self(None));
        }
        refuse_other_media(&parts.headers)?;
        read_json(&text).map(|body| Self(Some(body)))
    }
}

/// A page of another origin cannot send JSON without asking the server first, but it can send a form.
fn refuse_other_media(headers: &HeaderMap) -> Result<(), Problem> {
    let media = headers.get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if media == "application/json" || (media.starts_with("application/") && media.ends_with("+json")) {
        return Ok(());
    }
    Err(Problem::new(
        Code::UnsupportedMediaType,
        "the body has to be JSON: give the header Content-Type: application/json",
    ))
}

async fn read(body: Bytes) -> Result<Vec<u8>, Problem> {
    let late =
        |_| Problem::new(Code::RequestTimeout, format_args!("the body did not come within {} s", BODY_TIME.as_secs()));
    let read = tokio::time::timeout(BODY_TIME, to_bytes(body, BODY_MAX)).await.map_err(late)?;
    read.map(Vec::from).map_err(|_| {
        Problem::new(Code::TooLarge, format_args!("the body was cut off, or has more than {BODY_MAX} bytes"))
    })
}

fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let refused = |error: &dyn Display| Problem::bad_request(format_args!("the body: {error}"));
    let text = std::str::from_utf8(body).map_err(|error| refused(&error))?;
    let value = text::json_value(text).map_err(|error| refused(&error))?;
    // Serde would take an array for the fields of an object in their order.
    if !value.is_object() {
        return Err(refused(&"it is no JSON object"));
    }
    serde_path_to_error::deserialize(value).map_err(|error| refused(&error))
}

/// Which page of a list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub struct Page {
    /// Entries at most: 1 to 1000, and 50 if not given.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u16>,
    /// The `next` of the page before.
    pub cursor: Option<String>,
}

impl Page {
    /// The size of the page.
    ///
    /// # Errors
    /// When it is none, or too many.
    pub fn limit(&self) -> Result<u16, Problem> {
        page_size(self.limit)
    }
}

/// The size of a page of which a caller asks for so many entries.
///
/// # Errors
/// When it is none, or too many.
pub fn page_size(asked: Option<u16>) -> Result<u16, Problem> {
    limit(asked, PAGE, PAGE_MAX)
}

/// A number of entries: from 1 to the most.
///
/// # Errors
/// When it is none, or too many.
pub fn limit(asked: Option<u16>, usual: u16, most: u16) -> Result<u16, Problem> {
    let limit = asked.unwrap_or(usual);
    if (1..=most).contains(&limit) {
        Ok(limit)
    } else {
        Err(Problem::bad_request(format_args!("limit: from 1 to {most}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_form_is_no_json() {
        let media = |text: &'static str| {
            refuse_other_media(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(text))])).is_ok()
        };
        assert!(
            media("application/json")
                && media("Application/JSON; charset=utf-8")
                && media("application/merge-patch+json")
        );
        assert!(
            !media("text/plain") && !media("application/x-www-form-urlencoded") && !media("") && !media("text/json")
        );
    }

    #[test]
    fn a_name_without_a_value_is_refused() {
        assert!(refuse_empty("").is_ok() && refuse_empty("limit=1&tag=a=&").is_ok());
        assert!(refuse_empty("limit=").is_err() && refuse_empty("a=1&limit").is_err());
    }

    #[test]
    fn json_is_read_strictly() {
        assert_eq!(read_json::<Page>(b" {\"limit\":7} ").unwrap().limit, Some(7));
        for text in [&b"{\"a\":1,\"a\":2}"[..], b"\xff", b"", b"7", b"[7]", b"{} {}", b"{\"limit\":1,\"limits\":2}"] {
            assert!(read_json::<Page>(text).is_err(), "{text:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_cut_off() {
        let body = Bytes::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
        assert_eq!(
            read(body).await.unwrap_err(),
            Problem::new(Code::RequestTimeout, "the body did not come within 10 s")
        );
        let large = Bytes::from(vec![b' '; BODY_MAX + 1]);
        assert!(read(large).await.is_err());
    }
}
