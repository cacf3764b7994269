//! The files of the console: those of `api/console/`, kept in the program. A path names one of them or nothing.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use rust_embed::Embed;

use crate::problem::Problem;
use crate::request::Path;

/// The files, by their paths.
#[derive(Embed)]
#[folder = "console/"]
struct Files;

/// The page.
pub(super) async fn index() -> Result<Response, Problem> {
    file("index.html")
}

/// A file that the page needs.
pub(super) async fn asset(Path(path): Path<String>) -> Result<Response, Problem> {
    file(&path)
}

fn file(path: &str) -> Result<Response, Problem> {
    let found = Files::get(path).ok_or_else(|| Problem::not_found("the console has no such file"))?;
    Ok(([(CONTENT_TYPE, media_type(path))], found.data.into_owned()).into_response())
}

fn media_type(path: &str) -> HeaderValue {
    HeaderValue::from_static(match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_file_of_the_console_or_nothing() {
        assert_eq!(file("index.html").unwrap().headers()[CONTENT_TYPE], "text/html; charset=utf-8");
        for path in [
            "../Cargo.toml",
            "/etc/passwd",
            "./index.html",
            "js/../../Cargo.toml",
            "..%2fCargo.toml",
            "",
            "index.html\0",
        ] {
            assert!(file(path).is_err(), "{path}");
        }
    }
}
