//! The mark of an external group: by it a repeated add is recognised.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::ItemKey;
use crate::id::{ExecutionId, InvalidId};
use crate::limits::MAX_KEY;

/// Identifies an add. Its caller chooses it: the same token for the same segments, however often they are added.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddToken(String);

/// Empty, too long, or with characters that a token cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a token of an add: use 1 to {MAX_KEY} printable characters without '#', and without white space at the ends"
)]
pub struct InvalidToken(String);

impl AddToken {
    /// The token as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AddToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let length = text.chars().count();
        let printable = !text.chars().any(|c| c.is_control() || c == '#');
        if (1..=MAX_KEY).contains(&length) && text.trim() == text && printable {
            return Ok(Self(text.to_owned()));
        }
        // The text may have any length; the message has not.
        Err(InvalidToken(text.chars().take(MAX_KEY).collect()))
    }
}

impl fmt::Display for AddToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The mark item. Written once, by [`crate::operation::AddExternal`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddMarkRow {
    /// The item's `pk`.
    #[serde(rename = "pk")]
    pub execution_id: ExecutionId,
    /// The part that it marks; the item's `sk`.
    #[serde(rename = "sk")]
    pub part: AddPart,
    /// The number of the group that the part became.
    pub group: u64,
    /// A digest of all segments of the add: a token that comes again with other segments is refused.
    pub digest: String,
}

/// A part of an add: as many segments as fit into a group and a transaction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddPart {
    /// The token of the add.
    pub token: AddToken,
    /// The number of the part, from zero.
    pub number: u64,
}

impl fmt::Display for AddPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}#{}", AddMarkRow::SK_PREFIX, self.token, self.number)
    }
}

impl FromStr for AddPart {
    type Err = InvalidId;

    /// Reads the sort key of a mark.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let part = text.strip_prefix(AddMarkRow::SK_PREFIX).and_then(|part| {
            let (token, number) = part.split_once('#')?;
            Some(Self { token: token.parse().ok()?, number: number.parse().ok()? })
        });
        part.ok_or_else(|| InvalidId::Item(text.to_owned()))
    }
}

impl Serialize for AddPart {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AddPart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl AddMarkRow {
    /// The beginning of every mark's sort key.
    pub const SK_PREFIX: &str = "ADD#";

    /// The item key of the mark of that part.
    #[must_use]
    pub fn key_of(execution_id: ExecutionId, part: &AddPart) -> ItemKey {
        ItemKey { pk: execution_id.to_string(), sk: part.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back_what_it_writes() {
        let mark = AddMarkRow {
            execution_id: ExecutionId::new(uuid::Uuid::from_u128(5)),
            part: AddPart { token: "s3://bucket/day 7".parse().unwrap(), number: 12 },
            group: 3,
            digest: "d".to_owned(),
        };
        let item = crate::rows::to_item(&mark).unwrap();
        assert_eq!(item["sk"].as_s().unwrap(), "ADD#s3://bucket/day 7#12");
        assert_eq!(crate::rows::from_item::<AddMarkRow>(item).unwrap(), mark);
    }

    #[test]
    fn a_token_cannot_break_a_key_apart() {
        for bad in ["", " a", "a#1", "a\n", &"x".repeat(MAX_KEY + 1)] {
            assert!(bad.parse::<AddToken>().is_err(), "{bad:?}");
        }
        assert!("ü-1".parse::<AddToken>().is_ok());
    }
}
