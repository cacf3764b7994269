//! `list`.

use std::process::ExitCode;

use control_table::ControlTable;
use control_table::id::ExecutionId;
use control_table::read::{ExecutionSummary, ListQuery};
use serde::Serialize;

use crate::args::{IdArgs, ListArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::execution_table::ExecutionTable;

/// What `list --json` prints.
#[derive(Default, Serialize)]
struct Answer {
    executions: Vec<ExecutionSummary>,
    /// Where the next page begins, if there may be one.
    next: Option<ExecutionId>,
}

pub(super) async fn execute(context: &Context, args: ListArgs) -> Result<ExitCode, CliError> {
    let has_filters = args.has_filters();
    let answer = match context.read().await {
        Ok(tables) => {
            let table = tables.control_table();
            page(table, &query(context, table, args).await?).await?
        }
        // Nothing was ever kept here: that is an empty list, and no mistake.
        Err(CliError::Local(local::Error::Empty(_))) => Answer::default(),
        Err(error) => return Err(error),
    };
    if context.output.is_json() {
        context.output.value(&answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    print(context, &answer.executions)?;
    if let Some(next) = answer.next {
        say_where_to_continue(context, next, has_filters);
    }
    Ok(ExitCode::SUCCESS)
}

async fn query(context: &Context, table: &ControlTable, args: ListArgs) -> Result<ListQuery, CliError> {
    let now = context.now();
    let before = match args.before {
        Some(text) => Some(place(context, table, text).await?),
        None => None,
    };
    let mut query = ListQuery {
        job: args.job,
        key: args.key,
        statuses: args.status.into_iter().map(Into::into).collect(),
        tags: args.tag,
        until: args.until.map(|until| until.moment(now)),
        before,
        ..ListQuery::all(now, args.limit)
    };
    if let Some(since) = args.since {
        query.since = since.moment(now);
    }
    Ok(args.day.into_iter().fold(query, |query, day| query.on_day(day.0)))
}

/// Where a list continues. The `next` of a page has the form of an ID, and there may be no execution that has it.
async fn place(context: &Context, table: &ControlTable, text: String) -> Result<ExecutionId, CliError> {
    match text.parse() {
        Ok(place) => Ok(place),
        Err(_) => context.resolve(table, &IdArgs { id: text, job: None }).await,
    }
}

async fn page(table: &ControlTable, query: &ListQuery) -> Result<Answer, CliError> {
    let page = table.executions(query).await?;
    let mut executions = Vec::new();
    for row in page.executions {
        // Read again, with its tallies: an index does not know how far an execution has come.
        executions.extend(table.summary(row.execution_id).await?);
    }
    Ok(Answer { executions, next: page.next })
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

fn say_where_to_continue(context: &Context, next: ExecutionId, has_filters: bool) {
    if has_filters {
        context.output.note(format_args!("there may be more: the same command with --before {next} shows them"));
    } else {
        let list = context.command(format_args!("list --before {next}"));
        context.output.note(format_args!("there may be more: {list}"));
    }
}
