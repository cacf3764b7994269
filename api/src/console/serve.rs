//! Connections. Each has a limit of time for its headers; there is a limit of connections, and one of requests that are answered at once.
//!
//! A connection for which there is no room waits in the listener's queue, which the operating system bounds. When more than half of
//! them are taken, each carries one request only, so that callers that stay connected do not keep others out.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use crate::problem::{Code, Problem};

/// Connections at once. A choice: a process may often have 1,024 files open, and needs some for its commands and tables.
const CONNECTIONS: usize = 256;

/// Requests that are answered at once. Others wait: reads go to one thread of the table in any case.
const REQUESTS: usize = 32;

/// How long a request waits for its turn before the caller is asked to come again.
const TURN: Duration = Duration::from_secs(5);

/// How long the headers of a request may take to come, and how long a connection may idle between two.
const HEADERS_TIME: Duration = Duration::from_secs(10);

/// How long a listener rests after an error of the operating system: as a rule there is no file descriptor left.
const REST: Duration = Duration::from_millis(100);

/// How long requests under way may take to end after a stop.
const DRAIN: Duration = Duration::from_secs(2);

/// Serves the router on that listener until `stop`, and ends what is under way.
///
/// # Errors
/// When the listener has no address.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) -> io::Result<()> {
    let address = listener.local_addr()?;
    let router = router.layer(from_fn_with_state(Arc::new(Semaphore::new(REQUESTS)), take_turn));
    let (places, graceful, mut stop) = (Arc::new(Semaphore::new(CONNECTIONS)), GracefulShutdown::new(), pin!(stop));
    tracing::info!(%address, "serving");
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, place)) => spawn(stream, place, &places, router.clone(), &graceful),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(REST).await;
            }
        }
    }
    drop(listener);
    // Streams of events end only with their client.
    let _ = timeout(DRAIN, graceful.shutdown()).await;
    Ok(())
}

/// The next connection, when there is room for it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    // The semaphore is never closed.
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}

fn spawn(
    stream: TcpStream,
    place: OwnedSemaphorePermit,
    places: &Semaphore,
    router: Router,
    graceful: &GracefulShutdown,
) {
    // Small answers are not held back for more to come.
    let _ = stream.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIME)
        .keep_alive(places.available_permits() > CONNECTIONS / 2);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        // What goes wrong with a connection is its client's to see.
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
        drop(place);
    });
}

/// Lets so many requests in at once, and the others one after the other.
async fn take_turn(State(turns): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    match timeout(TURN, turns.acquire()).await {
        Ok(Ok(_turn)) => next.run(request).await,
        _ => Problem::new(Code::Unavailable, "too many requests at once: try again in a moment").into_response(),
    }
}
