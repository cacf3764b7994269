//! Many items by their keys.

#![expect(clippy::disallowed_methods, reason = "this is the adapter: the protocol lives in this crate")]

use aws_sdk_dynamodb::types::KeysAndAttributes;

use crate::error::Error;
use crate::item::{Item, ItemKey, Row};
use crate::limits::KEYS_PER_BATCH_GET;
use crate::table::{About, BUSY_TRIES, ControlTable};

impl ControlTable {
    /// The rows with these keys, in no order, by strongly consistent read; those that do not exist are left out.
    pub(super) async fn batch_get<R: Row>(&self, about: About<'_>, keys: &[ItemKey]) -> Result<Vec<R>, Error> {
        let mut rows = Vec::with_capacity(keys.len());
        for batch in keys.chunks(KEYS_PER_BATCH_GET) {
            let mut left: Vec<Item> = batch.iter().map(ItemKey::to_item).collect();
            for attempt in 0..BUSY_TRIES {
                self.back_off(attempt).await;
                let (items, unprocessed) = self.batch_get_once(about, left).await?;
                for item in items {
                    rows.push(about.read(item)?);
                }
                left = unprocessed;
                if left.is_empty() {
                    break;
                }
            }
            if !left.is_empty() {
                return Err(about.still_busy("UnprocessedKeys".to_owned()));
            }
        }
        Ok(rows)
    }

    /// One request: what it brought, and the keys that `DynamoDB` had no time for.
    async fn batch_get_once(&self, about: About<'_>, keys: Vec<Item>) -> Result<(Vec<Item>, Vec<Item>), Error> {
        let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        let keys = keys.map_err(|source| about.build_error(source))?;
        let request = self.client.batch_get_item().request_items(&*self.name, keys);
        let output = request.send().await.map_err(|error| self.sdk_error(about, error))?;
        let items = output.responses.unwrap_or_default().remove(&*self.name).unwrap_or_default();
        let unprocessed = output.unprocessed_keys.unwrap_or_default().remove(&*self.name);
        Ok((items, unprocessed.map(|keys| keys.keys).unwrap_or_default()))
    }
}
