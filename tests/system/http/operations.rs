//! What the API does with executions, beside other processes and without any.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use super::server::{Server, command};

/// How long a test waits for an execution, and between two looks.
const WAIT: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(50);

fn event(key: &str) -> Value {
    json!({ "job": "api", "key": key, "source": { "type": "range", "from": 0, "to": 200, "size": 1 }, "parameters": { "work": "noop" } })
}

/// Looks until an execution is as wanted.
async fn until(server: &Server, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let deadline = tokio::time::Instant::now() + WAIT;
    loop {
        let view = server.get(&format!("/executions/{id}")).await;
        if is_so(&view) {
            return view;
        }
        assert!(tokio::time::Instant::now() < deadline, "never: {view}");
        tokio::time::sleep(LOOK).await; // sleeps because another process does what is waited for
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_is_idempotent_by_its_key_or_the_header() {
    let server = Server::start();
    let start = |event: Value| server.request("POST", "/executions").json(&event);
    let first = start(event("k")).send().await;
    assert_eq!(first.status, 201, "{}", first.text());
    let id = first.json()["execution_id"].as_str().unwrap().to_owned();
    assert_eq!(first.header("location"), Some(format!("/api/v1/executions/{id}").as_str()));
    let again = start(event("k")).send().await;
    assert_eq!((again.status, &again.json()["execution_id"]), (200, &json!(id)), "{}", again.text());
    assert_eq!(until(&server, &id, |view| view["finished_at"].is_string()).await["status"], "SUCCEEDED");

    let mut other = event("k");
    other["source"]["to"] = json!(201);
    start(other).send().await.expect_problem(409, "conflict");

    let mut bare = event("");
    bare.as_object_mut().unwrap().remove("key");
    let by_header = start(bare.clone()).header("idempotency-key", "from the header").send().await;
    assert_eq!((by_header.status, &by_header.json()["key"]), (201, &json!("from the header")), "{}", by_header.text());
    let (one, two) = (start(bare.clone()).send().await.json(), start(bare).send().await.json());
    assert_ne!(one["execution_id"], two["execution_id"], "each without a key is a new one");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_before_anything_is_written() {
    let server = Server::start();
    for (body, words) in [
        (json!({}), "job"),
        (json!({ "job": "a b", "source": { "type": "external" } }), "not a job name"),
        (json!({ "job": "a", "source": { "type": "csv" } }), "no source"),
        (json!({ "job": "a", "source": { "type": "range", "from": 2, "to": 1, "size": 1 } }), "after `to`"),
        (json!([1, 2]), "no JSON object"),
    ] {
        let answer = server.request("POST", "/executions").json(&body).send().await;
        answer.expect_problem(400, "bad_request");
        assert!(answer.text().contains(words), "{body}: {}", answer.text());
    }
    let form =
        server.request("POST", "/executions").json(&event("k")).header("content-type", "text/plain").send().await;
    form.expect_problem(415, "unsupported_media_type");
    let nothing =
        server.request("PATCH", "/executions/0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b").json(&json!({})).send().await;
    nothing.expect_problem(400, "bad_request");
    assert_eq!(server.get("/executions").await["executions"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_execution_is_filled_sealed_and_redriven() {
    let server = Server::start();
    let job = json!({
        "job": "external", "key": "k", "source": { "type": "external" },
        "parameters": { "work": "exec", "command": "test -e $(dirname $0)/go || exit 3" }, "policy": { "max_attempts": 1 }
    });
    let opened = server.request("POST", "/executions").json(&job).send().await;
    assert_eq!(opened.status, 201, "{}", opened.text());
    let path = format!("/executions/{}", opened.json()["execution_id"].as_str().unwrap());
    let add = json!({ "token": "t", "specs": [{ "n": 1 }, { "n": 2 }] });
    for already in [false, true] {
        let added = server.request("POST", &format!("{path}/segments")).json(&add).send().await;
        assert_eq!((added.status, &added.json()["already"]), (200, &json!(already)), "{}", added.text());
    }
    let sealed = server.request("POST", &format!("{path}/seal")).send().await;
    assert_eq!((sealed.status, &sealed.json()["segments"]), (200, &json!(2)), "{}", sealed.text());
    let id = path.trim_start_matches("/executions/");
    until(&server, id, |view| view["status"] == "FAILED").await;

    let redrive = || server.request("POST", &format!("{path}/redrive"));
    redrive().json(&json!({ "segments": "9" })).send().await.expect_problem(409, "conflict");
    // Its completion event is out a moment after its end.
    let mut redriven = redrive().send().await;
    while redriven.status == 409 && redriven.json()["retryable"] == true {
        tokio::time::sleep(LOOK).await; // sleeps because the event is published meanwhile
        redriven = redrive().send().await;
    }
    assert_eq!((redriven.status, &redriven.json()["segments"]), (200, &json!(2)), "{}", redriven.text());
    until(&server, id, |view| view["generation"] == 2 && view["status"] == "FAILED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_another_process_is_limited_and_cancelled() {
    let server = Server::start();
    let arguments = [
        "run",
        "--job",
        "long",
        "--key",
        "k",
        "--source",
        "range",
        "--from",
        "0",
        "--to",
        "100000",
        "--size",
        "1",
        "--work",
        "noop",
        "--sleep-ms",
        "20",
        "--max-concurrency",
        "2",
        "--quiet",
        "--json",
    ];
    let mut run = command(server.dir.path(), &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = tokio::time::Instant::now() + WAIT;
    let id = loop {
        let list = server.get("/executions").await;
        if let Some(id) = list["executions"][0]["execution_id"].as_str() {
            break id.to_owned();
        }
        assert!(tokio::time::Instant::now() < deadline, "it never opens");
        tokio::time::sleep(LOOK).await; // sleeps because another process opens it
    };
    until(&server, &id, |view| view["succeeded"].as_u64() > Some(0)).await;
    let now = server.get("/now").await;
    assert!(now["processes"].as_array().unwrap().iter().any(|process| process["executions"] == json!([id])), "{now}");
    let set = server.request("PATCH", &format!("/executions/{id}")).json(&json!({ "max_concurrency": 3 })).send().await;
    assert_eq!((set.status, &set.json()["max_concurrency"]), (200, &json!(3)), "{}", set.text());
    let cancelled = server.request("POST", &format!("/executions/{id}/cancel")).send().await;
    assert_eq!(cancelled.status, 200, "{}", cancelled.text());
    until(&server, &id, |view| view["status"] == "CANCELLED").await;
    assert!(!run.wait().unwrap().success(), "a cancelled run is no success");
    let dry =
        server.request("POST", &format!("/executions/{id}/repair")).json(&json!({ "dry_run": true })).send().await;
    assert_eq!((dry.status, &dry.json()["differences"]), (200, &json!([])), "{}", dry.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_only_reads_refuses_every_change() {
    let server = Server::on(tempfile::tempdir().unwrap(), &["--read-only"]);
    let description = server.get("/openapi.json").await;
    let mut changes = 0;
    for (path, operations) in description["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys().filter(|method| *method != "get") {
            let path = path.replace("{id}", "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b");
            let answer = server.request(&method.to_uppercase(), &path).json(&json!({})).send().await;
            answer.expect_problem(403, "read_only");
            changes += 1;
        }
    }
    assert_eq!(changes, 7, "start, limits, cancel, redrive, repair, seal, add");
    assert_eq!(server.get("/me").await["read_only"], true);
}
