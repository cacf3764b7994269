//! Whether the server answers, and what it serves.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::parts::{Parts, Place};
use crate::problem::responses::ReadProblems;

/// Whether the server answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`.
    #[schema(value_type = String)]
    pub status: &'static str,
}

/// Says that the server answers. Reads nothing, and needs no token.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "get_health",
    tag = "system",
    security(()),
    responses(
        (status = 200, description = "It answers", body = Health),
        ReadProblems,
    ),
)]
pub async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Shows which system the server serves, and whether it may be changed.
#[utoipa::path(
    get,
    path = "/me",
    operation_id = "get_me",
    tag = "system",
    responses(
        (status = 200, description = "What the server serves", body = Place),
        ReadProblems,
    ),
)]
pub async fn me(State(parts): State<Parts>) -> Json<Place> {
    Json(parts.place)
}
