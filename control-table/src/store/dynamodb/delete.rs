//! Deletes the rows of an expired execution.

#![expect(clippy::disallowed_methods, reason = "this is the adapter: the protocol lives in this crate")]

use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};
use futures::stream::{self, StreamExt, TryStreamExt};

use super::{About, BUSY, DynamoDbStore, text};
use crate::error::Error;
use crate::id::ExecutionId;
use crate::limits::WRITES_PER_BATCH;
use crate::rows::{AddMarkRow, PK, RowKey, SK};

/// Batches that are sent at the same time: 400 rows, which is less than half of what a partition takes in a second.
const BATCHES_AT_ONCE: usize = 16;

impl DynamoDbStore {
    pub(super) async fn delete_rows(&self, about: About<'_>, keys: &[RowKey]) -> Result<(), Error> {
        // Collected, because the compiler cannot see that a stream of a borrowing closure may cross threads.
        let batches: Vec<_> = keys.chunks(WRITES_PER_BATCH).map(|batch| self.delete_batch(about, batch)).collect();
        stream::iter(batches).buffer_unordered(BATCHES_AT_ONCE).try_collect::<()>().await
    }

    async fn delete_batch(&self, about: About<'_>, keys: &[RowKey]) -> Result<(), Error> {
        let mut left = Vec::with_capacity(keys.len());
        for key in keys {
            let delete = DeleteRequest::builder().set_key(Some(key.item_key().to_item())).build();
            let delete = delete.map_err(|source| about.build_error(&source))?;
            left.push(WriteRequest::builder().delete_request(delete).build());
        }
        let mut tries = BUSY.begin(&self.entropy);
        while tries.next().await {
            let request = self.client.batch_write_item().request_items(&*self.table, left);
            let sent = self.when_free(|| request.clone().send()).await;
            let output = sent.map_err(|error| self.sdk_error(about, error))?;
            left = output.unprocessed_items.unwrap_or_default().remove(&*self.table).unwrap_or_default();
            if left.is_empty() {
                return Ok(());
            }
        }
        Err(about.still_busy("UnprocessedItems".to_owned()))
    }

    pub(super) async fn query_add_marks(&self, execution_id: ExecutionId, limit: u16) -> Result<Vec<RowKey>, Error> {
        let about = About { operation: "read add marks", subject: &execution_id };
        let query = self
            .client
            .query()
            .table_name(&*self.table)
            .consistent_read(true)
            .key_condition_expression("#pk = :pk AND begins_with(#sk, :mark)")
            .projection_expression("#pk, #sk")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_values(":pk", text(execution_id.to_string()))
            .expression_attribute_values(":mark", text(AddMarkRow::SK_PREFIX))
            .limit(i32::from(limit));
        let sent = self.when_free(|| query.clone().send()).await;
        let output = sent.map_err(|error| self.sdk_error(about, error))?;
        let part = |item: &crate::rows::Item| item.get(SK)?.as_s().ok()?.parse().ok();
        let marks = output.items.unwrap_or_default();
        Ok(marks.iter().filter_map(part).map(|part| RowKey::AddMark(execution_id, part)).collect())
    }
}
