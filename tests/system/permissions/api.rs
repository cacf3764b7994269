//! The ways through the HTTP API as its function has it: every endpoint, on an engine whose calls are noted.

use std::sync::Arc;

use api::{Parts, Place};
use axum::body::Body;
use axum::http::{Request, header};
use control_table::ControlTable;
use control_table::clock::Entropy;
use control_table::id::{ExecutionId, ExecutionKey};
use control_table::policy::Policy;
use control_table::rows::{ExecutionStatus, Selection, Stop};
use engine::operate::{CancelReport, LimitChange, RedriveReport, RepairMode, RepairReport};
use engine::scatter::{Added, ScatterAnswer, ScatterEvent};
use engine::{Engine, Finished, NO_DEADLINE, Operator, OperatorError, Started};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::calls::Calls;
use super::world::{AllCalls, World, run};
use super::{Permission, Resource};

/// A stack's operator, as `aws::Deployed` is one: scatter starts executions, the engine does the rest.
struct OnStack {
    engine: Engine,
    scatter: Engine,
    calls: Calls,
}

impl Operator for OnStack {
    fn table(&self) -> &ControlTable {
        self.engine.table()
    }

    fn start(&self, event: ScatterEvent, key: ExecutionKey) -> BoxFuture<'_, Result<Started, OperatorError>> {
        Box::pin(async move {
            if let Some(execution_id) = self.engine.existing(&event, &key).await? {
                return Ok(Started { execution_id, key, opened: false });
            }
            let scatter = Resource::Function("ScatterFunction".to_owned());
            self.calls.note([Permission::new("lambda:InvokeFunction", scatter)]);
            let answer = self.scatter.scatter(event, key.as_str(), NO_DEADLINE).await?;
            Ok(Started { execution_id: answer.execution_id, key, opened: true })
        })
    }

    fn cancel(&self, execution_id: ExecutionId) -> BoxFuture<'_, Result<CancelReport, OperatorError>> {
        Box::pin(async move { Ok(self.engine.cancel(execution_id, Stop::Requested, NO_DEADLINE).await?) })
    }

    fn redrive(&self, id: ExecutionId, selection: Selection) -> BoxFuture<'_, Result<RedriveReport, OperatorError>> {
        Box::pin(async move { Ok(self.engine.redrive(id, selection, NO_DEADLINE).await?) })
    }

    fn repair(&self, id: ExecutionId, mode: RepairMode) -> BoxFuture<'_, Result<RepairReport, OperatorError>> {
        Box::pin(async move { Ok(self.engine.repair(id, mode).await?) })
    }

    fn set(&self, execution_id: ExecutionId, change: LimitChange) -> BoxFuture<'_, Result<Policy, OperatorError>> {
        Box::pin(async move { Ok(self.engine.set(execution_id, change).await?) })
    }

    fn open<'a>(&'a self, event: ScatterEvent, id: &'a str) -> BoxFuture<'a, Result<ScatterAnswer, OperatorError>> {
        Box::pin(async move { Ok(self.engine.open(event, id).await?) })
    }

    fn add<'a>(
        &'a self,
        execution_id: ExecutionId,
        token: &'a str,
        specs: Vec<Value>,
    ) -> BoxFuture<'a, Result<Added, OperatorError>> {
        Box::pin(async move { Ok(self.engine.add(execution_id, token, specs).await?) })
    }

    fn seal(&self, execution_id: ExecutionId) -> BoxFuture<'_, Result<ScatterAnswer, OperatorError>> {
        Box::pin(async move { Ok(self.engine.seal(execution_id).await?) })
    }

    fn resume(&self) -> BoxFuture<'_, Result<Vec<ExecutionId>, OperatorError>> {
        panic!("the API does not resume")
    }

    fn wait(&self, _: ExecutionId) -> BoxFuture<'_, Result<Finished, OperatorError>> {
        panic!("the API does not wait")
    }

    fn shutdown(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// The API, and what it is asked.
struct Api {
    router: axum::Router,
}

impl Api {
    fn of(world: &World, calls: &AllCalls) -> Self {
        let place = Place {
            system: "test".to_owned(),
            version: "0".to_owned(),
            stack: Some("s".to_owned()),
            read_only: false,
            cli: None,
        };
        let (engine, scatter) = (world.api.clone(), world.operators.clone());
        let operator = Arc::new(OnStack { engine, scatter, calls: calls.api.clone() });
        let (clock, entropy) = (Arc::clone(&world.clock) as _, Arc::new(Entropy::from_seed(5)));
        Self { router: api::router(Parts { operator, machine: None, is_streaming: false, place, clock, entropy }) }
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let answer = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    async fn change(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, path, Some(body)).await;
        assert!(matches!(status, 200 | 201), "{path}: {status} {answer}");
        answer
    }
}

/// Every endpoint; operations on executions that run, that failed, and that are filled by their caller.
pub async fn api_paths(calls: &AllCalls) {
    let world = World::new(calls).await;
    let api = Api::of(&world, calls);
    let started =
        api.change("POST", "/executions", run("by the API", 130, "fail", json!({"max_concurrency": 2}))).await;
    let path = format!("/executions/{}", started["execution_id"].as_str().unwrap());
    api.change("POST", "/executions", run("by the API", 130, "fail", json!({}))).await;
    api.change("PATCH", &path, json!({"max_concurrency": 3})).await;
    reads(&api, &path).await;
    world.go_on(&world.worker).await;
    reads(&api, &path).await;
    api.change("POST", &format!("{path}/redrive"), json!({})).await;
    api.change("POST", &format!("{path}/cancel"), json!({})).await;
    api.change("POST", &format!("{path}/repair"), json!({})).await;
    filled(&api).await;
    world.hear().await;
    let id = started["execution_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(world.row(id).await.status, ExecutionStatus::Cancelled);
}

async fn reads(api: &Api, path: &str) {
    for read in [
        "/executions",
        "/executions?job=job",
        "/jobs",
        "/grid",
        "/dead-letters",
        "/me",
        "/health",
        "/jobs/job/keys/by%20the%20API",
    ] {
        api.get(read).await;
    }
    for read in [
        "",
        "/segments",
        "/segments/0",
        "/groups",
        "/statistics",
        "/failures",
        "/results",
        "/attempts",
        "/retries",
        "/events",
    ] {
        api.get(&format!("{path}{read}")).await;
    }
    for read in ["/now".to_owned(), format!("{path}/watch"), format!("{path}/segments/0/logs")] {
        let (status, answer) = api.ask("GET", &read, None).await;
        assert_eq!((status, &answer["code"]), (404, &json!("not_kept_here")), "{read}");
    }
}

async fn filled(api: &Api) {
    let event = json!({"job": "job", "key": "filled", "source": {"type": "external"}});
    let opened = api.change("POST", "/executions", event).await;
    let path = format!("/executions/{}", opened["execution_id"].as_str().unwrap());
    api.change("POST", &format!("{path}/segments"), json!({"token": "t", "specs": [1, 2, 3]})).await;
    api.change("POST", &format!("{path}/seal"), json!({})).await;
    api.change("POST", &format!("{path}/cancel"), json!({})).await;
}
