//! Sums: items, time and the user's counters.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::{MAX_COUNTER_NAME, MAX_COUNTER_VALUE, MAX_COUNTERS};

/// The prefix of an attribute that holds a counter of the user's, so that no name collides with another attribute. Counters are
/// attributes at the top level because `ADD` works only there.
pub const COUNTER_PREFIX: &str = "counter:";

/// The user's counters, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters(pub BTreeMap<String, i64>);

impl Counters {
    /// The attribute that holds that counter.
    #[must_use]
    pub fn attribute(name: &str) -> String {
        format!("{COUNTER_PREFIX}{name}")
    }

    fn add(&mut self, other: &Self) {
        for (name, value) in &other.0 {
            let sum = self.0.entry(name.clone()).or_default();
            *sum = sum.saturating_add(*value);
        }
    }
}

impl Serialize for Counters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(&Self::attribute(name), value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Counters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PrefixedVisitor)
    }
}

/// Collects the attributes of an item that are counters, and ignores the others.
struct PrefixedVisitor;

impl<'de> Visitor<'de> for PrefixedVisitor {
    type Value = Counters;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an item with attributes named {COUNTER_PREFIX}<name>")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Counters, M::Error> {
        let mut counters = BTreeMap::new();
        while let Some(attribute) = map.next_key::<String>()? {
            match attribute.strip_prefix(COUNTER_PREFIX) {
                Some(name) => {
                    counters.insert(name.to_owned(), map.next_value()?);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Counters(counters))
    }
}

/// The sums of a segment, of a tally over its segments, and of an execution over its folded tallies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Items, as the user's work counted them.
    #[serde(default)]
    pub item_count: i64,
    /// Milliseconds of the user's work.
    #[serde(default)]
    pub duration_ms: u64,
    /// The user's counters.
    #[serde(flatten)]
    pub counters: Counters,
}

impl Counts {
    /// Adds the other sums; saturates instead of overflowing.
    pub fn add(&mut self, other: &Self) {
        self.item_count = self.item_count.saturating_add(other.item_count);
        self.duration_ms = self.duration_ms.saturating_add(other.duration_ms);
        self.counters.add(&other.counters);
    }

    /// Subtracts the other sums; the duration stops at zero.
    pub fn subtract(&mut self, other: &Self) {
        self.add(&Self { duration_ms: 0, ..other.negated() });
        self.duration_ms = self.duration_ms.saturating_sub(other.duration_ms);
    }

    /// The same sums negated, except for the duration, which is unsigned.
    #[must_use]
    pub(crate) fn negated(&self) -> Self {
        let counters = self.counters.0.iter().map(|(name, value)| (name.clone(), value.saturating_neg()));
        let counters = Counters(counters.collect());
        Self { item_count: self.item_count.saturating_neg(), duration_ms: self.duration_ms, counters }
    }

    /// Refuses values that could overflow a sum over the largest execution, and names that cannot be stored. Returns the
    /// first error.
    pub fn validate(&self) -> Result<(), InvalidCounts> {
        let in_range = |value: i64| (-MAX_COUNTER_VALUE..=MAX_COUNTER_VALUE).contains(&value);
        if !in_range(self.item_count) {
            return Err(InvalidCounts::Value { name: "item_count".to_owned(), value: self.item_count });
        }
        if self.counters.0.len() > MAX_COUNTERS {
            return Err(InvalidCounts::TooMany(self.counters.0.len()));
        }
        for (name, &value) in &self.counters.0 {
            if name.is_empty() || name.len() > MAX_COUNTER_NAME || name.chars().any(char::is_control) {
                return Err(InvalidCounts::Name(name.clone()));
            }
            if !in_range(value) {
                return Err(InvalidCounts::Value { name: name.clone(), value });
            }
        }
        Ok(())
    }
}

/// Counters that cannot be stored. The segment fails permanently: another attempt would return the same counters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCounts {
    /// A sum of such values over the largest execution would not fit 64 bits.
    #[error("counter {name:?} is {value}: use at most {MAX_COUNTER_VALUE} a segment, positive or negative")]
    Value {
        /// The name of the counter, or `item_count`.
        name: String,
        /// The value that is out of range.
        value: i64,
    },
    /// More than [`MAX_COUNTERS`] counters.
    #[error("the output has {0} counters: use at most {MAX_COUNTERS}")]
    TooMany(usize),
    /// A name that is empty, too long or unprintable.
    #[error("{0:?} is not a counter's name: use 1 to {MAX_COUNTER_NAME} printable bytes")]
    Name(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(item_count: i64, name: &str, value: i64) -> Counts {
        Counts { item_count, duration_ms: 5, counters: Counters(BTreeMap::from([(name.to_owned(), value)])) }
    }

    #[test]
    fn counters_are_prefixed_attributes_beside_others() {
        let item: crate::rows::Item = serde_dynamo::to_item(counts(3, "status", 7)).unwrap();
        assert!(item.contains_key("counter:status") && !item.contains_key("status"));
        assert_eq!(serde_dynamo::from_item::<_, Counts>(item).unwrap(), counts(3, "status", 7));
    }

    #[test]
    fn sums_add_by_name() {
        let mut sum = counts(1, "a", 2);
        sum.add(&counts(3, "b", 4));
        sum.add(&counts(5, "a", 6));
        assert_eq!((sum.item_count, sum.duration_ms), (9, 15));
        assert_eq!(sum.counters.0, BTreeMap::from([("a".to_owned(), 8), ("b".to_owned(), 4)]));
    }

    #[test]
    fn a_value_that_could_overflow_the_largest_execution_is_refused() {
        assert_eq!(counts(MAX_COUNTER_VALUE, "a", -MAX_COUNTER_VALUE).validate(), Ok(()));
        assert!(matches!(counts(i64::MAX, "a", 0).validate(), Err(InvalidCounts::Value { .. })));
        assert!(matches!(counts(0, "", 0).validate(), Err(InvalidCounts::Name(_))));
    }
}
