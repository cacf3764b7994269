//! The due index: the only way in which the sweeper finds work.

#![expect(clippy::disallowed_methods, reason = "this is the adapter: the protocol lives in this crate")]

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;

use super::{About, DynamoDbStore, text};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::{ExecutionId, GroupId, SegmentId};
use crate::read::DueItem;
use crate::rows::{DueShard, ExecutionRow, Item, PK, SK, SegmentRow};

/// The index of items by the moment at which they are due.
pub const DUE_INDEX: &str = "due";

/// Pages of a partition that a list of open executions reads at most: 1 MB each, some 8,000 keys.
const MAX_PAGES: usize = 200;

/// The item that an entry of the index stands for; `None` if the entry cannot be read.
fn due_item(item: &Item) -> Option<DueItem> {
    let pk = item.get(PK)?.as_s().ok()?;
    let sk = item.get(SK)?.as_s().ok()?;
    if sk == ExecutionRow::SK {
        return pk.parse().ok().map(DueItem::Execution);
    }
    let offset: u8 = sk.strip_prefix(SegmentRow::SK_PREFIX)?.parse().ok()?;
    pk.parse::<GroupId>().ok().map(|group| DueItem::Segment(group.segment(offset)))
}

/// Pages of a partition that are searched for the retries of one execution: 1 MB each. Those of other executions are in it as well, so a
/// crowded partition may hide some.
const RETRY_PAGES: usize = 4;

/// A segment's entry, with its moment.
fn retry(item: &Item) -> Option<(Timestamp, SegmentId)> {
    let due_at = item.get("due_at")?.as_n().ok()?.parse().ok()?;
    match due_item(item)? {
        DueItem::Segment(segment) => Some((Timestamp::from_millis(due_at), segment)),
        DueItem::Execution(_) => None,
    }
}

impl DynamoDbStore {
    /// A query of all that is in one partition of the index.
    fn partition(&self, shard: DueShard) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&*self.table)
            .index_name(DUE_INDEX)
            .key_condition_expression("#due_shard = :shard")
            .expression_attribute_names("#due_shard", "due_shard")
            .expression_attribute_values(":shard", text(shard))
    }

    pub(super) async fn query_due(&self, shard: DueShard, now: Timestamp, limit: u16) -> Result<Vec<DueItem>, Error> {
        let about = About { operation: "read due", subject: &self.table };
        let query = self
            .partition(shard)
            .key_condition_expression("#due_shard = :shard AND #due_at <= :now")
            .expression_attribute_names("#due_at", "due_at")
            .expression_attribute_values(
                ":now",
                aws_sdk_dynamodb::types::AttributeValue::N(now.as_millis().to_string()),
            )
            .limit(i32::from(limit));
        let sent = self.when_free(|| query.clone().send()).await;
        let output = sent.map_err(|error| self.sdk_error(about, error))?;
        Ok(output.items.unwrap_or_default().iter().filter_map(due_item).collect())
    }

    pub(super) async fn query_retries(
        &self,
        execution_id: ExecutionId,
        shard: DueShard,
        limit: u16,
    ) -> Result<Vec<(Timestamp, SegmentId)>, Error> {
        let about = About { operation: "read retries", subject: &execution_id };
        let (mut waiting, mut from) = (Vec::new(), None);
        for _ in 0..RETRY_PAGES {
            let query = self
                .partition(shard)
                .filter_expression("begins_with(#pk, :execution)")
                .expression_attribute_names("#pk", PK)
                .expression_attribute_values(":execution", text(format!("{execution_id}#")))
                .set_exclusive_start_key(from);
            let sent = self.when_free(|| query.clone().send()).await;
            let output = sent.map_err(|error| self.sdk_error(about, error))?;
            waiting.extend(output.items.unwrap_or_default().iter().filter_map(retry));
            from = output.last_evaluated_key;
            if from.is_none() || waiting.len() >= limit.into() {
                break;
            }
        }
        waiting.truncate(limit.into());
        Ok(waiting)
    }

    pub(super) async fn query_open(&self, shard: DueShard) -> Result<Vec<ExecutionId>, Error> {
        let about = About { operation: "read open executions", subject: &self.table };
        let (mut open, mut from) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let query = self.partition(shard).set_exclusive_start_key(from);
            let sent = self.when_free(|| query.clone().send()).await;
            let output = sent.map_err(|error| self.sdk_error(about, error))?;
            open.extend(output.items.unwrap_or_default().iter().filter_map(|item| due_item(item)?.execution()));
            from = output.last_evaluated_key;
            if from.is_none() {
                return Ok(open);
            }
        }
        Err(about.too_many_pages(MAX_PAGES))
    }
}
