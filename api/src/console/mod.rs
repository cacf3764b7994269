//! The console of one machine, and the API beside it, for the holder of a token.
//!
//! - `assets`: the pages, which are files of `api/console/`
//! - `token`: the secret, and how a request shows that it has it
//! - `origin`: which names the server has, and which pages may send it requests
//! - `guard`: refuses what comes without the one or with the wrong other
//! - `serve`: connections, and how many of them

mod assets;
mod guard;
mod origin;
mod serve;
mod token;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;

pub use self::serve::serve;
pub use self::token::{InvalidToken, Token};

use self::guard::Guard;
use self::origin::Names;
use crate::headers::secure;
use crate::parts::Parts;

/// The console and the API, for requests to that address of the loopback interface that show the token.
pub fn console(parts: Parts, address: SocketAddr, token: Token) -> Router {
    let guard = Arc::new(Guard { names: Names::of(address), token });
    let pages = Router::new().route("/", get(assets::index)).route("/assets/{*path}", get(assets::asset));
    crate::router(parts).merge(pages).layer(from_fn_with_state(guard, guard::admit)).layer(from_fn(secure))
}
