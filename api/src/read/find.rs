//! The execution that a path names.

use control_table::ControlTable;
use control_table::id::ExecutionId;
use control_table::rows::ExecutionRow;

use crate::parts::Parts;
use crate::problem::Problem;

/// The ID of the execution that is meant.
///
/// # Errors
/// When there is none, or more than one.
pub async fn find(parts: &Parts, text: &str) -> Result<ExecutionId, Problem> {
    execution(parts, text).await.map(|row| row.execution_id)
}

/// The row of the execution that is meant.
///
/// # Errors
/// When there is none, or more than one.
pub async fn execution(parts: &Parts, text: &str) -> Result<ExecutionRow, Problem> {
    let table = parts.table();
    let execution_id = text.to_ascii_lowercase().parse::<ExecutionId>().map_err(Problem::not_found)?;
    row(table, execution_id).await
}

async fn row(table: &ControlTable, execution_id: ExecutionId) -> Result<ExecutionRow, Problem> {
    let missing = || Problem::not_found(format_args!("there is no execution {execution_id} here"));
    table.execution(execution_id).await?.ok_or_else(missing)
}
