//! `tables`, `tables describe T`, `tables delete T`.

use std::process::ExitCode;

use aws_sdk_dynamodb::types::{KeySchemaElement, TableDescription};
use control_table::id::{ExecutionId, JobName};
use control_table::rows::PlanRow;
use serde::Serialize;
use serde_json::{Value, json};

use crate::args::{TablesAction, TablesArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::format::grouped;
use crate::job::UsageError;
use crate::output::{Colour, Line, OutputError};
use crate::tables::Tables;
use crate::user_table;

pub(super) async fn execute(context: &Context, args: TablesArgs) -> Result<ExitCode, CliError> {
    match args.action.unwrap_or(TablesAction::List) {
        TablesAction::List => list(context).await?,
        TablesAction::Describe { table } => describe(context, &table).await?,
        TablesAction::Delete { table, force } => delete(context, &table, force).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A table, as it is printed.
#[derive(Debug, Serialize)]
struct TableView {
    table: String,
    status: String,
    key: Vec<KeyView>,
    indexes: Vec<IndexView>,
    items: i64,
    bytes: i64,
}

#[derive(Debug, Serialize)]
struct KeyView {
    attribute: String,
    /// `S`, `N` or `B`.
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Serialize)]
struct IndexView {
    index: String,
    key: Vec<KeyView>,
}

impl TableView {
    fn of(name: &str, table: &TableDescription) -> Self {
        let key = |schema: &[KeySchemaElement]| schema.iter().map(|element| KeyView::of(element, table)).collect();
        let indexes = table.global_secondary_indexes().iter().map(|index| IndexView {
            index: index.index_name().unwrap_or_default().to_owned(),
            key: key(index.key_schema()),
        });
        Self {
            table: name.to_owned(),
            status: table.table_status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
            key: key(table.key_schema()),
            indexes: indexes.collect(),
            items: table.item_count().unwrap_or_default(),
            bytes: table.table_size_bytes().unwrap_or_default(),
        }
    }
}

impl KeyView {
    fn of(element: &KeySchemaElement, table: &TableDescription) -> Self {
        let attribute = element.attribute_name();
        let definition = table.attribute_definitions().iter().find(|found| found.attribute_name() == attribute);
        let kind = definition.map(|definition| definition.attribute_type().as_str().to_owned()).unwrap_or_default();
        Self { attribute: attribute.to_owned(), kind }
    }
}

async fn list(context: &Context) -> Result<(), CliError> {
    let views = match context.read().await {
        Ok(tables) => views(&tables).await?,
        // Nothing was ever kept here: that is an empty list, and no mistake.
        Err(CliError::Local(local::Error::Empty(_))) => Vec::new(),
        Err(error) => return Err(error),
    };
    if context.output.is_json() {
        return Ok(context.output.value(&json!({ "tables": views }))?);
    }
    if views.is_empty() {
        context.output.note(format_args!("no tables: `{} import FILE --table T` makes one", context.program));
        return Ok(());
    }
    Ok(print_list(context, &views)?)
}

async fn views(tables: &Tables) -> Result<Vec<TableView>, CliError> {
    let client = &tables.dynamodb()?;
    let mut views = Vec::new();
    for name in user_table::names(client).await? {
        // One that another process deletes meanwhile is no longer in the list.
        views.extend(user_table::describe(client, &name).await?.map(|table| TableView::of(&name, &table)));
    }
    Ok(views)
}

fn print_list(context: &Context, views: &[TableView]) -> Result<(), OutputError> {
    let widest = views.iter().map(|view| view.table.len()).max().unwrap_or(0).max("TABLE".len());
    let head = format!("{:<widest$}  {:>14}  {:>16}  KEY", "TABLE", "ITEMS", "BYTES");
    context.output.line(Line::painted(Colour::Dim, head))?;
    for view in views {
        let (items, bytes, key) = (grouped(view.items), grouped(view.bytes), keys(&view.key));
        context.output.line(format_args!("{:<widest$}  {items:>14}  {bytes:>16}  {key}", view.table))?;
    }
    Ok(())
}

fn keys(keys: &[KeyView]) -> String {
    keys.iter().map(|key| format!("{} ({})", key.attribute, key.kind)).collect::<Vec<_>>().join(", ")
}

async fn describe(context: &Context, name: &str) -> Result<(), CliError> {
    let tables = context.read().await?;
    let view = TableView::of(name, &existing(&tables, name).await?);
    if context.output.is_json() {
        return Ok(context.output.value(&view)?);
    }
    let output = &context.output;
    output.line(format_args!("table    {} ({})", view.table, view.status))?;
    output.line(format_args!("key      {}", keys(&view.key)))?;
    for index in &view.indexes {
        output.line(format_args!("index    {}: {}", index.index, keys(&index.key)))?;
    }
    output.line(format_args!("items    {}", grouped(view.items)))?;
    Ok(output.line(format_args!("bytes    {}", grouped(view.bytes)))?)
}

async fn existing(tables: &Tables, name: &str) -> Result<TableDescription, CliError> {
    let found = user_table::describe(&tables.dynamodb()?, name).await?;
    found.ok_or_else(|| CliError::NoTable { table: name.to_owned() })
}

async fn delete(context: &Context, name: &str, force: bool) -> Result<(), CliError> {
    if context.is_deployed() {
        return Err(UsageError::TableOfAccount(name.to_owned()).into());
    }
    let tables = context.read().await?;
    let view = TableView::of(name, &existing(&tables, name).await?);
    if !force && let Some((execution_id, job)) = reader(&tables, name).await? {
        return Err(CliError::TableInUse { table: name.to_owned(), execution_id, job });
    }
    user_table::delete(&tables.dynamodb()?, name).await?;
    if context.output.is_json() {
        return Ok(context.output.value(&json!({ "table": name, "items": view.items, "deleted": true }))?);
    }
    Ok(context.output.line(format_args!("table {name} is deleted, with its {} items", grouped(view.items)))?)
}

/// The first execution found that has not ended and reads the table, with its job.
async fn reader(tables: &Tables, name: &str) -> Result<Option<(ExecutionId, JobName)>, CliError> {
    let table = tables.control_table();
    for execution_id in table.open_executions().await? {
        let Some(execution) = table.execution(execution_id).await? else { continue };
        let Some(plan) = table.plan(execution_id).await? else { continue };
        if !execution.status.is_terminal() && reads(&plan, name) {
            return Ok(Some((execution_id, execution.job)));
        }
    }
    Ok(None)
}

/// Whether a plan's source scans the table, or its work looks codes up there.
fn reads(plan: &PlanRow, name: &str) -> bool {
    [&plan.source, &plan.parameters].into_iter().any(|part| part.get("table").and_then(Value::as_str) == Some(name))
}
