//! Dead letters by source.

#![expect(clippy::disallowed_methods, reason = "this is the adapter: the protocol lives in this crate")]

use crate::error::Error;
use crate::rows::{DeadLetterRow, DeadLetterSource, PK};

use super::{About, DynamoDbStore, text};

/// Pages of a source that are read at most, 1 MB each: some 900 of the longest rows, or 20,000 short ones. Event IDs are in
/// no order of time, so the newest are found by reading all.
const MAX_PAGES: usize = 20;

impl DynamoDbStore {
    pub(super) async fn query_dead_letters(&self, source: DeadLetterSource) -> Result<Vec<DeadLetterRow>, Error> {
        let about = About { operation: "list dead letters", subject: &source };
        let (mut rows, mut from) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let query = self
                .client
                .query()
                .table_name(&*self.table)
                .key_condition_expression("#pk = :source")
                .expression_attribute_names("#pk", PK)
                .expression_attribute_values(":source", text(DeadLetterRow::pk_of(source)))
                .scan_index_forward(false)
                .set_exclusive_start_key(from);
            let sent = self.when_free(|| query.clone().send()).await;
            let output = sent.map_err(|error| self.sdk_error(about, error))?;
            for item in output.items.unwrap_or_default() {
                rows.push(about.read(item)?);
            }
            from = output.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        Ok(rows)
    }
}
