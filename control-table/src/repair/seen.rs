//! Reading rows that may be damaged.

#![expect(clippy::disallowed_methods, reason = "this is the adapter: the protocol lives in this crate")]

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::error::Error;
use crate::id::ExecutionId;
use crate::item::{ExecutionRow, Item, ItemKey, KeyRow, Row, TallyRow, counts_below_zero};
use crate::table::{About, ControlTable};

/// A row as it was seen. A count below zero, which no row of this crate can hold, is zero in it, and kept beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen<R> {
    /// The row.
    pub row: R,
    /// The counts that are below zero in the table, by attribute.
    pub below_zero: BTreeMap<String, i64>,
}

impl<R> From<R> for Seen<R> {
    fn from(row: R) -> Self {
        Self { row, below_zero: BTreeMap::new() }
    }
}

impl<R: Row> Seen<R> {
    pub(crate) fn read(about: About<'_>, mut item: Item) -> Result<Self, Error> {
        let below_zero: BTreeMap<_, _> = counts_below_zero(&item).collect();
        for name in below_zero.keys() {
            item.insert(name.clone(), AttributeValue::N("0".to_owned()));
        }
        Ok(Self { row: about.read(item)?, below_zero })
    }

    /// The count of that name as the table has it.
    pub(super) fn number(&self, name: &str, read: u64) -> serde_json::Value {
        self.below_zero.get(name).map_or_else(|| read.into(), |&number| number.into())
    }
}

impl ControlTable {
    /// An execution that may be damaged, by strongly consistent read.
    ///
    /// # Errors
    /// When the table cannot be read, or the item is damaged beyond what can be told.
    pub async fn seen_execution(&self, execution_id: ExecutionId) -> Result<Option<Seen<ExecutionRow>>, Error> {
        let about = About { operation: "repair", subject: &execution_id };
        self.seen(about, ExecutionRow::key_of(execution_id)).await
    }

    /// An execution's key item, by strongly consistent read.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn seen_key(&self, execution: &ExecutionRow) -> Result<Option<KeyRow>, Error> {
        let about = About { operation: "repair", subject: &execution.key };
        let key = KeyRow::key_of(&execution.job, &execution.key);
        Ok(self.seen(about, key).await?.map(|seen| seen.row))
    }

    /// The tallies of these groups that exist and may be damaged, by group, by strongly consistent read.
    ///
    /// # Errors
    /// When the table cannot be read, or an item is damaged beyond what can be told.
    pub async fn seen_tallies(&self, execution_id: ExecutionId, groups: &[u64]) -> Result<Vec<Seen<TallyRow>>, Error> {
        match self.tallies_of(execution_id, groups).await {
            Ok(tallies) => Ok(tallies.into_iter().map(Seen::from).collect()),
            // One of them is damaged; which, only a look at each of them tells.
            Err(Error::Corrupt { .. }) => {
                let about = About { operation: "repair", subject: &execution_id };
                let mut seen = Vec::new();
                for &group in groups {
                    seen.extend(self.seen(about, TallyRow::key_of(execution_id.group(group))).await?);
                }
                Ok(seen)
            }
            Err(error) => Err(error),
        }
    }

    async fn seen<R: Row>(&self, about: About<'_>, key: ItemKey) -> Result<Option<Seen<R>>, Error> {
        let request = self.client.get_item().table_name(&*self.name).set_key(Some(key.to_item())).consistent_read(true);
        let output = request.send().await.map_err(|error| self.sdk_error(about, error))?;
        output.item.map(|item| Seen::read(about, item)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::to_item;

    #[test]
    fn a_count_below_zero_is_read_as_zero_and_kept() {
        let tally = TallyRow::fresh(ExecutionId::new(uuid::Uuid::from_u128(1)).group(0), 3, 1);
        let mut item = to_item(&tally).unwrap();
        for name in ["pending", "item_count", "counter:rows"] {
            item.insert(name.to_owned(), AttributeValue::N("-2".to_owned()));
        }
        let seen: Seen<TallyRow> = Seen::read(About { operation: "repair", subject: &"a test" }, item).unwrap();
        assert_eq!((seen.row.pending, seen.row.counts.item_count), (0, -2));
        assert_eq!(seen.number("pending", 0), -2);
        assert_eq!(seen.below_zero.len(), 1);
    }
}
