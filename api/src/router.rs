//! The routes, and their description.

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::endpoint::{
    attempts, dead_letters, events, executions, external, failures, grid, groups, health, jobs, now, operate, results,
    retries, segments, start, statistics, watch,
};
use crate::headers::secure;
use crate::parts::Parts;
use crate::problem::{Code, Problem, ProblemDetails};

/// Where the API is.
const BASE: &str = "/api/v1";

/// What the description says beside its paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "scatter-gather",
        description = "Executions of long jobs that are cut into segments: start them, look at them, operate on them.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "executions", description = "Executions: start, list, look"),
        (name = "segments", description = "The segments of an execution"),
        (name = "operate", description = "What an operator does with an execution"),
        (name = "system", description = "The system that runs them")
    ),
    components(schemas(ProblemDetails)),
    security(("token" = []))
)]
struct Description;

/// The API, under `/api/v1`.
pub fn router(parts: Parts) -> Router {
    let (routes, description) = described();
    let routes = routes.route("/openapi.json", get(async || axum::Json(description)));
    let routes = routes.fallback(no_such_path).method_not_allowed_fallback(no_such_method);
    Router::new().nest(BASE, routes).layer(from_fn(secure)).with_state(parts)
}

/// The description of the API: `OpenAPI` 3.1.
#[must_use]
pub fn description() -> utoipa::openapi::OpenApi {
    described().1
}

fn described() -> (Router<Parts>, utoipa::openapi::OpenApi) {
    let (routes, mut description) = routes().split_for_parts();
    description.servers = Some(vec![utoipa::openapi::Server::new(BASE)]);
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The token of the console"));
    let components = description.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::Http(token.build()));
    (routes, description)
}

fn routes() -> OpenApiRouter<Parts> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(health::health))
        .routes(routes!(health::me))
        .routes(routes!(executions::list, start::start))
        .routes(routes!(executions::get, operate::set))
        .routes(routes!(executions::of_key))
        .routes(routes!(operate::cancel))
        .routes(routes!(operate::redrive))
        .routes(routes!(operate::repair))
        .routes(routes!(external::seal))
        .routes(routes!(segments::list, external::add))
        .routes(routes!(segments::get))
        .routes(routes!(segments::logs))
        .routes(routes!(groups::list))
        .routes(routes!(statistics::get))
        .routes(routes!(failures::get))
        .routes(routes!(results::list))
        .routes(routes!(attempts::list))
        .routes(routes!(retries::list))
        .routes(routes!(events::list))
        .routes(routes!(watch::watch))
        .routes(routes!(jobs::list))
        .routes(routes!(grid::get))
        .routes(routes!(dead_letters::list))
        .routes(routes!(now::get))
}

async fn no_such_path() -> Problem {
    Problem::not_found("there is no such path: /api/v1/openapi.json has those there are")
}

async fn no_such_method() -> Problem {
    Problem::new(Code::MethodNotAllowed, "this path has other methods: /api/v1/openapi.json has them")
}
