//! Refuses requests that name another host, come from a page of another one, or do not show the token.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, HeaderName, LOCATION, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::origin::Names;
use super::token::Token;
use crate::problem::{Code, Problem};

/// The beginning of the cookie's name. A browser sends cookies of all ports to each, so the port is the rest.
const COOKIE_PREFIX: &str = "scatterctl-console-";

/// A header that a page of another origin cannot send without asking first, and the console's does.
const CONSOLE: HeaderName = HeaderName::from_static("x-console");

/// What a browser says of the page that a request comes from.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What the server lets in.
#[derive(Debug)]
pub(super) struct Guard {
    pub names: Names,
    pub token: Token,
}

/// How a request has shown the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// In `Authorization`, which only a program sets.
    Bearer,
    /// By the cookie, which a browser adds to each request, whichever page it comes from.
    Cookie,
}

/// The query of the first URL.
#[derive(Deserialize)]
struct First {
    token: String,
}

/// Lets a request in, or refuses it before anything of its body is read.
pub(super) async fn admit(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    if let Err(problem) = guard.refuse_others(&request) {
        return problem.into_response();
    }
    // Whether the server answers is no secret.
    if request.uri().path() == "/api/v1/health" {
        return next.run(request).await;
    }
    if let Some(token) = first_token(&request) {
        return if guard.token.is(&token) { guard.enter() } else { Guard::stranger(&request).into_response() };
    }
    match guard.shown(request.headers()) {
        Some(Shown::Bearer) => next.run(request).await,
        Some(Shown::Cookie) => match Guard::refuse_other_pages(&request) {
            Ok(()) => next.run(request).await,
            Err(problem) => problem.into_response(),
        },
        None => Guard::stranger(&request).into_response(),
    }
}

/// The token in the URL of the first page, if that is what is asked for.
fn first_token(request: &Request) -> Option<String> {
    let query = request.uri().query().filter(|_| request.uri().path() == "/" && request.method() == Method::GET)?;
    serde_html_form::from_str::<First>(query).ok().map(|first| first.token)
}

/// A header that a request has once, as text.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

impl Guard {
    /// Refuses a request to another host, or from a page of another origin.
    fn refuse_others(&self, request: &Request) -> Result<(), Problem> {
        let headers = request.headers();
        let authority = request.uri().authority().is_none_or(|authority| self.names.has_host(authority.as_str()));
        if !authority || !only(headers, &HOST).is_some_and(|host| self.names.has_host(host)) {
            return Err(Problem::new(Code::Forbidden, "the request names another host than this server has"));
        }
        if headers.contains_key(ORIGIN) && !only(headers, &ORIGIN).is_some_and(|origin| self.names.has_origin(origin)) {
            return Err(Problem::new(Code::Forbidden, "the request comes from a page of another origin"));
        }
        Ok(())
    }

    /// Refuses what a page of another port of this machine can have a browser send, with the cookie.
    fn refuse_other_pages(request: &Request) -> Result<(), Problem> {
        let headers = request.headers();
        let is_own = only(headers, &FETCH_SITE).is_none_or(|site| matches!(site, "same-origin" | "none"));
        let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
        let is_console = headers.contains_key(ORIGIN) && only(headers, &CONSOLE) == Some("1");
        if is_own && (!changes || is_console) {
            return Ok(());
        }
        let how = "a request with the console's cookie comes from the console's page: with its Origin, and X-Console: 1 if it changes something";
        Err(Problem::new(Code::Forbidden, how))
    }

    fn shown(&self, headers: &HeaderMap) -> Option<Shown> {
        let bearer = only(headers, &AUTHORIZATION).and_then(|value| value.split_once(' '));
        if bearer.is_some_and(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && self.token.is(token.trim())) {
            return Some(Shown::Bearer);
        }
        let name = self.cookie_name();
        let cookies = headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.any(|(key, value)| key == name && self.token.is_cookie(value)).then_some(Shown::Cookie)
    }

    fn cookie_name(&self) -> String {
        format!("{COOKIE_PREFIX}{}", self.names.port())
    }

    /// Sends the holder of the first URL to the page, with the cookie, so that the token stays in no history entry but the first.
    fn enter(&self) -> Response {
        let cookie = format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie_name(), self.token.cookie());
        let Ok(cookie) = HeaderValue::try_from(cookie) else {
            return Problem::new(Code::Failed, "the cookie cannot be written").into_response();
        };
        let headers = [(LOCATION, HeaderValue::from_static("/")), (SET_COOKIE, cookie)];
        (StatusCode::SEE_OTHER, headers).into_response()
    }

    fn stranger(request: &Request) -> Problem {
        let how = if request.uri().path().starts_with("/api/") {
            "give the header Authorization: Bearer TOKEN, with the token that `console` printed"
        } else {
            "open the URL that `console` printed: it has the token"
        };
        Problem::new(Code::Unauthorized, how)
    }
}
