//! A run, for people.

use std::time::Duration;

use control_table::item::ExecutionStatus;
use control_table::view::ExecutionView;

use crate::number::{grouped, span};
use crate::output::{Colour, Output, OutputError};

/// The colour of a status.
pub const fn colour(status: ExecutionStatus) -> Colour {
    match status {
        ExecutionStatus::Succeeded => Colour::Green,
        ExecutionStatus::Failed | ExecutionStatus::Cancelled => Colour::Red,
        _ => Colour::Yellow,
    }
}

/// Prints a run: the JSON object, or a few lines.
pub fn print(output: &Output, view: &ExecutionView) -> Result<(), OutputError> {
    if output.is_json() {
        return output.value(view);
    }
    let status = output.paint(colour(view.status), view.status.as_str());
    output.line(format_args!("{status}  {}  {}", view.job, view.execution_id))?;
    for (name, text) in lines(view) {
        output.line(format_args!("  {}{text}", output.paint(Colour::Dim, format_args!("{name:<10}"))))?;
    }
    Ok(())
}

fn lines(view: &ExecutionView) -> Vec<(&'static str, String)> {
    let mut lines = vec![("key", view.key.to_string()), ("segments", segments(view))];
    let succeeded = i128::from(view.succeeded.max(1));
    let mean = grouped(i128::from(view.item_count) / succeeded);
    lines.push(("items", format!("{} ({mean} a segment)", grouped(view.item_count))));
    for (name, value) in &view.counters {
        lines.push(("", format!("{name} = {}", grouped(*value))));
    }
    let work = span(Duration::from_millis(view.duration_ms));
    let elapsed = view.finished_at.and_then(|finished_at| (finished_at - view.created_at).to_std().ok());
    let elapsed = elapsed.map_or_else(|| "not finished".to_owned(), span);
    lines.push(("time", format!("{elapsed}; {work} of work in {} attempts", grouped(view.attempts))));
    if view.generation > 1 {
        lines.push(("generation", view.generation.to_string()));
    }
    lines
}

fn segments(view: &ExecutionView) -> String {
    let counts = [
        (view.succeeded, "succeeded"),
        (view.failed, "failed"),
        (view.cancelled, "cancelled"),
        (view.running, "running"),
        (view.pending, "pending"),
    ];
    let parts = counts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, name)| format!("{} {name}", grouped(*count))).collect();
    let total = grouped(view.segments);
    if parts.is_empty() { total } else { format!("{total}: {}", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn view() -> ExecutionView {
        serde_json::from_value(json!({
            "execution_id": "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b", "job": "cities", "key": "k", "status": "FAILED",
            "generation": 2, "segments": 1246, "expected": 1246, "pending": 0, "running": 0, "succeeded": 1240, "failed": 6,
            "cancelled": 0, "item_count": 135_233, "duration_ms": 61_000, "counters": {"population": 3_133_032_118_i64},
            "attempts": 1258, "created_at": "2026-11-24T00:00:00Z", "sealed_at": "2026-11-24T00:00:01Z",
            "finished_at": "2026-11-24T00:00:04.2Z"
        }))
        .unwrap()
    }

    #[test]
    fn a_finished_run() {
        let lines = lines(&view());
        let text = |name: &str| lines.iter().find(|(label, _)| *label == name).unwrap().1.clone();
        assert_eq!(text("segments"), "1,246: 1,240 succeeded, 6 failed");
        assert_eq!(text("items"), "135,233 (109 a segment)");
        assert_eq!(text(""), "population = 3,133,032,118");
        assert_eq!(text("time"), "4.2 s; 1 min 1 s of work in 1,258 attempts");
        assert_eq!(text("generation"), "2");
    }

    #[test]
    fn a_run_that_has_just_begun() {
        let begun = ExecutionView { succeeded: 0, failed: 0, pending: 3, segments: 3, finished_at: None, ..view() };
        assert_eq!(segments(&begun), "3: 3 pending");
        assert!(lines(&begun).iter().any(|(_, text)| text.starts_with("not finished")));
        assert_eq!(segments(&ExecutionView { segments: 0, pending: 0, ..begun }), "0");
    }
}
