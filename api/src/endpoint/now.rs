//! What happens on this machine at this moment.

use axum::Json;
use axum::extract::State;

use crate::machine::Now;
use crate::parts::Parts;
use crate::problem::Problem;
use crate::problem::responses::ReadProblems;

/// Shows the processes of the data directory, what its workers do, and what waits for them.
#[utoipa::path(
    get,
    path = "/now",
    operation_id = "get_now",
    tag = "system",
    responses(
        (status = 200, description = "What happens now", body = Now),
        ReadProblems,
    ),
)]
pub async fn get(State(parts): State<Parts>) -> Result<Json<Now>, Problem> {
    let machine = parts.machine.as_ref().ok_or_else(|| Problem::not_kept_here("processes and queues"))?;
    Ok(Json(machine.now().await?))
}
