//! `list`.

use std::process::ExitCode;

use chrono::DateTime;
use control_table::ControlTable;
use control_table::id::ExecutionId;
use control_table::read::ExecutionSummary;
use control_table::read::ListQuery;
use serde::Serialize;

use crate::args::ListArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::execution_table::ExecutionTable;

/// What `list --json` prints.
#[derive(Serialize)]
struct Answer {
    executions: Vec<ExecutionSummary>,
    /// Where the next page begins, if there may be one.
    next: Option<ExecutionId>,
}

pub(super) async fn execute(context: &Context, args: ListArgs) -> Result<ExitCode, CliError> {
    let limit = usize::from(args.limit);
    let views = match context.read().await {
        Ok(tables) => listed(context, tables.control_table(), args).await?,
        // Nothing was ever kept here: that is an empty list, and no mistake.
        Err(CliError::Local(local::Error::Empty(_))) => Vec::new(),
        Err(error) => return Err(error),
    };
    let next = views.last().filter(|_| views.len() >= limit).map(|view| view.execution_id);
    if context.output.is_json() {
        context.output.value(&Answer { executions: views, next })?;
        return Ok(ExitCode::SUCCESS);
    }
    print(context, &views)?;
    if let Some(next) = next {
        let list = context.command(format_args!("list --before {next}"));
        context.output.note(format_args!("there may be more: {list}"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn listed(context: &Context, table: &ControlTable, args: ListArgs) -> Result<Vec<ExecutionSummary>, CliError> {
    let now = context.now();
    let before = match &args.before {
        Some(id) => Some(context.resolve(table, id).await?),
        None => None,
    };
    let since = args.since.map_or(DateTime::UNIX_EPOCH, |since| since.moment(now));
    views(table, &ListQuery { job: args.job, since, now, before, limit: args.limit }).await
}

async fn views(table: &ControlTable, query: &ListQuery) -> Result<Vec<ExecutionSummary>, CliError> {
    let mut views = Vec::new();
    for row in table.executions(query).await? {
        // Read again, with its tallies: an index does not know how far an execution has come.
        views.extend(table.summary(row.execution_id).await?);
    }
    Ok(views)
}

fn print(context: &Context, views: &[ExecutionSummary]) -> Result<(), CliError> {
    let output = &context.output;
    if views.is_empty() {
        output.note("no executions");
        return Ok(());
    }
    let table = ExecutionTable::new(views, context.now(), output.width());
    output.line(table.head())?;
    for view in views {
        output.line(table.row(view))?;
    }
    Ok(())
}
