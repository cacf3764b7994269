//! `aside`.

use std::process::ExitCode;

use chrono::SecondsFormat;
use serde_json::json;

use crate::args::AsideArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Colour;

pub(super) async fn execute(context: &Context, args: &AsideArgs) -> Result<ExitCode, CliError> {
    let database = context.read().await?;
    let rows = database.control_table().set_aside_records(usize::from(args.limit)).await?;
    let output = &context.output;
    if rows.is_empty() && !output.is_json() {
        output.note("no records were set aside");
    }
    for row in rows {
        let (source, set_aside_at) = (row.source.as_str(), row.set_aside_at.to_datetime());
        if output.is_json() {
            output.value(&json!({
                "source": source, "event_id": row.event_id, "reason": row.reason, "set_aside_at": set_aside_at,
                "payload": row.payload, "payload_bytes": row.payload_bytes,
            }))?;
            continue;
        }
        let time = set_aside_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        output.line(format_args!("{time}  {source}  {}  {} bytes", row.event_id, row.payload_bytes))?;
        output.line(format_args!("{:>22}{}", "", output.paint(Colour::Red, &row.reason)))?;
    }
    Ok(ExitCode::SUCCESS)
}
