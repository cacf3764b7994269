//! What other pages, other users of the machine, and hostile data may try.

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::client::{self, Request};
use super::server::{Server, TOKEN, command};

/// The cookie that the first URL gives.
async fn cookie(server: &Server) -> String {
    let first = server.bare("GET", &format!("/?token={TOKEN}")).send().await;
    assert_eq!((first.status, first.header("location")), (303, Some("/")), "{}", first.text());
    let cookie = first.header("set-cookie").unwrap();
    assert!(
        cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict") && !cookie.contains(TOKEN),
        "{cookie}"
    );
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_or_a_wrong_one_opens_nothing() {
    let server = Server::start();
    let paths = [
        "/",
        "/?token=wrong",
        "/?token=",
        "/assets/index.html",
        "/api/v1/executions",
        "/api/v1/openapi.json",
        "/api/v1/nothing",
    ];
    for path in paths {
        server.bare("GET", path).send().await.expect_problem(401, "unauthorized");
    }
    for value in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic dGVzdC10b2tlbg==",
        TOKEN,
        "Bearer test-tokenx",
        "Bearer test-toke",
    ] {
        let request = server.bare("GET", "/api/v1/executions").header("authorization", value);
        request.send().await.expect_problem(401, "unauthorized");
    }
    for cookie in ["scatterctl-console=x", &format!("scatterctl-console-{}={TOKEN}", port(&server))] {
        let request = server.bare("GET", "/api/v1/executions").header("cookie", cookie);
        request.send().await.expect_problem(401, "unauthorized");
    }
    let start =
        server.bare("POST", "/api/v1/executions").json(&json!({ "job": "a", "source": { "type": "external" } }));
    start.send().await.expect_problem(401, "unauthorized");
    assert_eq!(server.bare("GET", "/api/v1/health").send().await.status, 200);
}

