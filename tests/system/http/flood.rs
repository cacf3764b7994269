//! Ten thousand requests at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Barrier;

use super::server::Server;

/// Connections that wait at the same moment, each with as many requests in a row as make ten thousand. A process may often have no more
/// than 1,024 files open, and this test is one.
const CONNECTIONS: usize = 500;
const REQUESTS_EACH: usize = 20;

/// How long the server may take for all of them.
const WAIT: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_requests_at_once_are_answered_or_sent_away() {
    let mut server = Server::start();
    let requests = server.request("GET", "/executions").header("connection", "keep-alive").head().repeat(REQUESTS_EACH);
    let begin = Arc::new(Barrier::new(CONNECTIONS));
    let callers: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (address, requests, begin) = (server.address.clone(), requests.clone(), Arc::clone(&begin));
            tokio::spawn(async move {
                begin.wait().await;
                ask(&address, &requests).await
            })
        })
        .collect();
    let (mut answered, mut sent_away) = (0, 0);
    for caller in callers {
        let (well, busy) = tokio::time::timeout(WAIT, caller).await.expect("the server hangs").unwrap();
        answered += well;
        sent_away += busy;
    }
    // A connection that the server closes after its first answer takes the requests behind it along.
    assert!(answered + sent_away >= CONNECTIONS, "{answered} answered, {sent_away} sent away");
    assert!(answered > 0 && server.lives());
    assert_eq!(server.get("/health").await["status"], "ok");
}

/// How many requests of a connection were answered, and how many were sent away for a moment.
async fn ask(address: &str, requests: &str) -> (usize, usize) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(requests.as_bytes()).await;
    let _ = stream.shutdown().await;
    let mut answers = Vec::new();
    let _ = stream.read_to_end(&mut answers).await;
    let text = String::from_utf8_lossy(&answers);
    let of = |status: &str| text.matches(&format!("HTTP/1.1 {status}")).count();
    assert_eq!(of("200") + of("503"), text.matches("HTTP/1.1 ").count(), "neither answered nor sent away");
    (of("200"), of("503"))
}
