//! `status ID`.

use std::process::ExitCode;

use control_table::read::FindError;

use crate::args::IdArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::summary::{self, Details};

pub(super) async fn execute(context: &Context, execution: &IdArgs) -> Result<ExitCode, CliError> {
    let database = context.read().await?;
    let table = database.control_table();
    let execution_id = context.resolve(table, execution).await?;
    let view = table.summary(execution_id).await?.ok_or_else(|| FindError::NotFound(execution.id.clone()))?;
    let details = Details::of(table, &view).await?;
    summary::print(&context.output, &view, &details)?;
    if !view.status.is_terminal() {
        context.warn_if_left(&database, execution_id).await?;
    }
    // It was asked how the execution stands, and that is answered: whatever the answer is.
    Ok(ExitCode::SUCCESS)
}