fn port(server: &Server) -> &str {
    server.address.rsplit(':').next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_host_and_another_origin_are_refused() {
    let server = Server::start();
    let own = [server.address.clone(), format!("localhost:{}", port(&server))];
    for host in &own {
        assert_eq!(server.request("GET", "/me").header("host", host).send().await.status, 200, "{host}");
        let origin = format!("http://{host}");
        assert_eq!(server.request("GET", "/me").header("origin", &origin).send().await.status, 200, "{origin}");
    }
    let hosts = ["evil.example", "127.0.0.1", "localhost", "127.0.0.1:1", "", "[::1]:80", "evil.example:80@127.0.0.1"];
    for host in hosts {
        server.request("GET", "/executions").header("host", host).send().await.expect_problem(403, "forbidden");
        server.bare("GET", "/api/v1/health").header("host", host).send().await.expect_problem(403, "forbidden");
    }
    for origin in ["http://evil.example", "null", "https://localhost", "http://127.0.0.1", "http://127.0.0.1:1", ""] {
        for request in [server.request("GET", "/executions"), server.request("POST", "/executions")] {
            request.header("origin", origin).send().await.expect_problem(403, "forbidden");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_serves_the_consoles_own_page_alone() {
    let server = Server::start();
    let cookie = cookie(&server).await;
    let page = server.bare("GET", "/").header("cookie", &cookie).send().await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(server.bare("GET", "/api/v1/me").header("cookie", &cookie).send().await.status, 200);

    let job = json!({ "job": "a", "key": "k", "source": { "type": "external" } });
    let own = format!("http://{}", server.address);
    let change = || server.bare("POST", "/api/v1/executions").header("cookie", &cookie).json(&job);
    // A form or an image of a page on another port of this machine: the browser adds the cookie.
    for request in [
        change(),
        change().header("origin", &own),
        change().header("x-console", "1"),
        change().header("origin", &own).header("x-console", "1").header("sec-fetch-site", "same-site"),
    ] {
        request.send().await.expect_problem(403, "forbidden");
    }
    let image =
        server.bare("GET", "/api/v1/executions").header("cookie", &cookie).header("sec-fetch-site", "same-site");
    image.send().await.expect_problem(403, "forbidden");
    let real = change().header("origin", &own).header("x-console", "1").header("sec-fetch-site", "same-origin");
    assert_eq!(real.send().await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_leads_out_of_no_folder() {
    let server = Server::start();
    for path in [
        "/assets/../Cargo.toml",
        "/assets/..%2fCargo.toml",
        "/assets/%2e%2e/Cargo.toml",
        "/assets//etc/passwd",
        "/assets/%2fetc%2fpasswd",
        "/assets/..%5cCargo.toml",
        "/assets/%00",
        "/assets/",
        "/../../etc/passwd",
        "/assets/index.html/../../../Cargo.toml",
    ] {
        let answer = server.bare("GET", path).header("authorization", &format!("Bearer {TOKEN}")).send().await;
        assert!(matches!(answer.status, 400 | 404), "{path}: {} {}", answer.status, answer.text());
        assert!(!answer.text().contains("[package]") && !answer.text().contains("root:"), "{path}");
    }
    for id in ["..%2f..%2fcontrol.db", "..", "%00", "'%20OR%201=1", "%ff", "latest%0d%0aX-Evil:%201"] {
        let answer = server.request("GET", &format!("/executions/{id}/segments/0/logs")).send().await;
        assert!(matches!(answer.status, 400 | 404), "{id}: {} {}", answer.status, answer.text());
        assert_eq!(answer.header("x-evil"), None);
    }
}

/// A script where a job, its key, its spec, its error and its result have text.
const SCRIPT: &str = "<script>alert(1)</script><img src=x onerror=alert(2)>";

#[tokio::test(flavor = "multi_thread")]
async fn a_script_in_data_is_text_in_json() {
    let server = Server::start();
    let mut job =
        server.request("POST", "/executions").json(&json!({ "job": SCRIPT, "source": { "type": "external" } }));
    job.clone().send().await.expect_problem(400, "bad_request");
    let command = format!("echo '{SCRIPT}'; echo '{SCRIPT}' >&2; exit 1");
    job = server.request("POST", "/executions").json(&json!({
        "job": "script", "key": SCRIPT, "source": { "type": "list", "codes": [SCRIPT] },
        "parameters": { "work": "exec", "command": command }, "policy": { "max_attempts": 1 }
    }));
    let started = job.send().await;
    assert_eq!(started.status, 201, "{}", started.text());
    let id = started.json()["execution_id"].as_str().unwrap().to_owned();
    let mut paths = vec!["/executions".to_owned(), "/grid".to_owned(), format!("/executions/{id}")];
    paths.extend(
        ["segments", "segments/0", "segments/0/logs", "failures", "attempts", "results", "events"]
            .map(|part| format!("/executions/{id}/{part}")),
    );
    paths.push(format!(
        "/executions/{}",
        SCRIPT.replace('<', "%3C").replace('>', "%3E").replace(' ', "%20").replace('/', "%2F")
    ));
    for path in paths {
        let answer = server.request("GET", &path).send().await;
        let media = answer.header("content-type").unwrap();
        assert!(matches!(media, "application/json" | "application/problem+json"), "{path}: {media}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert!(
            answer.header("content-security-policy").unwrap().starts_with("default-src 'none'; script-src 'self';")
        );
        answer.json();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_or_too_slow_is_cut_off() {
    let server = Server::start();
    let large = json!({ "job": "a", "source": { "type": "external" }, "parameters": "x".repeat(5 * 1024 * 1024) });
    server.request("POST", "/executions").json(&large).send().await.expect_problem(413, "too_large");
    // One that only says so, and one of whose length nothing is said.
    for framing in [("content-length", "99999999999"), ("transfer-encoding", "chunked")] {
        let request = server
            .request("POST", "/executions")
            .header("content-type", "application/json")
            .header(framing.0, framing.1);
        let mut stream = TcpStream::connect(&server.address).await.unwrap();
        stream.write_all(request.head().as_bytes()).await.unwrap();
        let answer = client::read(&mut stream).await;
        answer.expect_problem(408, "request_timeout");
    }
    assert_eq!(server.get("/health").await["status"], "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_never_end_are_cut_off_and_keep_no_place() {
    let server = Server::start();
    let mut stalled = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(&server.address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: ").await.unwrap();
        stalled.push(stream);
    }
    assert_eq!(server.get("/health").await["status"], "ok");
    let closed = tokio::time::timeout(Duration::from_secs(30), async {
        for stream in &mut stalled {
            let mut rest = Vec::new();
            // Closed by the server, with an answer or without.
            let _ = tokio::io::AsyncReadExt::read_to_end(stream, &mut rest).await;
        }
    });
    assert!(closed.await.is_ok(), "the server waits for ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_harm_nothing() {
    let mut server = Server::start();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    ] {
        let mut stream = TcpStream::connect(&server.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{bytes:?}");
    }
    let many: Request =
        (0..200).fold(server.request("GET", "/health"), |request, n| request.header(&format!("x-{n}"), "y"));
    assert!(many.send().await.status >= 400);
    assert!(server.lives());
    assert_eq!(server.get("/health").await["status"], "ok");
}

#[test]
fn an_address_that_other_machines_reach_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80", "8.8.8.8:1"] {
        let output = command(dir.path(), &["console", "--address", address]).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains("loopback"), "{error}");
    }
}
