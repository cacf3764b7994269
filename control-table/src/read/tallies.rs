//! Tallies, by group.

use std::ops::Range;

use crate::error::Error;
use crate::id::ExecutionId;
use crate::item::TallyRow;
use crate::table::{About, ControlTable};

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
        let about = About { operation: "read tallies", subject: &execution_id };
        let keys: Vec<_> = groups.iter().map(|&group| TallyRow::key_of(execution_id.group(group))).collect();
        let mut tallies: Vec<TallyRow> = self.batch_get(about, &keys).await?;
        tallies.sort_by_key(|tally| tally.group);
        Ok(tallies)
    }
}
