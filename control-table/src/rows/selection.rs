//! The segments that a redrive requeues.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::TallyOutcome;
use crate::limits::{MAX_SEGMENTS, MAX_SELECTION_BYTES};

/// Failed segments, cancelled ones, or both; all of them, or only those with some indexes. A segment that succeeded is never
/// requeued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Requeue failed segments.
    pub failed: bool,
    /// Requeue cancelled segments.
    pub cancelled: bool,
    /// Only segments with these indexes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Indexes>,
}

impl Selection {
    /// All failed and all cancelled segments.
    #[must_use]
    pub const fn unsuccessful() -> Self {
        Self { failed: true, cancelled: true, only: None }
    }

    /// Whether a segment with that index and outcome is requeued.
    #[must_use]
    pub fn takes(&self, index: u64, outcome: TallyOutcome) -> bool {
        let wanted = match outcome {
            TallyOutcome::Succeeded => false,
            TallyOutcome::Failed => self.failed,
            TallyOutcome::Cancelled => self.cancelled,
        };
        wanted && self.only.as_ref().is_none_or(|only| only.contains(index))
    }
}

/// Indexes of segments, as `3,17-20`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Indexes(Vec<(u64, u64)>);

impl Indexes {
    /// Whether the index is one of them.
    #[must_use]
    pub fn contains(&self, index: u64) -> bool {
        self.0.iter().any(|&(first, last)| (first..=last).contains(&index))
    }

    /// The ranges, both ends included, in the order in which they were written.
    #[must_use]
    pub fn ranges(&self) -> &[(u64, u64)] {
        &self.0
    }

    /// The number of indexes, if no two ranges overlap.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(first, last)| last - first + 1).sum()
    }
}

/// A list of segments that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSelection {
    /// A part of the list is neither an index nor a range.
    #[error("{0:?} is neither a segment's index nor a range like 17-20")]
    Part(String),
    /// The list is longer than [`MAX_SELECTION_BYTES`].
    #[error("the list of segments has {0} bytes: use at most {MAX_SELECTION_BYTES}, or redrive all that failed")]
    TooLong(usize),
}

impl FromStr for Indexes {
    type Err = InvalidSelection;

    fn from_str(text: &str) -> Result<Self, InvalidSelection> {
        if text.len() > MAX_SELECTION_BYTES {
            return Err(InvalidSelection::TooLong(text.len()));
        }
        text.split(',').map(|part| range(part.trim())).collect::<Result<_, _>>().map(Self)
    }
}

fn range(part: &str) -> Result<(u64, u64), InvalidSelection> {
    let (first, last) = part.split_once('-').unwrap_or((part, part));
    let number = |text: &str| text.trim().parse::<u64>().ok().filter(|&index| index < MAX_SEGMENTS);
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Ok((first, last)),
        _ => Err(InvalidSelection::Part(part.chars().take(40).collect())),
    }
}

impl fmt::Display for Indexes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (first, last)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            if first == last { write!(f, "{comma}{first}")? } else { write!(f, "{comma}{first}-{last}")? }
        }
        Ok(())
    }
}

impl TryFrom<String> for Indexes {
    type Error = InvalidSelection;

    fn try_from(text: String) -> Result<Self, InvalidSelection> {
        text.parse()
    }
}

impl From<Indexes> for String {
    fn from(indexes: Indexes) -> Self {
        indexes.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_segments_reads_back_what_it_writes() {
        let indexes: Indexes = "3, 17-20,5-5".parse().unwrap();
        assert_eq!(indexes.to_string(), "3,17-20,5");
        assert!(indexes.contains(3) && indexes.contains(20) && !indexes.contains(4) && !indexes.contains(21));
        assert_eq!(indexes.count(), 6);
        for text in ["", ",", "a", "4-3", "-1", "1-", "1-2-3", "99999999999999999999"] {
            assert!(text.parse::<Indexes>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_segment_that_succeeded_is_never_requeued() {
        let all = Selection::unsuccessful();
        assert!(all.takes(1, TallyOutcome::Failed) && all.takes(1, TallyOutcome::Cancelled));
        assert!(!all.takes(1, TallyOutcome::Succeeded));
        let some = Selection { failed: true, cancelled: false, only: Some("2-3".parse().unwrap()) };
        assert!(some.takes(2, TallyOutcome::Failed));
        assert!(!some.takes(2, TallyOutcome::Cancelled) && !some.takes(4, TallyOutcome::Failed));
    }
}
