//! What the user's work gives back.

use std::collections::BTreeMap;

use serde_json::Value;

/// The outcome of one segment's work.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Output {
    /// Items that were processed: summed over the run.
    pub item_count: i64,
    /// Counters by name, each summed over the run. At most 16 of them.
    pub counters: BTreeMap<String, i64>,
    /// A small JSON result, kept in the segment's row: at most 16 KiB. Larger ones belong in a store of the user's, by
    /// reference.
    pub result: Option<Value>,
}

impl Output {
    /// So many items, and nothing else.
    #[must_use]
    pub fn items(item_count: i64) -> Self {
        Self { item_count, ..Self::default() }
    }

    /// With a counter. The same name again replaces the value.
    #[must_use]
    pub fn counter(mut self, name: impl Into<String>, value: i64) -> Self {
        self.counters.insert(name.into(), value);
        self
    }

    /// With a result.
    #[must_use]
    pub fn result(mut self, result: impl Into<Value>) -> Self {
        self.result = Some(result.into());
        self
    }
}
