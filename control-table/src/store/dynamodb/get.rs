//! Rows by their keys, by strongly consistent reads.

#![expect(clippy::disallowed_methods, reason = "this is the adapter: the protocol lives in this crate")]

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::{About, BUSY, DynamoDbStore};
use crate::error::Error;
use crate::limits::KEYS_PER_BATCH_GET;
use crate::rows::{AnyRow, Item, ItemKey, RowKey};

impl DynamoDbStore {
    pub(super) async fn get_row(&self, about: About<'_>, key: &RowKey) -> Result<Option<AnyRow>, Error> {
        let item_key = Some(key.item_key().to_item());
        let request = self.client.get_item().table_name(&*self.table).set_key(item_key).consistent_read(true);
        let sent = self.when_free(|| request.clone().send()).await;
        let output = sent.map_err(|error| self.sdk_error(about, error))?;
        output.item.map(|item| key.read(item)).transpose().map_err(|source| about.corrupt(source))
    }

    pub(super) async fn get_rows(&self, about: About<'_>, keys: &[RowKey]) -> Result<Vec<AnyRow>, Error> {
        let mut rows = Vec::with_capacity(keys.len());
        for batch in keys.chunks(KEYS_PER_BATCH_GET) {
            let by_item_key: HashMap<ItemKey, &RowKey> = batch.iter().map(|key| (key.item_key(), key)).collect();
            // In the caller's order: the fault harness replays requests byte by byte.
            let keys = batch.iter().map(|key| key.item_key().to_item()).collect();
            for item in self.get_batch(about, keys).await? {
                let Some(key) = by_item_key.get(&ItemKey::of(&item)) else { return Err(about.disagreement()) };
                rows.push(key.read(item).map_err(|source| about.corrupt(source))?);
            }
        }
        Ok(rows)
    }

    async fn get_batch(&self, about: About<'_>, keys: Vec<Item>) -> Result<Vec<Item>, Error> {
        let (mut found, mut left) = (Vec::with_capacity(keys.len()), keys);
        let mut tries = BUSY.begin(&self.entropy);
        while tries.next().await {
            let (items, unprocessed) = self.get_batch_once(about, left).await?;
            found.extend(items);
            left = unprocessed;
            if left.is_empty() {
                return Ok(found);
            }
        }
        Err(about.still_busy("UnprocessedKeys".to_owned()))
    }

    /// One request: the items found, and the keys that a busy `DynamoDB` left out.
    async fn get_batch_once(&self, about: About<'_>, keys: Vec<Item>) -> Result<(Vec<Item>, Vec<Item>), Error> {
        let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        let keys = keys.map_err(|source| about.build_error(&source))?;
        let request = self.client.batch_get_item().request_items(&*self.table, keys);
        let sent = self.when_free(|| request.clone().send()).await;
        let output = sent.map_err(|error| self.sdk_error(about, error))?;
        let items = output.responses.unwrap_or_default().remove(&*self.table).unwrap_or_default();
        let unprocessed = output.unprocessed_keys.unwrap_or_default().remove(&*self.table);
        Ok((items, unprocessed.map(|keys| keys.keys).unwrap_or_default()))
    }
}
