//! An execution, for people.

use std::time::Duration;

use api::view::{ExecutionView, Retrying, telling_line};
use chrono::SecondsFormat;
use control_table::read::ExecutionSummary;
use control_table::rows::{ExecutionStatus, SegmentFailure, Stop};

use crate::format::{counted, grouped, span};
use crate::output::{Colour, Line, Output, OutputError};

/// The colour of a status.
pub const fn colour(status: ExecutionStatus) -> Colour {
    match status {
        ExecutionStatus::Succeeded => Colour::Green,
        ExecutionStatus::Failed | ExecutionStatus::Cancelled => Colour::Red,
        _ => Colour::Yellow,
    }
}

/// Prints an execution: the JSON object, or a few lines.
pub fn print(output: &Output, execution: &ExecutionView) -> Result<(), OutputError> {
    if output.is_json() {
        return output.value(execution);
    }
    let ExecutionView { summary: view, first_error, retrying } = execution;
    let status = Line::painted(colour(view.status), view.status.as_str());
    output.line(status.then(format_args!("  {}  {}", view.job, view.execution_id)))?;
    let mut lines = lines(view, first_error.as_ref());
    lines.extend(retrying.as_ref().map(|retrying| ("retries", waiting(retrying))));
    for (name, text) in lines {
        output.line(Line::from("  ").paint(Colour::Dim, format_args!("{name:<11}")).then(text))?;
    }
    Ok(())
}

fn lines(view: &ExecutionSummary, first_error: Option<&SegmentFailure>) -> Vec<(&'static str, String)> {
    let mut lines = vec![("key", view.key.to_string()), ("segments", segments(view))];
    if view.item_count != 0 {
        let succeeded = i128::from(view.succeeded.max(1));
        let mean = grouped(i128::from(view.item_count) / succeeded);
        lines.push(("items", format!("{} ({mean} a segment)", grouped(view.item_count))));
    }
    for (name, value) in &view.counters {
        lines.push(("", format!("{name} = {}", grouped(*value))));
    }
    let work = span(Duration::from_millis(view.duration_ms));
    let elapsed = view.finished_at.and_then(|finished_at| (finished_at - view.created_at).to_std().ok());
    let elapsed = elapsed.map_or_else(|| "not finished".to_owned(), span);
    // There is no moment at which a generation began: a redrive may follow days later.
    let elapsed = if view.generation > 1 { format!("{elapsed} since it was opened") } else { elapsed };
    lines.push(("time", format!("{elapsed}; {work} of work in {}", counted(view.attempts, "attempt"))));
    lines.extend(incidents(view, first_error));
    if view.generation > 1 {
        lines.push(("generation", view.generation.to_string()));
    }
    lines
}

/// What is out of the ordinary, and how much may be in flight.
fn incidents(view: &ExecutionSummary, first_error: Option<&SegmentFailure>) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if let Some(limit) = view.max_concurrency {
        let in_flight = view.in_flight.filter(|_| !view.status.is_terminal());
        let in_flight = in_flight.map_or_else(String::new, |count| format!("{} of ", grouped(count)));
        lines.push(("in flight", format!("{in_flight}at most {}", grouped(limit))));
    }
    if let Some(index) = view.first_failure {
        let why = first_error.map_or_else(String::new, |error| format!(": {}", telling_line(&error.message)));
        lines.push(("failures", format!("the first was segment {index}{why}")));
    }
    if let Some(stop) = view.stopped {
        let why = match stop {
            Stop::Requested => "on request",
            Stop::TooManyFailures => "because more segments failed than are tolerated",
            Stop::TimedOut => "because its time was up",
        };
        lines.push(("stopped", why.to_owned()));
    }
    if view.stalled_at.is_some() {
        let since = view.progress_at.or(view.stalled_at);
        let since = since.map_or_else(String::new, |since| since.to_rfc3339_opts(SecondsFormat::Secs, true));
        lines.push(("STALLED", format!("nothing has moved since {since}")));
    }
    lines
}

fn waiting(retrying: &Retrying) -> String {
    let next_at = retrying.next_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let why = retrying.error.as_ref().map_or_else(String::new, |error| format!(": {}", telling_line(&error.message)));
    format!("{} wait; the next is segment {}, at {next_at}{why}", grouped(retrying.count), retrying.segment)
}

fn segments(view: &ExecutionSummary) -> String {
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
    if view.segments == 0 && view.sealed_at.is_some() {
        return "none: there was nothing to do".to_owned();
    }
    if parts.is_empty() { total } else { format!("{total}: {}", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use control_table::rows::ErrorKind;
    use serde_json::json;

    fn view() -> ExecutionSummary {
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
        let lines = lines(&view(), None);
        let text = |name: &str| lines.iter().find(|(label, _)| *label == name).unwrap().1.clone();
        assert_eq!(text("segments"), "1,246: 1,240 succeeded, 6 failed");
        assert_eq!(text("items"), "135,233 (109 a segment)");
        assert_eq!(text(""), "population = 3,133,032,118");
        assert_eq!(text("time"), "4.2 s since it was opened; 1 min 1 s of work in 1,258 attempts");
        assert_eq!(text("generation"), "2");
    }

    #[test]
    fn what_is_out_of_the_ordinary_is_said() {
        let mut usual = view();
        assert_eq!(incidents(&usual, None), []);
        usual.first_failure = Some(17);
        usual.stopped = Some(Stop::TooManyFailures);
        usual.max_concurrency = Some(4);
        let text: Vec<String> = incidents(&usual, Some(&SegmentFailure::new(ErrorKind::Permanent, "no disk\nat all")))
            .into_iter()
            .map(|(_, text)| text)
            .collect();
        assert_eq!(text[0], "at most 4");
        assert!(text[1].ends_with("segment 17: no disk") && text[2].contains("more segments failed"), "{text:?}");
        let stalled = ExecutionSummary {
            status: ExecutionStatus::Running,
            in_flight: Some(3),
            stalled_at: Some(usual.created_at),
            progress_at: Some(usual.created_at),
            ..usual
        };
        let lines = incidents(&stalled, None);
        assert_eq!(lines[0].1, "3 of at most 4");
        assert!(lines.last().unwrap().1.contains("since 2026-11-24T00:00:00Z"), "{lines:?}");
    }

    #[test]
    fn a_run_that_has_just_begun() {
        let begun = ExecutionSummary { succeeded: 0, failed: 0, pending: 3, segments: 3, finished_at: None, ..view() };
        assert_eq!(segments(&begun), "3: 3 pending");
        assert!(lines(&begun, None).iter().any(|(_, text)| text.starts_with("not finished")));
        let uncounted = ExecutionSummary { item_count: 0, ..begun.clone() };
        assert!(lines(&uncounted, None).iter().all(|(label, _)| *label != "items"), "work that counts no items");
        assert_eq!(segments(&ExecutionSummary { segments: 0, pending: 0, sealed_at: None, ..begun.clone() }), "0");
        assert_eq!(segments(&ExecutionSummary { segments: 0, pending: 0, ..begun }), "none: there was nothing to do");
    }
}
