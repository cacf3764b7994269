//! `status ID`.

use std::process::ExitCode;

use api::view::ExecutionView;

use crate::context::Context;
use crate::error::CliError;
use crate::execution::IdError;
use crate::summary;

pub(super) async fn execute(context: &Context, id: &str) -> Result<ExitCode, CliError> {
    let database = context.read().await?;
    let table = database.control_table();
    let execution_id = context.resolve(table, id).await?;
    let view = ExecutionView::read(table, execution_id).await?.ok_or_else(|| IdError::NotFound(id.to_owned()))?;
    summary::print(&context.output, &view)?;
    if !view.summary.status.is_terminal() {
        context.warn_if_left(&database, execution_id).await?;
    }
    // It was asked how the execution stands, and that is answered: whatever the answer is.
    Ok(ExitCode::SUCCESS)
}
