//! What a recount found.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::rows::{Counters, Counts};

/// A value that differs from the recount, or a row that is missing or cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Difference {
    /// The row: `segment ID#17`, `tally ID#3`, `execution ID`.
    pub row: String,
    /// The attribute; `row` for the whole row.
    pub field: String,
    /// The value in the table; null if the row is missing.
    pub found: Value,
    /// The value by the recount; null if a recount cannot tell.
    pub expected: Value,
    /// What the repair does, or what an operator can do.
    pub correction: String,
    /// Whether a repair corrects it.
    pub repairable: bool,
}

impl Difference {
    fn field(row: &str, field: &str, found: Value, expected: Value) -> Self {
        let correction = format!("set to {expected}");
        Self { row: row.to_owned(), field: field.to_owned(), found, expected, correction, repairable: true }
    }

    /// A row that the repair creates again.
    pub(super) fn lost(row: &str, expected: Value) -> Self {
        let correction = "create it again from the rows of its segments".to_owned();
        Self { correction, ..Self::field(row, "row", Value::Null, expected) }
    }

    /// A row that is missing or cannot be read, and that no recount can create.
    #[must_use]
    pub fn beyond_repair(row: String, found: Value, correction: String) -> Self {
        Self { row, field: "row".to_owned(), found, expected: Value::Null, correction, repairable: false }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row, field, found, expected, correction, repairable } = self;
        let shown = |value: &Value| if value.is_null() { "missing".to_owned() } else { value.to_string() };
        if *repairable {
            write!(f, "{row}: {field} is {}, expected {expected}: {correction}", shown(found))
        } else {
            write!(f, "{row}: {field} is {}, beyond repair: {correction}", shown(found))
        }
    }
}

/// The differences of one row, as a recount finds them.
pub(super) struct Differences {
    row: String,
    pub found: Vec<Difference>,
}

impl Differences {
    pub const fn of(row: String) -> Self {
        Self { row, found: Vec::new() }
    }

    pub fn compare(&mut self, field: &str, found: impl Into<Value>, expected: impl Into<Value>) {
        let (found, expected) = (found.into(), expected.into());
        if found != expected {
            self.found.push(Difference::field(&self.row, field, found, expected));
        }
    }

    /// Compares sums. A counter at zero is the same as none.
    pub fn compare_counts(&mut self, found: &Counts, expected: &Counts) {
        self.compare("item_count", found.item_count, expected.item_count);
        self.compare("duration_ms", found.duration_ms, expected.duration_ms);
        let names: BTreeSet<_> = found.counters.0.keys().chain(expected.counters.0.keys()).collect();
        for name in names {
            let of = |counts: &Counts| counts.counters.0.get(name).copied().unwrap_or(0);
            self.compare(&Counters::attribute(name), of(found), of(expected));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_one_line_and_one_object() {
        let mut differences = Differences::of("tally a#3".to_owned());
        differences.compare("size", 1, 1);
        differences.compare("pending", 1, 2);
        let lost = Difference::beyond_repair("plan a".to_owned(), Value::Null, "run it again".to_owned());
        let lines: Vec<String> = differences.found.iter().chain([&lost]).map(ToString::to_string).collect();
        assert_eq!(
            lines,
            ["tally a#3: pending is 1, expected 2: set to 2", "plan a: row is missing, beyond repair: run it again"]
        );
        let expected = serde_json::json!({
            "row": "tally a#3", "field": "pending", "found": 1, "expected": 2, "correction": "set to 2",
            "repairable": true,
        });
        assert_eq!(serde_json::to_value(&differences.found[0]).unwrap(), expected);
    }
}
