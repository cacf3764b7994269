//! The result of a segment's work.

use std::collections::BTreeMap;

use serde_json::Value;

/// The result of one segment's work.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Output {
    /// Items that were processed: summed over the execution.
    pub item_count: u64,
    /// Counters by name, each summed over the execution. At most 16, each at most 922,337,203,685 either way, so
    /// that the sum of the largest execution fits 64 bits.
    pub counters: BTreeMap<String, i128>,
    /// A small JSON result, kept in the segment's row: at most 16 KiB. Put larger ones in a store of your own, and return a
    /// reference.
    pub result: Option<Value>,
}

impl Output {
    /// That many items.
    #[must_use]
    pub fn items(item_count: u64) -> Self {
        Self { item_count, ..Self::default() }
    }

    /// With a counter. The same name again replaces the value.
    #[must_use]
    pub fn counter(mut self, name: impl Into<String>, value: impl Into<Number>) -> Self {
        self.counters.insert(name.into(), value.into().0);
        self
    }

    /// With a result.
    #[must_use]
    pub fn result(mut self, result: impl Into<Value>) -> Self {
        self.result = Some(result.into());
        self
    }
}

/// The value of a counter: any integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number(i128);

macro_rules! from_integers {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Number {
            fn from(value: $integer) -> Self {
                Self(value.into())
            }
        }
    )*};
}

from_integers!(u8, u16, u32, u64, i8, i16, i32, i64, i128);

impl From<usize> for Number {
    fn from(value: usize) -> Self {
        // Lossless: no platform of this crate has more than 64 bits.
        Self(value as i128)
    }
}

impl From<isize> for Number {
    fn from(value: isize) -> Self {
        Self(value as i128)
    }
}
