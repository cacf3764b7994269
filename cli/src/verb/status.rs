//! `status ID`.

use std::process::ExitCode;

use api::view::ExecutionView;
use control_table::read::FindError;

use crate::args::IdArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::summary;

pub(super) async fn execute(context: &Context, execution: &IdArgs) -> Result<ExitCode, CliError> {
    let database = context.read().await?;
    let table = database.control_table();
    let execution_id = context.resolve(table, execution).await?;
    let view = ExecutionView::read(table, execution_id).await?;
    let view = view.ok_or_else(|| FindError::NotFound(execution.id.clone()))?;
    summary::print(&context.output, &view)?;
    if !view.summary.status.is_terminal() {
        context.warn_if_left(&database, execution_id).await?;
    }
    // It was asked how the execution stands, and that is answered: whatever the answer is.
    Ok(ExitCode::SUCCESS)
}
