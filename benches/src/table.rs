//! Rows as text: ours and those of the peers.

use std::io::stdin;

use serde_json::{Map, Value};

use crate::error::BenchError;

/// The fields shown, in order. A note comes last, because it is long.
const COLUMNS: [&str; 18] = [
    "peer",
    "version",
    "n",
    "workers",
    "sleep_ms",
    "runs",
    "startup_s",
    "submit_s",
    "total_s",
    "per_segment_us",
    "completion_lag_ms",
    "efficiency",
    "times_previous",
    "wrong_sums",
    "wrong_callbacks",
    "peak_mb",
    "load1",
    "note",
];

/// Characters of a cell at most.
const WIDTH_MAX: usize = 60;

/// Prints the rows on standard input as one table: by case, the fastest first.
pub fn from_stdin() -> Result<(), BenchError> {
    let mut rows = Vec::new();
    for line in stdin().lines() {
        rows.push(serde_json::from_str::<Map<String, Value>>(&line?)?);
    }
    rows.sort_by(|a, b| order(a).partial_cmp(&order(b)).unwrap_or(std::cmp::Ordering::Equal));
    crate::print_line(&table(&rows));
    Ok(())
}

fn order(row: &Map<String, Value>) -> [f64; 3] {
    ["sleep_ms", "n", "total_s"].map(|field| row.get(field).and_then(Value::as_f64).unwrap_or(f64::MAX))
}

fn table(rows: &[Map<String, Value>]) -> String {
    let mut lines = vec![COLUMNS.map(str::to_owned)];
    lines.extend(rows.iter().map(|row| COLUMNS.map(|column| cell(row.get(column)))));
    let width = |index: usize| lines.iter().map(|line| line[index].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..COLUMNS.len()).map(width).collect();
    let line = |cells: &[String; 18]| {
        let cells: Vec<String> = cells.iter().zip(&widths).map(|(cell, &width)| format!("{cell:>width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.lines().next().unwrap_or_default().chars().take(WIDTH_MAX).collect(),
        Some(value) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_without_a_figure_shows_a_dash() {
        let Value::Object(row) = json!({"peer": "rq", "n": 5, "note": "late\nand more"}) else { unreachable!() };
        let table = table(&[row]);
        let last: Vec<&str> = table.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(last.len(), COLUMNS.len());
        assert_eq!((last[0], last[1], last[2], last[17]), ("rq", "-", "5", "late"));
    }
}
