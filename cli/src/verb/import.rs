//! `import FILE --table T`.

use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tokio::time::Instant;

use crate::args::ImportArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::format::{counted, grouped, span};
use crate::import::{Import, Imported, Step, import};
use crate::output::{Bar, OutputError};

pub(super) async fn execute(context: &Context, args: ImportArgs) -> Result<ExitCode, CliError> {
    let database = context.open().await?;
    let import_request = Import::from(args);
    let (table, dry_run) = (import_request.table.clone(), import_request.dry_run);
    let began = Instant::now();
    let bar = bar(context, &table);
    let moving = bar.clone();
    let progress = move |step| match step {
        Step::Checked(rows) => {
            moving.set_message("rows checked");
            moving.set_position(rows);
        }
        Step::Written(rows) => {
            moving.set_message("rows");
            moving.set_position(rows);
        }
    };
    let imported = import(&database.dynamodb()?, context.entropy(), import_request, progress).await;
    bar.finish_and_clear();
    let imported = imported?;
    let seconds = (began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
    if context.output.is_json() {
        let Imported { rows, replaced, created, key, notes } = imported;
        context.output.value(&json!({
            "table": table, "key": key, "rows": rows, "replaced": replaced, "created": created, "dry_run": dry_run,
            "notes": notes, "seconds": seconds,
        }))?;
    } else if dry_run {
        print_dry_run(context, &table, &imported)?;
    } else {
        print(context, &table, &imported, &span(began.elapsed()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(context: &Context, table: &str, imported: &Imported, took: &str) -> Result<(), OutputError> {
    let made = if imported.created { ", which is new" } else { "" };
    let replaced = match imported.replaced {
        0 => String::new(),
        1 => "; 1 of them replaced an item with the same key".to_owned(),
        many => format!("; {} of them replaced an item with the same key", grouped(many)),
    };
    context
        .output
        .line(format_args!("{} into table {table}{made}, in {took}{replaced}", counted(imported.rows, "row")))?;
    for note in &imported.notes {
        context.output.warn(note);
    }
    Ok(())
}

fn print_dry_run(context: &Context, table: &str, imported: &Imported) -> Result<(), OutputError> {
    let into = if imported.created { "a new table" } else { "the existing table" };
    let (rows, key) = (counted(imported.rows, "row"), &imported.key);
    context.output.line(format_args!(
        "{rows} checked, and in order for {into} {table} with the key {key}; nothing was written"
    ))?;
    for note in &imported.notes {
        context.output.warn(note);
    }
    Ok(())
}

fn bar(context: &Context, table: &str) -> Bar {
    let bar = context.output.bar(ProgressBar::no_length());
    let style = ProgressStyle::with_template("{spinner} {prefix}: {human_pos} {msg}, {per_sec}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.set_prefix(table);
    bar.set_message("rows");
    bar
}
