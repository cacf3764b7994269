//! One line of an execution's progress: on a terminal never wider than it, elsewhere with the time and the execution's ID.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use control_table::read::ExecutionSummary;

use crate::format::{grouped, rate, span};

/// Columns of the bar: where there is room, and where there is little.
const BAR: usize = 30;
const SHORT_BAR: usize = 10;

/// An execution, and how fast it is.
pub struct Moving<'a> {
    /// How it stands.
    pub view: &'a ExecutionSummary,
    /// Segments a second.
    pub rate: f64,
}

/// What a line has beside the numbers of segments, if there is room.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each part is shown or not")]
struct Shown {
    name: bool,
    rate: bool,
    left: bool,
    bar: usize,
    unit: bool,
    items: bool,
    scattering: bool,
}

/// The most important first.
const BY_IMPORTANCE: [fn(&mut Shown); 8] = [
    |shown| shown.name = true,
    |shown| shown.left = true,
    |shown| shown.rate = true,
    |shown| shown.bar = SHORT_BAR,
    |shown| shown.unit = true,
    |shown| shown.scattering = true,
    |shown| shown.items = true,
    |shown| shown.bar = BAR,
];

impl Moving<'_> {
    /// For a terminal with that many columns.
    pub fn for_terminal(&self, columns: usize) -> String {
        let mut shown = Shown::default();
        for show in BY_IMPORTANCE {
            let mut more = shown;
            show(&mut more);
            if self.compose(more).chars().count() <= columns {
                shown = more;
            }
        }
        self.compose(shown).chars().take(columns).collect()
    }

    /// For a file or a log.
    pub fn for_log(&self, now: DateTime<Utc>) -> String {
        let view = self.view;
        let now = now.to_rfc3339_opts(SecondsFormat::Secs, true);
        let all = Shown { rate: true, left: true, items: true, scattering: true, ..Shown::default() };
        let (done, total, details) = (grouped(view.done()), grouped(self.total()), self.details(all));
        format!("{now} {} {}: {done} of {total} segments{details}", view.job, view.execution_id)
    }

    fn compose(&self, shown: Shown) -> String {
        let mut line = String::new();
        if shown.name {
            line = format!("{} ", self.view.job);
        }
        if shown.bar > 0 {
            line.push_str(&self.bar(shown.bar));
        }
        let (done, total) = (grouped(self.view.done()), grouped(self.total()));
        let unit = if shown.unit { " segments" } else { "" };
        format!("{line}{done}/{total}{unit}{}", self.details(shown))
    }

    fn bar(&self, columns: usize) -> String {
        let share = self.view.done() as f64 / self.total().max(1) as f64;
        // Done segments are never more than all, and a bar has few columns.
        let full = (0..columns).filter(|column| (*column as f64) < share * columns as f64).count();
        let head = if full > 0 && full < columns { ">" } else { "" };
        format!("[{}{head}{}] ", "=".repeat(full - head.len()), " ".repeat(columns - full))
    }

    /// What failed is shown in any case.
    fn details(&self, shown: Shown) -> String {
        let view = self.view;
        let mut parts = Vec::new();
        if shown.rate && self.rate > 0.0 {
            parts.push(rate(self.rate));
        }
        if let Some(left) = self.left().filter(|_| shown.left) {
            parts.push(format!("{} left", span(left)));
        }
        if shown.items && view.item_count != 0 {
            parts.push(format!("{} items", grouped(view.item_count)));
        }
        if view.failed > 0 {
            parts.push(format!("{} FAILED", grouped(view.failed)));
        }
        if shown.scattering && !view.status.is_terminal() && view.sealed_at.is_none() {
            parts.push("scattering".to_owned());
        }
        parts.iter().fold(String::new(), |text, part| text + ", " + part)
    }

    /// How long the rest takes, at this rate.
    fn left(&self) -> Option<Duration> {
        let left = self.total().saturating_sub(self.view.done()) as f64;
        if self.rate > 0.0 && left > 0.0 { Duration::try_from_secs_f64(left / self.rate).ok() } else { None }
    }

    /// All segments, where they are known.
    fn total(&self) -> u64 {
        self.view.expected.unwrap_or(0).max(self.view.segments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn view() -> ExecutionSummary {
        serde_json::from_value(json!({
            "execution_id": "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b", "job": "population-by-country", "key": "k",
            "status": "SCATTERING", "generation": 1, "segments": 128, "expected": 1000, "pending": 28, "running": 0,
            "succeeded": 98, "failed": 2, "cancelled": 0, "item_count": 98_000, "duration_ms": 1, "counters": {},
            "attempts": 100, "created_at": "2026-11-24T00:00:00Z", "sealed_at": null, "finished_at": null
        }))
        .unwrap()
    }

    #[test]
    fn a_line_for_a_log_has_the_time_and_the_execution() {
        let now = DateTime::UNIX_EPOCH;
        let line = Moving { view: &view(), rate: 10.0 }.for_log(now);
        let expected = "1970-01-01T00:00:00Z population-by-country 0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b: 100 of 1,000 segments, \
                        10/s, 1 min 30 s left, 98,000 items, 2 FAILED, scattering";
        assert_eq!(line, expected);
        assert!(
            Moving { view: &view(), rate: 0.0 }.for_log(now).ends_with("segments, 98,000 items, 2 FAILED, scattering")
        );
    }

    #[test]
    fn a_line_for_a_terminal_is_never_wider_and_always_has_what_failed() {
        let view = view();
        for columns in 20..200 {
            let line = Moving { view: &view, rate: 10.0 }.for_terminal(columns);
            assert!(line.chars().count() <= columns, "{columns}: {line}");
            assert!(line.contains("100/1,000") && line.contains("2 FAILED"), "{columns}: {line}");
        }
    }

    #[test]
    fn a_narrow_terminal_has_what_matters_most() {
        let view = view();
        let line = |columns| Moving { view: &view, rate: 10.0 }.for_terminal(columns);
        assert_eq!(line(40), "100/1,000, 1 min 30 s left, 2 FAILED");
        assert_eq!(line(60), "population-by-country 100/1,000, 1 min 30 s left, 2 FAILED");
        assert_eq!(
            line(80),
            "population-by-country [=         ] 100/1,000, 10/s, 1 min 30 s left, 2 FAILED".replace("[= ", "[> ")
        );
        let wide = "population-by-country [==>                           ] 100/1,000 segments, 10/s, 1 min 30 s left, \
                    98,000 items, 2 FAILED, scattering";
        assert_eq!(line(160), wide);
    }
}
