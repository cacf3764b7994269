//! Dead letters of all consumers.

use std::cmp::Reverse;

use crate::ControlTable;
use crate::error::Error;
use crate::rows::{DeadLetterRow, DeadLetterSource};

impl ControlTable {
    /// The newest dead letters of the workers and of the gather, at most `limit`. Reads all of them, up to the bound of the
    /// store.
    pub async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetterRow>, Error> {
        let mut rows = Vec::new();
        for source in DeadLetterSource::ALL {
            rows.extend(self.store().dead_letters(source).await?);
        }
        rows.sort_by(|one: &DeadLetterRow, other| {
            let order = |row: &DeadLetterRow| (Reverse(row.recorded_at), row.source);
            order(one).cmp(&order(other)).then_with(|| one.event_id.cmp(&other.event_id))
        });
        rows.truncate(limit);
        Ok(rows)
    }
}
