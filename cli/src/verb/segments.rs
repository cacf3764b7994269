//! `segments ID`.

use std::process::ExitCode;

use api::view::SegmentView;
use chrono::{DateTime, Utc};
use control_table::rows::SegmentStatus;

use crate::args::SegmentsArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::execution::IdError;
use crate::format::{cut, grouped};
use crate::output::{Colour, Line, Output, OutputError};

/// Columns that a line of the table has for a spec.
const SPEC_WIDTH: usize = 60;

pub(super) async fn execute(context: &Context, args: &SegmentsArgs) -> Result<ExitCode, CliError> {
    let database = context.read().await?;
    let table = database.control_table();
    let execution_id = context.resolve(table, &args.id).await?;
    let execution = table.execution(execution_id).await?.ok_or_else(|| IdError::NotFound(args.id.clone()))?;
    let status = args.status.map(SegmentStatus::from);
    let mut shown = 0_u64;
    // A group at a time: an execution may have millions.
    for group in 0..execution.groups {
        for row in table.group_segments(execution_id.group(group), status).await? {
            if shown == 0 {
                head(&context.output)?;
            }
            print(context, &row.into())?;
            shown += 1;
        }
    }
    if shown == 0 {
        context.output.note("no segments");
    }
    Ok(ExitCode::SUCCESS)
}

fn head(output: &Output) -> Result<(), OutputError> {
    if output.is_json() {
        return Ok(());
    }
    let head = format!("{:>9}  {:<9}  {:>8}  {:>12}  {:>10}  SPEC", "INDEX", "STATUS", "ATTEMPTS", "ITEMS", "MS");
    output.line(Line::painted(Colour::Dim, head))
}

fn print(context: &Context, segment: &SegmentView) -> Result<(), OutputError> {
    let output = &context.output;
    if output.is_json() {
        return output.value(segment);
    }
    let colour = match segment.status {
        SegmentStatus::Succeeded => Colour::Green,
        SegmentStatus::Failed | SegmentStatus::Cancelled => Colour::Red,
        SegmentStatus::Pending | SegmentStatus::Running => Colour::Yellow,
    };
    let (items, millis) = (grouped(segment.item_count), grouped(duration_ms(segment, context.now())));
    let spec = cut(&segment.spec.to_string(), SPEC_WIDTH);
    let (index, attempts, status) = (segment.index, segment.attempt, segment.status.as_str());
    let line = Line::from(format_args!("{index:>9}  ")).paint(colour, format_args!("{status:<9}"));
    output.line(line.then(format_args!("  {attempts:>8}  {items:>12}  {millis:>10}  {spec}")))?;
    for (name, value) in &segment.counters {
        output.line(format_args!("{:>11}{name} = {}", "", grouped(*value)))?;
    }
    // The newest failure of a segment without success is its error, which is shown whole.
    let shown_whole = usize::from(segment.error.is_some());
    let earlier = &segment.failures[..segment.failures.len().saturating_sub(shown_whole)];
    for failed in earlier {
        let last = failed.message.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        output.line(below(Colour::Dim, format_args!("attempt {}: {last}", failed.attempt)))?;
    }
    if let Some(error) = &segment.error {
        // Of a segment that got through in the end, the error is history.
        let colour = if segment.status == SegmentStatus::Succeeded { Colour::Dim } else { Colour::Red };
        let kind = serde_json::to_value(error.kind)?;
        let kind = kind.as_str().unwrap_or_default();
        for (number, text) in error.message.lines().enumerate() {
            let label = if number == 0 { format!("{kind}: ") } else { String::new() };
            output.line(below(colour, format_args!("{label}{text}")))?;
        }
    }
    Ok(())
}

/// How long the segment took; of one that a worker has, so far.
fn duration_ms(segment: &SegmentView, now: DateTime<Utc>) -> u64 {
    match (segment.status, segment.started_at) {
        (SegmentStatus::Running, Some(started_at)) => u64::try_from((now - started_at).num_milliseconds()).unwrap_or(0),
        _ => segment.duration_ms,
    }
}

/// A line below the segment's own.
fn below(colour: Colour, text: impl std::fmt::Display) -> Line {
    Line::from(format_args!("{:>11}", "")).paint(colour, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use control_table::clock::Timestamp;
    use control_table::id::ExecutionId;
    use control_table::rows::SegmentRow;

    #[test]
    fn a_segment_that_a_worker_has_shows_how_long_so_far() {
        let id: ExecutionId = "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b".parse().unwrap();
        let mut row = SegmentRow::pending(id.segment(0), serde_json::Value::Null, 1, Timestamp::from_millis(0));
        let now = Timestamp::from_millis(5_000).to_datetime();
        assert_eq!(duration_ms(&row.clone().into(), now), 0);
        row.status = SegmentStatus::Running;
        row.started_at = Some(Timestamp::from_millis(2_000));
        assert_eq!(duration_ms(&row.into(), now), 3_000);
    }
}
