//! Spans of time as they are written: `90s`, `15m`, `2h`, `7d`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

/// The units, the largest first.
const UNITS: [(&str, u64); 6] =
    [("w", 604_800_000), ("d", DAY_MS), ("h", 3_600_000), ("ms", 1), ("m", 60_000), ("s", 1_000)];

const DAY_MS: u64 = 86_400_000;

/// What is shown of a text that was refused.
const SHOWN: usize = 40;

/// A span of time, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(u64);

/// Not a span of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no span of time: use a whole number and a unit, such as 500ms, 90s, 15m, 2h, 7d or 2w")]
pub struct InvalidSpan(String);

impl InvalidSpan {
    fn of(text: &str) -> Self {
        Self(text.chars().take(SHOWN).collect())
    }
}

impl Span {
    /// In milliseconds.
    pub const fn millis(self) -> u64 {
        self.0
    }
}

impl FromStr for Span {
    type Err = InvalidSpan;

    fn from_str(text: &str) -> Result<Self, InvalidSpan> {
        let invalid = || InvalidSpan::of(text);
        // "ms" before "s" and "m": the order of the table.
        let unit = UNITS.iter().find_map(|(unit, millis)| Some((text.strip_suffix(unit)?, *millis)));
        let (count, millis) = unit.ok_or_else(invalid)?;
        if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        let count: u64 = count.parse().map_err(|_| invalid())?;
        count.checked_mul(millis).map(Self).ok_or_else(invalid)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) => text.parse().map_err(de::Error::custom),
            other => Err(de::Error::custom(format!(
                "expected a span of time as text, such as \"90s\" or \"2h\", found {}",
                other.type_str()
            ))),
        }
    }
}

/// How long an execution is kept: whole days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention(u32);

/// Not a number of days.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no retention: executions are kept for whole days, such as 30d or 2w")]
pub struct InvalidRetention(String);

impl Retention {
    /// In days.
    pub const fn days(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}d", self.0)
    }
}

impl FromStr for Retention {
    type Err = InvalidRetention;

    fn from_str(text: &str) -> Result<Self, InvalidRetention> {
        let span: Option<Span> = text.parse().ok();
        let days = span.filter(|span| span.millis() % DAY_MS == 0).map(|span| span.millis() / DAY_MS);
        let days = days.and_then(|days| u32::try_from(days).ok());
        days.map(Self).ok_or_else(|| InvalidRetention(text.chars().take(SHOWN).collect()))
    }
}

impl<'de> Deserialize<'de> for Retention {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let days = match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) => return text.parse().map_err(de::Error::custom),
            toml::Value::Integer(days) => u32::try_from(days).ok(),
            _ => None,
        };
        days.map(Self).ok_or_else(|| de::Error::custom("expected a number of days, or a text such as \"30d\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_a_whole_number_and_a_unit() {
        let cases = [("500ms", 500), ("90s", 90_000), ("15m", 900_000), ("2h", 7_200_000), ("7d", 7 * DAY_MS)];
        for (text, millis) in cases {
            assert_eq!(text.parse::<Span>().map(Span::millis), Ok(millis), "{text}");
        }
        for text in ["", "s", "90", "-1s", "+1s", "1.5h", "90 s", "1y", "99999999999999999999w", "٣s"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_retention_is_whole_days() {
        for (text, days) in [("30d", 30), ("2w", 14), ("48h", 2)] {
            assert_eq!(text.parse::<Retention>().map(Retention::days), Ok(days), "{text}");
        }
        for text in ["30", "36h", "90s", "", "forever"] {
            assert!(text.parse::<Retention>().is_err(), "{text}");
        }
    }
}
