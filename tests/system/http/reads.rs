//! What the API shows is what the command line shows.

use serde_json::{Value, json};

use super::server::Server;

/// A job with a failure, a retry, counters and output.
const JOB: [&str; 22] = [
    "run",
    "--job",
    "reads",
    "--key",
    "k/1 ä",
    "--source",
    "range",
    "--from",
    "0",
    "--to",
    "300",
    "--size",
    "1",
    "--work",
    "exec",
    "--exec",
    "echo said; test $SEGMENT_INDEX != 7",
    "--max-attempts",
    "1",
    "--tolerated-failures",
    "1",
    "--quiet",
];

fn with_an_execution() -> (Server, String) {
    let server = Server::start();
    let id = server.run(&JOB)["execution_id"].as_str().unwrap().to_owned();
    (server, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_is_the_object_of_status() {
    let (server, id) = with_an_execution();
    let status = server.run(&["status", &id]);
    assert_eq!(status["first_error"]["kind"], "retryable");
    assert_eq!(server.get(&format!("/executions/{id}")).await, status);
    assert_eq!(server.get("/jobs/reads/keys/k%2F1%20%C3%A4").await, status);
    assert_eq!(server.get("/executions").await, json!({ "executions": [status], "next": null }));
    for nothing in ["job=other", "status=RUNNING", "key=other", "day=1999-01-01", "since=2999-01-01T00:00:00Z"] {
        assert_eq!(server.get(&format!("/executions?{nothing}")).await["executions"], json!([]), "{nothing}");
    }
    let failures = server.run(&["failures", &id]);
    assert_eq!(server.get(&format!("/executions/{id}/failures")).await, failures);
}

/// The pages of a list, put together.
async fn all(server: &Server, path: &str, things: &str, limit: usize) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    for _ in 0..1_000 {
        let page = server.get(&format!("{path}limit={limit}{cursor}")).await;
        found.extend(page[things].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else { return found };
        cursor = format!("&cursor={next}");
    }
    panic!("{path} has no end");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_any_size_have_every_segment_once() {
    let (server, id) = with_an_execution();
    let path = format!("/executions/{id}");
    for limit in [1, 7, 128, 1_000] {
        let segments = all(&server, &format!("{path}/segments?status=FAILED&"), "segments", limit).await;
        assert_eq!((segments.len(), &segments[0]["index"]), (1, &json!(7)));
        if limit > 1 {
            let segments = all(&server, &format!("{path}/segments?"), "segments", limit).await;
            let indexes: Vec<u64> = segments.iter().map(|segment| segment["index"].as_u64().unwrap()).collect();
            assert_eq!(indexes, (0..300).collect::<Vec<_>>(), "by {limit}");
            assert_eq!(all(&server, &format!("{path}/results?"), "results", limit).await.len(), 300);
        }
        let attempts = all(&server, &format!("{path}/attempts?"), "attempts", limit).await;
        assert_eq!((attempts.len(), &attempts[0]["segment"]), (1, &json!(7)));
        let groups = all(&server, &format!("{path}/groups?"), "groups", limit).await;
        assert_eq!(
            groups,
            [json!([0, 128, 0, 0, 127, 1, 0]), json!([1, 128, 0, 0, 128, 0, 0]), json!([2, 44, 0, 0, 44, 0, 0])]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_has_its_output_and_an_execution_its_statistics() {
    let (server, id) = with_an_execution();
    let segment = server.get(&format!("/executions/{id}/segments/7")).await;
    assert_eq!((&segment["status"], &segment["failures"][0]["attempt"]), (&json!("FAILED"), &json!(1)));
    let logs = server.get(&format!("/executions/{id}/segments/7/logs")).await;
    assert_eq!(
        logs["attempts"],
        json!([{ "generation": 1, "attempt": 1, "text": "--- standard output\nsaid\n", "cut": false }])
    );
    server.request("GET", &format!("/executions/{id}/segments/300")).send().await.expect_problem(404, "not_found");

    let statistics = server.get(&format!("/executions/{id}/statistics")).await;
    assert_eq!((&statistics["sampled"], &statistics["of"]), (&json!(300), &json!(300)));
    let sum =
        |list: &Value, of: &str| list.as_array().unwrap().iter().map(|point| point[of].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum(&statistics["throughput"], "succeeded"), 299);
    assert_eq!(sum(&statistics["throughput"], "failed"), 1);
    assert_eq!(sum(&statistics["durations_ms"]["histogram"], "count"), 300);

    let events = server.get(&format!("/executions/{id}/events")).await;
    let kinds: Vec<&str> =
        events["events"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    for kind in ["opened", "sealed", "first_failure", "finished"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    assert_eq!(server.get(&format!("/executions/{id}/retries")).await, json!({ "retries": [], "count": 0 }));
    assert_eq!(server.get("/dead-letters").await, json!({ "dead_letters": [], "next": null }));
    let grid = server.get("/grid?days=2&job=reads").await;
    let cells = grid["jobs"][0]["cells"].as_array().unwrap();
    assert_eq!(cells.iter().map(|cell| cell.as_array().unwrap().len()).sum::<usize>(), 1, "{grid}");
    assert_eq!(server.get("/jobs").await["jobs"][0]["last_execution"], id);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_meant_by_no_request_is_refused_by_name() {
    let (server, id) = with_an_execution();
    for path in [
        "/executions?limit=0",
        "/executions?limit=1001",
        "/executions?limit=x",
        "/executions?stauts=FAILED",
        "/executions?status=LOST",
        "/executions?limit=",
        "/executions?cursor=forged",
        "/executions?job=a%20b",
        "/executions?since=yesterday",
        "/grid?days=1000",
    ] {
        server.request("GET", path).send().await.expect_problem(400, "bad_request");
    }
    let groups = server.get(&format!("/executions/{id}/groups?limit=1")).await["next"].as_str().unwrap().to_owned();
    let foreign = format!("/executions/{id}/segments?cursor={groups}");
    server.request("GET", &foreign).send().await.expect_problem(400, "bad_request");
    server.request("GET", "/nothing").send().await.expect_problem(404, "not_found");
    server
        .request("GET", "/executions/0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b")
        .send()
        .await
        .expect_problem(404, "not_found");
    server.request("DELETE", &format!("/executions/{id}")).send().await.expect_problem(405, "method_not_allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_of_version_3_1_and_has_every_path() {
    let server = Server::start();
    let description = server.get("/openapi.json").await;
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1."), "{}", description["openapi"]);
    assert!(description["paths"].as_object().unwrap().len() > 20);
    for (path, operations) in description["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key("503") && responses.contains_key("401"), "{method} {path}");
            assert!(operation["summary"].is_string() || operation["description"].is_string(), "{method} {path}");
        }
    }
    assert_eq!(server.get("/health").await, json!({ "status": "ok" }));
    let me = server.get("/me").await;
    assert_eq!((&me["read_only"], &me["stack"]), (&json!(false), &Value::Null));
}
