//! `list`.

use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat};
use control_table::ControlTable;
use control_table::read::ExecutionSummary;
use control_table::read::ListQuery;
use serde_json::json;

use crate::args::ListArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::format::grouped;
use crate::output::{Colour, Output};
use crate::summary::colour;

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
        context.output.value(&json!({ "executions": views, "next": next }))?;
        return Ok(ExitCode::SUCCESS);
    }
    print(&context.output, &views)?;
    if let Some(next) = next {
        context.output.note(format_args!("there may be more: `{} list --before {next}`", context.program));
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

fn print(output: &Output, views: &[ExecutionSummary]) -> Result<(), CliError> {
    if views.is_empty() {
        output.note("no executions");
        return Ok(());
    }
    let widest = views.iter().map(|view| view.job.as_str().len()).max().unwrap_or(0).max("JOB".len());
    let head = format!(
        "{:<36}  {:<widest$}  {:<10}  {:>17}  {:>8}  {:>14}  {:<20}  KEY",
        "ID", "JOB", "STATUS", "SEGMENTS", "FAILED", "ITEMS", "BEGUN"
    );
    output.line(output.paint(Colour::Dim, head))?;
    for view in views {
        let status = output.paint(colour(view.status), format_args!("{:<10}", view.status.as_str()));
        let progress = format!("{}/{}", view.done(), view.segments.max(view.expected.unwrap_or(0)));
        let begun = view.created_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let (id, job, failed) = (view.execution_id.to_string(), view.job.as_str(), grouped(view.failed));
        let items = grouped(view.item_count);
        output.line(format_args!(
            "{id:<36}  {job:<widest$}  {status}  {progress:>17}  {failed:>8}  {items:>14}  {begun:<20}  {}",
            view.key
        ))?;
    }
    Ok(())
}
