//! The rows of the control table, and their items in `DynamoDB`.
//!
//! | row | `pk` | `sk` |
//! |---|---|---|
//! | [`ExecutionRow`] | `<execution_id>` | `EXECUTION` |
//! | [`PlanRow`] | `<execution_id>` | `PLAN` |
//! | [`TallyRow`] | `<execution_id>#<group>` | `TALLY` |
//! | [`SegmentRow`] | `<execution_id>#<group>` | `SEGMENT#<offset>` |
//! | [`AddMarkRow`] | `<execution_id>` | `ADD#<token>#<part>` |
//! | [`KeyRow`] | `KEY#<job>#<key>` | `KEY` |
//! | [`WatermarkRow`] | `WATERMARK#<stream>` | `<shard>` |
//! | [`DeadLetterRow`] | `DEADLETTER#<source>` | `<event_id>` |

mod add_mark;
mod any_row;
mod counts;
mod dead_letter;
mod due;
mod execution;
mod failed_attempt;
mod key;
mod offsets;
mod plan;
mod segment;
mod selection;
mod tally;
mod watermark;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::add_mark::{AddMarkRow, AddPart, AddToken, InvalidToken};
pub use self::any_row::{AnyRow, RowKey};
pub use self::counts::{Counters, Counts, InvalidCounts};
pub use self::dead_letter::{DeadLetterRow, DeadLetterSource};
pub use self::due::{Due, DueKind, DueShard};
pub use self::execution::{ExecutionRow, ExecutionStatus, Notification, Stop};
pub use self::failed_attempt::{FAILED_ATTEMPTS_KEPT, FailedAttempt};
pub use self::key::KeyRow;
pub use self::offsets::Offsets;
pub use self::plan::{PlanKind, PlanRow};
pub use self::segment::{ErrorKind, SegmentFailure, SegmentRow, SegmentStatus};
pub use self::selection::{Indexes, InvalidSelection, Selection};
pub use self::tally::{TallyOutcome, TallyRow};
pub use self::watermark::{Probes, WatermarkRow};

/// An item as `DynamoDB` has it.
pub type Item = HashMap<String, AttributeValue>;

/// The partition key's attribute.
pub const PK: &str = "pk";
/// The sort key's attribute.
pub const SK: &str = "sk";

/// The key of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemKey {
    /// The partition key.
    pub pk: String,
    /// The sort key.
    pub sk: String,
}

impl ItemKey {
    /// The key as attributes.
    #[must_use]
    pub fn to_item(&self) -> Item {
        HashMap::from([
            (PK.to_owned(), AttributeValue::S(self.pk.clone())),
            (SK.to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }

    /// The key of an item; an attribute that it lacks is empty.
    pub(crate) fn of(item: &Item) -> Self {
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        Self { pk: text(PK), sk: text(SK) }
    }
}

/// A row of one kind.
pub trait Row: Serialize + DeserializeOwned + Clone + PartialEq + std::fmt::Debug + Send + Sync + 'static {
    /// The key of the row.
    fn key(&self) -> RowKey;

    /// The same row as one of any kind.
    fn into_any(self) -> AnyRow;

    /// The row, if it is of this kind.
    fn from_any(row: AnyRow) -> Option<Self>;
}

/// An item that cannot be read as the row that its key names. Another program wrote it, or a newer version of this one.
#[derive(Debug, thiserror::Error)]
#[error("item {pk:?} / {sk:?} cannot be read as {kind}: {attribute}{source}", kind = self.kind(), attribute = self.attribute())]
pub struct CorruptItem {
    pk: String,
    sk: String,
    /// The attribute that cannot be read; empty if the reader does not say.
    path: String,
    source: serde_dynamo::Error,
}

impl CorruptItem {
    /// A value that has no spelling as an attribute.
    pub(crate) const fn unwritable(subject: String, source: serde_dynamo::Error) -> Self {
        Self { pk: subject, sk: String::new(), path: String::new(), source }
    }

    /// The kind of row that the keys name.
    fn kind(&self) -> &'static str {
        match &*self.sk {
            ExecutionRow::SK => "an execution",
            PlanRow::SK => "a plan",
            TallyRow::SK => "a tally",
            KeyRow::SK => "a key",
            sk if sk.starts_with(SegmentRow::SK_PREFIX) => "a segment",
            sk if sk.starts_with(AddMarkRow::SK_PREFIX) => "a mark",
            _ if self.pk.starts_with(DeadLetterRow::PK_PREFIX) => "a dead letter",
            _ => "a row",
        }
    }

    fn attribute(&self) -> String {
        if self.path.is_empty() { String::new() } else { format!("attribute {}: ", self.path) }
    }

    /// What an operator can do.
    pub(crate) fn advice(&self) -> String {
        let foreign = "A retry does not help: another program, or a newer version of this one, wrote it";
        if self.sk == TallyRow::SK {
            let execution = self.pk.split('#').next().unwrap_or_default();
            return format!(
                "{foreign}. Delete the item; `repair {execution}` creates it again from the rows of its segments"
            );
        }
        foreign.to_owned()
    }
}

/// Reads an item as a row. Fails if an attribute is missing or of another type: a count below zero, for instance.
pub fn from_item<R: Row>(item: Item) -> Result<R, CorruptItem> {
    let key = ItemKey::of(&item);
    read(key, serde_dynamo::Item::from(item))
}

/// Reads an item with that key.
pub(crate) fn read<R: Row>(ItemKey { pk, sk }: ItemKey, item: serde_dynamo::Item) -> Result<R, CorruptItem> {
    let item = serde_dynamo::AttributeValue::M(item.into());
    let deserializer = serde_dynamo::Deserializer::from_attribute_value(item);
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        // A flattened attribute has no path.
        let path = Some(error.path().to_string()).filter(|path| path != ".").unwrap_or_default();
        CorruptItem { pk, sk, path, source: error.into_inner() }
    })
}

/// The row as an item, keys included.
pub fn to_item<R: Row>(row: &R) -> Result<Item, CorruptItem> {
    let ItemKey { pk, sk } = row.key().item_key();
    let mut item: Item = serde_dynamo::to_item(row)
        .map_err(|source| CorruptItem { sk: sk.clone(), ..CorruptItem::unwritable(pk.clone(), source) })?;
    item.insert(PK.to_owned(), AttributeValue::S(pk));
    item.insert(SK.to_owned(), AttributeValue::S(sk));
    Ok(item)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::execution_id;

    #[test]
    fn a_corrupt_item_is_named_with_its_attribute_and_what_to_do() {
        let tally = TallyRow::fresh(execution_id().group(3), 2, 1);
        let mut item = to_item(&tally).unwrap();
        item.insert("pending".to_owned(), AttributeValue::N("-1".to_owned()));
        let corrupt = from_item::<TallyRow>(item).unwrap_err();
        let text = corrupt.to_string();
        assert!(
            text.starts_with(&format!("item \"{}#3\" / \"TALLY\" cannot be read as a tally:", execution_id())),
            "{text}"
        );
        assert!(text.contains("attribute pending:") && text.contains("-1"), "{text}");
        let advice = corrupt.advice();
        assert!(advice.contains(&format!("`repair {}`", execution_id())), "{advice}");
    }

    #[test]
    fn a_missing_attribute_is_named() {
        let mut item = to_item(&TallyRow::fresh(execution_id().group(3), 2, 1)).unwrap();
        item.remove("size");
        let text = from_item::<TallyRow>(item).unwrap_err().to_string();
        assert!(text.contains("missing field `size`"), "{text}");
    }
}
