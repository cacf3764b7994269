//! The bytes of a row, by which `DynamoDB` charges it: names and values of its attributes, estimated.

use control_table::rows::{AnyRow, Counts, ExecutionRow, SegmentRow, TallyRow};
use serde_json::Value;

/// The bytes of a write unit.
pub(super) const WRITE_UNIT: u64 = 1_024;

/// The bytes of a read unit.
pub(super) const READ_UNIT: u64 = 4_096;

/// The attributes that every row of the kind has, with their names. A test holds the estimate to real items.
const SEGMENT: usize = 330;
const TALLY: usize = 190;
const EXECUTION: usize = 520;
const OTHER: usize = 250;

/// The number of bytes of a member of a number set.
const NUMBER: usize = 3;
const INDEX: usize = 5;

/// The bytes of a row.
pub(super) fn bytes(row: &AnyRow) -> u64 {
    let bytes = match row {
        AnyRow::Segment(row) => segment(row),
        AnyRow::Tally(row) => tally(row),
        AnyRow::Execution(row) => execution(row),
        AnyRow::Plan(row) => OTHER + text(&row.source) + text(&row.parameters),
        AnyRow::DeadLetter(row) => OTHER + row.payload.len(),
        AnyRow::Key(_) | AnyRow::AddMark(_) => OTHER,
    };
    bytes as u64
}

fn segment(row: &SegmentRow) -> usize {
    let errors = row.error.iter().map(|error| error.message.len() + 30).sum::<usize>();
    let failures = row.failures.iter().map(|failure| failure.message.len() + 60).sum::<usize>();
    SEGMENT + text(&row.spec) + row.result.as_ref().map_or(0, text) + errors + failures + counts(&row.counts)
}

fn tally(row: &TallyRow) -> usize {
    let members = row.succeeded.len() + row.failed.len() + row.cancelled.len();
    TALLY + NUMBER * members + counts(&row.counts)
}

fn execution(row: &ExecutionRow) -> usize {
    EXECUTION + INDEX * row.in_flight.len() + counts(&row.counts)
}

fn counts(counts: &Counts) -> usize {
    counts.counters.0.keys().map(|name| name.len() + 12).sum()
}

fn text(value: &Value) -> usize {
    match value {
        Value::Null => 4,
        value => value.to_string().len(),
    }
}
