//! Executions as a table, in the columns that fit the terminal.

use std::collections::HashSet;

use chrono::{DateTime, SecondsFormat, Utc};
use control_table::read::ExecutionSummary;

use crate::format::{cut, grouped, span, width};
use crate::output::{Colour, Line, escaped};
use crate::summary::colour;

/// Between two columns.
const GAP: usize = 2;

/// Characters of an ID that name its millisecond, its group of random digits, and so on: a beginning is cut at a hyphen.
const BEGINNINGS: [usize; 3] = [13, 18, 23];

/// Columns of a terminal that a key gets at least: a date with its hour. A longer key, such as a generated one, is cut before another
/// column is left out.
const KEY_SHOWN: usize = 13;

/// What a column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Id,
    /// As much of the ID as tells the executions of this table apart. Every verb takes it.
    Beginning,
    Job,
    Status,
    Done,
    Failed,
    Items,
    Begun,
    /// Without year and seconds.
    BegunShort,
    Took,
    Ended,
    Key,
}

use Column::{Beginning, Begun, BegunShort, Done, Ended, Failed, Id, Items, Job, Key, Status, Took};

/// The columns, from the widest table to the narrowest. Of the last one lines are cut.
const LAYOUTS: [&[Column]; 7] = [
    &[Id, Job, Status, Done, Failed, Items, Begun, Ended, Took, Key],
    &[Id, Job, Status, Done, Failed, Items, Begun, Took, Key],
    &[Id, Job, Status, Done, Failed, Begun, Took, Key],
    &[Beginning, Job, Status, Done, Failed, Begun, Took, Key],
    &[Beginning, Job, Status, Done, Failed, BegunShort, Took, Key],
    &[Beginning, Job, Status, Done, Failed, BegunShort, Key],
    &[Beginning, Job, Status, Done, Failed, Key],
];

impl Column {
    const fn head(self) -> &'static str {
        match self {
            Id | Beginning => "ID",
            Job => "JOB",
            Status => "STATUS",
            Done => "SEGMENTS",
            Failed => "FAILED",
            Items => "ITEMS",
            Begun => "BEGUN",
            BegunShort => "BEGUN (UTC)",
            Took => "TOOK",
            Ended => "ENDED",
            Key => "KEY",
        }
    }

    /// Numbers end at the same place.
    const fn is_number(self) -> bool {
        matches!(self, Done | Failed | Items | Took)
    }

    fn cell(self, view: &ExecutionSummary, beginning: usize, now: DateTime<Utc>) -> String {
        let seconds = |moment: DateTime<Utc>| moment.to_rfc3339_opts(SecondsFormat::Secs, true);
        match self {
            Id => view.execution_id.to_string(),
            Beginning => view.execution_id.to_string().chars().take(beginning).collect(),
            Job => view.job.to_string(),
            Status => view.status.as_str().to_owned(),
            Done => format!("{}/{}", view.done(), view.segments.max(view.expected.unwrap_or(0))),
            Failed => grouped(view.failed),
            Items => grouped(view.item_count),
            Begun => seconds(view.created_at),
            BegunShort => view.created_at.format("%m-%d %H:%M").to_string(),
            Took => (view.finished_at.unwrap_or(now) - view.created_at).to_std().map_or_else(|_| String::new(), span),
            Ended => view.finished_at.map_or_else(String::new, seconds),
            Key => escaped(view.key.as_str()).into_owned(),
        }
    }
}

/// How executions are shown: which columns, and how wide.
pub struct ExecutionTable {
    columns: Vec<(Column, usize)>,
    beginning: usize,
    now: DateTime<Utc>,
    /// Columns of the terminal, if the table has to fit one.
    fits: Option<usize>,
}

impl ExecutionTable {
    /// The widest table of these executions that fits.
    pub fn new(views: &[ExecutionSummary], now: DateTime<Utc>, fits: Option<usize>) -> Self {
        let beginning = beginning(views);
        let sized = |layout: &[Column]| -> Vec<(Column, usize)> {
            let widest = |column: Column| {
                let cells = views.iter().map(|view| width(&column.cell(view, beginning, now)));
                cells.max().unwrap_or(0).max(width(column.head()))
            };
            layout.iter().map(|&column| (column, widest(column))).collect()
        };
        let needed = |&(column, width): &(Column, usize)| if column == Key { width.min(KEY_SHOWN) } else { width };
        let total =
            |columns: &[(Column, usize)]| columns.iter().map(|column| needed(column) + GAP).sum::<usize>() - GAP;
        let mut layouts = LAYOUTS.iter().map(|layout| sized(layout));
        let fitting = layouts.find(|columns| fits.is_none_or(|fits| total(columns) <= fits));
        let columns = fitting.unwrap_or_else(|| sized(LAYOUTS[LAYOUTS.len() - 1]));
        Self { columns, beginning, now, fits }
    }

