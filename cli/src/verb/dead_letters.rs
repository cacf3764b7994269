//! `dead-letters`.

use std::process::ExitCode;

use chrono::SecondsFormat;
use serde_json::json;

use crate::args::DeadLettersArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{Colour, Line};

pub(super) async fn execute(context: &Context, args: &DeadLettersArgs) -> Result<ExitCode, CliError> {
    let database = context.read().await?;
    let rows = database.control_table().dead_letters(usize::from(args.limit)).await?;
    let output = &context.output;
    if rows.is_empty() && !output.is_json() {
        output.note("there are no dead letters");
    }
    for row in rows {
        let (source, recorded_at) = (row.source.as_str(), row.recorded_at.to_datetime());
        if output.is_json() {
            output.value(&json!({
                "source": source, "event_id": row.event_id, "reason": row.reason, "recorded_at": recorded_at,
                "payload": row.payload, "payload_bytes": row.payload_bytes,
            }))?;
            continue;
        }
        let time = recorded_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        output.line(format_args!("{time}  {source}  {}  {} bytes", row.event_id, row.payload_bytes))?;
        output.line(Line::from(format_args!("{:>22}", "")).paint(Colour::Red, &row.reason))?;
    }
    Ok(ExitCode::SUCCESS)
}
