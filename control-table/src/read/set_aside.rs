//! What was set aside, for people.

#![expect(clippy::disallowed_methods, reason = "this is the adapter: the protocol lives in this crate")]

use std::cmp::Reverse;

use crate::error::Error;
use crate::item::{AsideSource, PK, SetAsideRow};
use crate::table::{About, ControlTable};

use super::text;

/// Pages of 1 MB that are read of each source. Event IDs are in no order of time, so the newest are found by reading all; this is
/// some 900 of the longest rows, or twenty thousand short ones. Whoever sees that many need not see more.
const MAX_PAGES: usize = 20;

impl ControlTable {
    /// What workers and the gather set aside, newest first, at most `limit`.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn set_aside_records(&self, limit: usize) -> Result<Vec<SetAsideRow>, Error> {
        let mut rows = Vec::new();
        for source in AsideSource::ALL {
            rows.extend(self.set_aside_by(source).await?);
        }
        rows.sort_by(|one: &SetAsideRow, other| {
            let order = |row: &SetAsideRow| (Reverse(row.set_aside_at), row.source);
            order(one).cmp(&order(other)).then_with(|| one.event_id.cmp(&other.event_id))
        });
        rows.truncate(limit);
        Ok(rows)
    }

    async fn set_aside_by(&self, source: AsideSource) -> Result<Vec<SetAsideRow>, Error> {
        let about = About { operation: "list records set aside", subject: &source };
        let (mut rows, mut from) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let query = self
                .client
                .query()
                .table_name(&*self.name)
                .key_condition_expression("#pk = :source")
                .expression_attribute_names("#pk", PK)
                .expression_attribute_values(":source", text(SetAsideRow::pk_of(source)))
                .scan_index_forward(false)
                .set_exclusive_start_key(from);
            let output = query.send().await.map_err(|error| self.sdk_error(about, error))?;
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