    /// The names of the columns.
    pub fn head(&self) -> Line {
        self.line(Some(Colour::Dim), |column| (None, column.head().to_owned()))
    }

    /// An execution.
    pub fn row(&self, view: &ExecutionSummary) -> Line {
        self.line(None, |column| {
            let colour = (column == Status).then(|| colour(view.status));
            (colour, column.cell(view, self.beginning, self.now))
        })
    }

    fn line(&self, whole: Option<Colour>, cell: impl Fn(Column) -> (Option<Colour>, String)) -> Line {
        let mut line = Line::default();
        let mut left = self.fits.unwrap_or(usize::MAX);
        for (position, &(column, columns)) in self.columns.iter().enumerate() {
            let (colour, text) = cell(column);
            let is_last = position + 1 == self.columns.len();
            let text = if is_last { text } else { padded(&text, columns, column.is_number()) };
            let text = cut(&text, left);
            left = left.saturating_sub(width(&text) + GAP);
            line = match colour.or(whole) {
                Some(colour) => line.paint(colour, text),
                None => line.then(text),
            };
            if is_last || left == 0 {
                break;
            }
            line = line.then("  ");
        }
        line
    }
}

fn padded(text: &str, columns: usize, is_number: bool) -> String {
    let padding = " ".repeat(columns.saturating_sub(width(text)));
    if is_number { padding + text } else { text.to_owned() + &padding }
}

/// Characters after which no two of these executions have the same ID.
fn beginning(views: &[ExecutionSummary]) -> usize {
    let ids: Vec<String> = views.iter().map(|view| view.execution_id.to_string()).collect();
    let differ = |&length: &usize| {
        let mut seen = HashSet::new();
        ids.iter().all(|id| seen.insert(&id[..length.min(id.len())]))
    };
    BEGINNINGS.into_iter().find(differ).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn view(id: &str, job: &str, key: &str) -> ExecutionSummary {
        serde_json::from_value(json!({
            "execution_id": id, "job": job, "key": key, "status": "SUCCEEDED",
            "generation": 1, "segments": 1_246, "expected": 1_246, "pending": 0, "running": 0, "succeeded": 1_246, "failed": 0,
            "cancelled": 0, "item_count": 135_233, "duration_ms": 61_000, "counters": {}, "attempts": 1258,
            "created_at": "2026-11-24T00:00:00Z", "sealed_at": "2026-11-24T00:00:01Z", "finished_at": "2026-11-24T00:00:04.2Z"
        }))
        .unwrap()
    }

    fn shown(views: &[ExecutionSummary], fits: Option<usize>) -> Vec<String> {
        let now = views[0].created_at;
        let table = ExecutionTable::new(views, now, fits);
        let lines = std::iter::once(table.head()).chain(views.iter().map(|view| table.row(view)));
        lines.map(|line| line.render(false)).collect()
    }

    fn two() -> [ExecutionSummary; 2] {
        [
            view("0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b", "nightly", "2026-11-24"),
            view("0193a5b0-3c1e-7d30-8a4b-5c6d7e8f9a0b", "nightly", "2026-11-23"),
        ]
    }

    #[test]
    fn at_80_columns_an_execution_is_one_line_with_what_matters_most() {
        let lines = shown(&two(), Some(80));
        assert!(lines.iter().all(|line| width(line) <= 80), "{lines:#?}");
        assert_eq!(lines[1], "0193a5b0-3c1e-7d2f  nightly  SUCCEEDED  1246/1246       0  2026-11-24");
    }

    #[test]
    fn a_long_key_is_cut_before_another_column_is_left_out() {
        let id = "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b";
        let lines = shown(&[view(id, "nightly", id)], Some(90));
        assert!(lines[0].contains("BEGUN") && lines[1].ends_with('…') && width(&lines[1]) == 90, "{lines:#?}");
    }

    #[test]
    fn a_wide_terminal_or_none_shows_everything() {
        let lines = shown(&two(), None);
        assert!(lines[0].contains("ENDED") && lines[0].ends_with("KEY"), "{}", lines[0]);
        assert!(lines[1].contains("5c6d7e8f9a0b") && lines[1].contains("4.2 s") && lines[1].contains("135,233"));
        assert_eq!(shown(&two(), Some(400)), lines);
    }

    #[test]
    fn it_fits_any_terminal_also_with_long_and_wide_names() {
        let views = [view("0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b", &"j".repeat(64), &"東京\u{202e}".repeat(20))];
        for columns in [1, 20, 40, 60, 80, 120, 200, 300] {
            for line in shown(&views, Some(columns)) {
                assert!(width(&line) <= columns && !line.contains('\u{202e}'), "{columns}: {line}");
            }
        }
    }
}
