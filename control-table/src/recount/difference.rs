//! What a recount found.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// One attribute that is not what the rows say, or one item that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The item, in words: `segment ID#17`, `tally ID#3`, `execution ID`.
    pub item: String,
    /// The attribute; `item` for the whole of it.
    pub field: String,
    /// What the table has.
    pub found: Value,
    /// What it should have.
    pub expected: Value,
    /// What is done about it, or what to do where nothing can be.
    pub correction: String,
    /// Whether a correction is made; where not, `correction` says what to do.
    #[serde(skip)]
    pub repairable: bool,
}

impl Difference {
    /// An attribute that gets the value it should have.
    pub(super) fn field(item: &str, field: &str, found: impl Into<Value>, expected: impl Into<Value>) -> Self {
        let (found, expected) = (found.into(), expected.into());
        let correction = if expected.is_null() { "remove it".to_owned() } else { format!("set to {expected}") };
        let (item, field) = (item.to_owned(), field.to_owned());
        Self { item, field, found, expected, correction, repairable: true }
    }

    /// An item that is not there and is made again.
    pub(super) fn missing(item: &str, expected: impl Into<Value>, correction: impl Into<String>) -> Self {
        Self::field(item, "item", Value::Null, expected).because(correction)
    }

    /// The same with another word on what is done.
    #[must_use]
    pub(super) fn because(self, correction: impl Into<String>) -> Self {
        Self { correction: correction.into(), ..self }
    }

    /// The same, where nothing can be done.
    #[must_use]
    pub(super) fn beyond_repair(self) -> Self {
        Self { repairable: false, ..self }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { item, field, found, expected, correction, .. } = self;
        let shown = |value: &Value| if value.is_null() { "nothing".to_owned() } else { value.to_string() };
        write!(f, "{item}: {field} is {}, expected {}: {correction}", shown(found), shown(expected))
    }
}

/// The differences of one item, as they are found.
pub(super) struct Differences {
    item: String,
    pub found: Vec<Difference>,
}

impl Differences {
    pub const fn of(item: String) -> Self {
        Self { item, found: Vec::new() }
    }

    /// Notes an attribute if it is not as it should be.
    pub fn compare(&mut self, field: &str, found: impl Into<Value>, expected: impl Into<Value>) {
        let (found, expected) = (found.into(), expected.into());
        if found != expected {
            self.found.push(Difference::field(&self.item, field, found, expected));
        }
    }

    /// Notes an attribute that is not as it should be, with a word on what is done.
    pub fn note(&mut self, field: &str, found: impl Into<Value>, expected: impl Into<Value>, correction: &str) {
        self.found.push(Difference::field(&self.item, field, found, expected).because(correction));
    }

    /// Notes sums. A counter at zero is as good as none.
    pub fn compare_counts(&mut self, found: &crate::rows::Counts, expected: &crate::rows::Counts) {
        self.compare("item_count", found.item_count, expected.item_count);
        let names: std::collections::BTreeSet<_> =
            found.counters.0.keys().chain(expected.counters.0.keys()).cloned().collect();
        for name in names {
            let of = |counts: &crate::rows::Counts| counts.counters.0.get(&name).copied().unwrap_or(0);
            self.compare(&crate::rows::Counters::attribute(&name), of(found), of(expected));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_one_line_and_five_fields() {
        let mut differences = Differences::of("tally a#3".to_owned());
        differences.compare("pending", 1, 1);
        differences.compare("pending", -1, 2);
        differences.compare("finished_at", 5, Value::Null);
        let lines: Vec<String> = differences.found.iter().map(ToString::to_string).collect();
        assert_eq!(lines[0], "tally a#3: pending is -1, expected 2: set to 2");
        assert_eq!(lines[1], "tally a#3: finished_at is 5, expected nothing: remove it");
        let json = serde_json::to_value(&differences.found[0]).unwrap();
        let expected = serde_json::json!({
            "item": "tally a#3", "field": "pending", "found": -1, "expected": 2, "correction": "set to 2",
        });
        assert_eq!(json, expected);
    }
}
