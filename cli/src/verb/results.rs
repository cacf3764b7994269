//! `results ID`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use control_table::read::FindError;
use control_table::rows::{SegmentFailure, SegmentRow, SegmentStatus};
use serde::Serialize;
use serde_json::Value;

use crate::args::ResultsArgs;
use crate::context::Context;
use crate::error::CliError;

/// The outcome of one segment.
#[derive(Serialize)]
struct Outcome {
    index: u64,
    status: SegmentStatus,
    item_count: i64,
    duration_ms: u64,
    counters: BTreeMap<String, i64>,
    result: Option<Value>,
    error: Option<SegmentFailure>,
}

impl From<SegmentRow> for Outcome {
    fn from(row: SegmentRow) -> Self {
        Self {
            index: row.index,
            status: row.status,
            item_count: row.counts.item_count,
            duration_ms: row.counts.duration_ms,
            counters: row.counts.counters.0,
            result: row.result,
            error: row.error,
        }
    }
}

/// JSON lines with or without `--json`: this is for programs, and a group at a time, because an execution may have millions.
pub(super) async fn execute(context: &Context, args: &ResultsArgs) -> Result<ExitCode, CliError> {
    let database = context.read().await?;
    let table = database.control_table();
    let execution_id = context.resolve(table, &args.execution).await?;
    let execution =
        table.execution(execution_id).await?.ok_or_else(|| FindError::NotFound(args.execution.id.clone()))?;
    let status = args.status.map(SegmentStatus::from);
    for group in 0..execution.groups {
        let rows = table.group_segments(execution_id.group(group), status).await?;
        let outcomes = rows.into_iter().filter(|row| row.status.is_terminal()).map(Outcome::from);
        context.output.values(&outcomes.collect::<Vec<_>>())?;
    }
    Ok(ExitCode::SUCCESS)
}
