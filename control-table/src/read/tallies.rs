//! Tallies by group.

use std::ops::Range;

use crate::ControlTable;
use crate::error::Error;
use crate::id::ExecutionId;
use crate::rows::{RowKey, TallyRow};
use crate::store::About;

impl ControlTable {
    /// The tallies of a range of groups in order, without those that do not exist.
    pub async fn tallies(&self, execution_id: ExecutionId, groups: Range<u64>) -> Result<Vec<TallyRow>, Error> {
        let groups: Vec<u64> = groups.collect();
        self.tallies_of(execution_id, &groups).await
    }

    /// The tallies of these groups in order, without those that do not exist.
    pub async fn tallies_of(&self, execution_id: ExecutionId, groups: &[u64]) -> Result<Vec<TallyRow>, Error> {
        let about = About { operation: "read tallies", subject: &execution_id };
        let keys: Vec<_> = groups.iter().map(|&group| RowKey::Tally(execution_id.group(group))).collect();
        let mut tallies: Vec<TallyRow> = self.get_many(about, &keys).await?;
        tallies.sort_by_key(|tally| tally.group);
        Ok(tallies)
    }
}
