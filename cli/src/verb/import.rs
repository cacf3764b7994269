//! `import FILE --table T`.

use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::time::Instant;

use crate::args::ImportArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::format::{grouped, span};
use crate::import::{Import, import};
use crate::output::Bar;

pub(super) async fn execute(context: &Context, args: ImportArgs) -> Result<ExitCode, CliError> {
    let database = context.open().await?;
    let import_request = Import::from(args);
    let table = import_request.table.clone();
    let began = Instant::now();
    let bar = bar(context, &table);
    let client = database.dynamodb();
    let imported = import(client, context.entropy(), import_request, |rows| bar.set_position(rows)).await;
    bar.finish_and_clear();
    let imported = imported?;
    let took = began.elapsed();
    let output = &context.output;
    if output.is_json() {
        let seconds = (took.as_secs_f64() * 1000.0).round() / 1000.0;
        let (rows, created) = (imported.rows, imported.created);
        output.value(&json!({ "table": table, "rows": rows, "created": created, "seconds": seconds }))?;
    } else {
        let made = if imported.created { ", which is new" } else { "" };
        output.line(format_args!("{} rows into table {table}{made}, in {}", grouped(imported.rows), span(took)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn bar(context: &Context, table: &str) -> Bar {
    let bar = context.output.bar(ProgressBar::no_length());
    let style = ProgressStyle::with_template("{spinner} {prefix}: {human_pos} rows, {per_sec}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.set_prefix(table);
    bar
}
