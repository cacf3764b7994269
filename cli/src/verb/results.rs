//! `results ID`.

use std::process::ExitCode;

use api::view::OutcomeView;
use control_table::rows::SegmentStatus;

use crate::args::ResultsArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::execution::IdError;

/// JSON lines with or without `--json`: this is for programs, and a group at a time, because an execution may have millions.
pub(super) async fn execute(context: &Context, args: &ResultsArgs) -> Result<ExitCode, CliError> {
    let database = context.read().await?;
    let table = database.control_table();
    let execution_id = context.resolve(table, &args.id).await?;
    let execution = table.execution(execution_id).await?.ok_or_else(|| IdError::NotFound(args.id.clone()))?;
    let status = args.status.map(SegmentStatus::from);
    for group in 0..execution.groups {
        let rows = table.group_segments(execution_id.group(group), status).await?;
        context.output.values(&rows.into_iter().filter_map(OutcomeView::of).collect::<Vec<_>>())?;
    }
    Ok(ExitCode::SUCCESS)
}
