//! What is due: the sweeper's only way to find work.

#![expect(clippy::disallowed_methods, reason = "this is the adapter: the protocol lives in this crate")]

use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::{ExecutionId, GroupId, SegmentId};
use crate::item::{DueShard, ExecutionRow, Item, PK, SK, SegmentRow};
use crate::table::{About, ControlTable};

use super::text;

/// Pages of 1 MB, some 8,000 keys each, of one partition that a restart reads.
const MAX_PAGES: usize = 200;

/// An item whose moment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DueItem {
    /// An open or unpublished execution that is to be looked at.
    Execution(ExecutionId),
    /// A segment whose retry is due.
    Segment(SegmentId),
}

impl DueItem {
    fn of(item: &Item) -> Option<Self> {
        let pk = item.get(PK)?.as_s().ok()?;
        let sk = item.get(SK)?.as_s().ok()?;
        if sk == ExecutionRow::SK {
            return pk.parse().ok().map(Self::Execution);
        }
        let offset: u8 = sk.strip_prefix(SegmentRow::SK_PREFIX)?.parse().ok()?;
        pk.parse::<GroupId>().ok().map(|group| Self::Segment(group.segment(offset)))
    }
}

impl ControlTable {
    /// The index that holds items that wait for a moment.
    pub const DUE_INDEX: &str = "due";

    /// What is due in one partition of the index, the longest due first, at most `limit` items.
    ///
    /// The index follows the table within moments, so an item may be listed that has just moved on: read it before acting.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn due(&self, shard: DueShard, now: Timestamp, limit: u16) -> Result<Vec<DueItem>, Error> {
        let about = About { operation: "read due", subject: &self.name };
        let output = self
            .client
            .query()
            .table_name(&*self.name)
            .index_name(Self::DUE_INDEX)
            .key_condition_expression("#due_shard = :shard AND #due_at <= :now")
            .expression_attribute_names("#due_shard", "due_shard")
            .expression_attribute_names("#due_at", "due_at")
            .expression_attribute_values(":shard", text(shard))
            .expression_attribute_values(
                ":now",
                aws_sdk_dynamodb::types::AttributeValue::N(now.as_millis().to_string()),
            )
            .limit(i32::from(limit))
            .send()
            .await
            .map_err(|error| self.sdk_error(about, error))?;
        Ok(output.items.unwrap_or_default().iter().filter_map(DueItem::of).collect())
    }

    /// Every execution in one partition of the index, due or not: the open and the unpublished ones.
    ///
    /// Reads the whole partition, retries that wait included: for a restart, not for a tick.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn open_executions(&self, shard: DueShard) -> Result<Vec<ExecutionId>, Error> {
        let about = About { operation: "read open executions", subject: &self.name };
        let (mut open, mut from) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let query = self
                .client
                .query()
                .table_name(&*self.name)
                .index_name(Self::DUE_INDEX)
                .key_condition_expression("#due_shard = :shard")
                .filter_expression("#sk = :execution")
                .expression_attribute_names("#due_shard", "due_shard")
                .expression_attribute_names("#sk", SK)
                .expression_attribute_values(":shard", text(shard))
                .expression_attribute_values(":execution", text(ExecutionRow::SK))
                .set_exclusive_start_key(from);
            let output = query.send().await.map_err(|error| self.sdk_error(about, error))?;
            open.extend(output.items.unwrap_or_default().iter().filter_map(|item| match DueItem::of(item)? {
                DueItem::Execution(execution_id) => Some(execution_id),
                DueItem::Segment(_) => None,
            }));
            from = output.last_evaluated_key;
            if from.is_none() {
                return Ok(open);
            }
        }
        Err(about.still_busy("more waiting items than a restart reads".to_owned()))
    }
}
