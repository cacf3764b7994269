//! Tallies, by group.

#![expect(clippy::disallowed_methods, reason = "this is the adapter: the protocol lives in this crate")]

use std::collections::HashMap;
use std::ops::Range;

use aws_sdk_dynamodb::types::KeysAndAttributes;

use crate::error::Error;
use crate::id::ExecutionId;
use crate::item::{Item, TallyRow};
use crate::limits::KEYS_PER_BATCH_GET;
use crate::table::{About, BUSY_TRIES, ControlTable};

impl ControlTable {
    /// The tallies of a range of groups, by group; those that do not exist are left out.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn tallies(&self, execution_id: ExecutionId, groups: Range<u64>) -> Result<Vec<TallyRow>, Error> {
        let groups: Vec<u64> = groups.collect();
        self.tallies_of(execution_id, &groups).await
    }

    /// The tallies of these groups, by group; those that do not exist are left out.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn tallies_of(&self, execution_id: ExecutionId, groups: &[u64]) -> Result<Vec<TallyRow>, Error> {
        let mut tallies = Vec::with_capacity(groups.len());
        for batch in groups.chunks(KEYS_PER_BATCH_GET) {
            let keys = batch.iter().map(|&group| TallyRow::key_of(execution_id.group(group)).to_item()).collect();
            tallies.extend(self.tally_batch(execution_id, keys).await?);
        }
        tallies.sort_by_key(|tally| tally.group);
        Ok(tallies)
    }

    async fn tally_batch(&self, execution_id: ExecutionId, keys: Vec<Item>) -> Result<Vec<TallyRow>, Error> {
        let about = About { operation: "read tallies", subject: &execution_id };
        let (mut left, mut tallies) = (keys, Vec::new());
        for attempt in 0..BUSY_TRIES {
            self.back_off(attempt).await;
            let keys = KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(true).build();
            let keys = keys.map_err(|source| about.build_error(source))?;
            let request = self.client.batch_get_item().request_items(&*self.name, keys);
            let output = request.send().await.map_err(|error| self.sdk_error(about, error))?;
            for item in output.responses.unwrap_or_default().remove(&*self.name).unwrap_or_default() {
                tallies.push(about.read(item)?);
            }
            let mut unprocessed: HashMap<String, KeysAndAttributes> = output.unprocessed_keys.unwrap_or_default();
            left = unprocessed.remove(&*self.name).map(|keys| keys.keys).unwrap_or_default();
            if left.is_empty() {
                return Ok(tallies);
            }
        }
        Err(about.still_busy("UnprocessedKeys".to_owned()))
    }
}
