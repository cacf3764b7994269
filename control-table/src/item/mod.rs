//! The items of the control table, as values, and how they are spelled in `DynamoDB`.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | [`ExecutionRow`] | `<execution_id>` | `EXECUTION` |
//! | [`PlanRow`] | `<execution_id>` | `PLAN` |
//! | [`TallyRow`] | `<execution_id>#<group>` | `TALLY` |
//! | [`SegmentRow`] | `<execution_id>#<group>` | `SEGMENT#<offset>` |
//! | [`AddMarkRow`] | `<execution_id>` | `ADD#<token>#<part>` |
//! | [`KeyRow`] | `KEY#<job>#<key>` | `KEY` |
//! | [`SetAsideRow`] | `ASIDE#<source>` | `<event_id>` |

mod add_mark;
mod counts;
mod due;
mod execution;
mod key;
mod plan;
mod segment;
mod selection;
mod set_aside;
mod tally;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::add_mark::{AddMarkRow, AddPart, AddToken, InvalidToken};
pub use self::counts::{Counters, Counts, InvalidCounts};
pub use self::due::{Due, DueShard};
pub use self::execution::{ExecutionRow, ExecutionStatus, Notice, Stop};
pub use self::key::KeyRow;
pub use self::plan::PlanRow;
pub use self::segment::{ErrorKind, SegmentFailure, SegmentRow, SegmentStatus};
pub use self::selection::{Indexes, InvalidSelection, Selection};
pub use self::set_aside::{AsideSource, SetAsideRow};
pub use self::tally::{TallyOutcome, TallyRow};

/// An item as `DynamoDB` has it.
pub type Item = HashMap<String, AttributeValue>;

/// The partition key's attribute.
pub const PK: &str = "pk";
/// The sort key's attribute.
pub const SK: &str = "sk";

/// The two keys of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemKey {
    /// The partition key.
    pub pk: String,
    /// The sort key.
    pub sk: String,
}

impl ItemKey {
    /// The key as `DynamoDB` wants it.
    #[must_use]
    pub fn to_item(&self) -> Item {
        HashMap::from([
            (PK.to_owned(), AttributeValue::S(self.pk.clone())),
            (SK.to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }

    /// The key of an item; empty where it has none.
    pub(crate) fn of(item: &Item) -> Self {
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        Self { pk: text(PK), sk: text(SK) }
    }
}

/// A kind of item: what it is called and where it is kept.
pub trait Row: Serialize + DeserializeOwned + Clone + PartialEq + std::fmt::Debug {
    /// Its keys.
    fn key(&self) -> ItemKey;
}

/// An item that cannot be read as what its key says it is. Somebody else wrote to the table, or a newer version did.
#[derive(Debug, thiserror::Error)]
#[error("item {pk:?} / {sk:?} of the control table cannot be read: {source}")]
pub struct CorruptItem {
    pk: String,
    sk: String,
    /// A count that is below zero, if there is one: a repair makes it right. Boxed, to keep errors small.
    below_zero: Option<Box<(String, i64)>>,
    source: serde_dynamo::Error,
}

impl CorruptItem {
    /// A value that has no spelling.
    pub(crate) const fn unspelled(subject: String, source: serde_dynamo::Error) -> Self {
        Self { pk: subject, sk: String::new(), below_zero: None, source }
    }

    /// What made it so, and what can be done.
    pub(crate) fn advice(&self) -> String {
        let foreign = "Another program, or a newer version of this one, wrote it";
        let is_recounted = [ExecutionRow::SK, TallyRow::SK].contains(&&*self.sk);
        match self.below_zero.as_deref().filter(|_| is_recounted) {
            Some((count, number)) => {
                let execution = self.pk.split('#').next().unwrap_or_default();
                format!("{foreign}: its {count} is {number}. `repair {execution}` recounts it and puts it right")
            }
            None => foreign.to_owned(),
        }
    }
}

/// Reads an item.
///
/// # Errors
/// When an attribute is missing or of another type.
pub fn from_item<R: Row>(item: Item) -> Result<R, CorruptItem> {
    let key = ItemKey::of(&item);
    let below_zero = counts_below_zero(&item).next().map(Box::new);
    serde_dynamo::from_item(item).map_err(|source| CorruptItem { pk: key.pk, sk: key.sk, below_zero, source })
}

/// The numbers of an item that are below zero and cannot be; items and the user's counters can.
pub(crate) fn counts_below_zero(item: &Item) -> impl Iterator<Item = (String, i64)> {
    let below = |value: &AttributeValue| value.as_n().ok().and_then(|n| n.parse().ok()).filter(|&n: &i64| n < 0);
    let may_be = |name: &str| name == "item_count" || name.starts_with(&Counters::attribute(""));
    item.iter()
        .filter(move |(name, _)| !may_be(name))
        .filter_map(move |(name, value)| Some((name.clone(), below(value)?)))
}

/// Spells a row as an item, keys included.
///
/// # Errors
/// When a value has no spelling; the types of this crate all have one.
pub fn to_item<R: Row>(row: &R) -> Result<Item, CorruptItem> {
    let ItemKey { pk, sk } = row.key();
    let mut item: Item = serde_dynamo::to_item(row)
        .map_err(|source| CorruptItem { sk: sk.clone(), ..CorruptItem::unspelled(pk.clone(), source) })?;
    item.insert(PK.to_owned(), AttributeValue::S(pk));
    item.insert(SK.to_owned(), AttributeValue::S(sk));
    Ok(item)
}
