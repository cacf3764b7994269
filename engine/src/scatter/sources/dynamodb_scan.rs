//! A parallel scan of one of the user's `DynamoDB` tables: each segment scans its share.
//!
//! The count only decides how many shares there are. `DynamoDB` cuts the table by the hash of its keys, so a table that
//! grows while it is planned is still scanned whole.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::HashMap;

use super::{Source, SourceError};
use control_table::sdk::Failure;

/// Items of a segment where the event does not say. A worker reads a thousand items of a few KB in some seconds.
pub const DEFAULT_ITEMS_PER_SEGMENT: u64 = 1_000;

/// `DynamoDB`'s limit of `TotalSegments`.
pub const MAX_SCAN_SEGMENTS: u64 = 1_000_000;

/// The longest table name: `DynamoDB` takes an ARN in its place, of at most this length.
const MAX_TABLE_NAME: usize = 1024;

/// Shares that the table is counted in at once.
const COUNTERS: i32 = 4;

/// Pages of one share. A page is 1 MB, so this is a table of 4 TB, which no invocation has the time to count.
const MAX_PAGES: u32 = 1_000_000;

/// How a table's items are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum CountMode {
    /// By a scan that only counts: exact, and it reads the whole table (half a read unit per 4 KB).
    #[default]
    Exact,
    /// By the number that `DynamoDB` keeps: free, and up to six hours old.
    Estimate,
}

/// A scan as it is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ScanRequest {
    /// The table, by name or ARN.
    pub table: String,
    /// Items that a segment should have; [`DEFAULT_ITEMS_PER_SEGMENT`] if neither this nor `segments` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items_per_segment: Option<u64>,
    /// Segments, whatever the table has. It is not counted then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<u64>,
    /// How to count; [`CountMode::Exact`] if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<CountMode>,
}

impl ScanRequest {
    /// Refuses what can be seen to be wrong without looking at the table.
    pub(super) fn validate(&self) -> Result<(), SourceError> {
        let invalid = |field, reason: String| Err(SourceError::Invalid { field, reason });
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '/');
        if self.table.is_empty() || self.table.len() > MAX_TABLE_NAME || !self.table.chars().all(named) {
            return invalid("table", format!("{:?} is not the name or the ARN of a table", self.table));
        }
        match (self.segments, self.items_per_segment) {
            (Some(_), Some(_)) => {
                return invalid("segments", "`items_per_segment` is given, too: leave one of the two out".to_owned());
            }
            (Some(segments), None) if !(1..=MAX_SCAN_SEGMENTS).contains(&segments) => {
                return invalid("segments", format!("it is {segments}: use 1 to {MAX_SCAN_SEGMENTS}"));
            }
            (None, Some(0)) => return invalid("items_per_segment", "it is 0: use 1 or more".to_owned()),
            _ => {}
        }
        if self.segments.is_some() && self.count.is_some() {
            return invalid("count", "with `segments` the table is not counted: leave one of the two out".to_owned());
        }
        Ok(())
    }
}

/// A scan whose number of segments is settled. The spec of a segment is `{"table", "segment", "total_segments"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DynamoDbScan {
    table: String,
    total_segments: u64,
    /// Items that the table had when it was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    items: Option<u64>,
}

impl DynamoDbScan {
    /// Counts the table, if it has to be counted, and settles the number of segments.
    pub(super) async fn resolve(client: &Client, request: &ScanRequest) -> Result<Self, SourceError> {
        let table = UserTable { client, name: &request.table };
        let items = match (request.segments, request.count.unwrap_or_default()) {
            (Some(total_segments), _) => {
                table.estimate().await?;
                return Ok(Self { table: request.table.clone(), total_segments, items: None });
            }
            (None, CountMode::Exact) => table.count().await?,
            // The number that DynamoDB keeps is hours old: a table filled today may still have none.
            (None, CountMode::Estimate) => match table.estimate().await? {
                0 => u64::from(table.has_items().await?),
                estimate => estimate,
            },
        };
        let per_segment = request.items_per_segment.unwrap_or(DEFAULT_ITEMS_PER_SEGMENT);
        let total_segments = items.div_ceil(per_segment);
        if total_segments > MAX_SCAN_SEGMENTS {
            let enough = items.div_ceil(MAX_SCAN_SEGMENTS);
            let reason = format!(
                "{items} items give {total_segments} segments, and a scan has at most {MAX_SCAN_SEGMENTS}: use {enough} or more"
            );
            return Err(SourceError::Invalid { field: "items_per_segment", reason });
        }
        Ok(Self { table: request.table.clone(), total_segments, items: Some(items) })
    }
}

impl Source for DynamoDbScan {
    fn total(&self) -> Option<u64> {
        Some(self.total_segments)
    }

    fn specs(&self, from: u64) -> BoxStream<'_, Result<Value, SourceError>> {
        let Self { table, total_segments, .. } = self;
        let spec = move |segment| json!({ "table": table, "segment": segment, "total_segments": total_segments });
        stream::iter((from..*total_segments).map(move |segment| Ok(spec(segment)))).boxed()
    }

    fn plan(&self) -> Value {
        let Self { table, total_segments, items } = self;
        let mut plan = json!({ "type": "dynamodb-scan", "table": table, "total_segments": total_segments });
        if let Some(items) = items {
            plan["items"] = json!(items);
        }
        plan
    }
}

/// A table of the user's. Only its size is looked at.
struct UserTable<'a> {
    client: &'a Client,
    name: &'a str,
}

impl UserTable<'_> {
    async fn count(&self) -> Result<u64, SourceError> {
        let shares = (0..COUNTERS).map(|share| self.count_share(share));
        let add = |sum: u64, items: u64| std::future::ready(Ok(sum + items));
        stream::iter(shares).buffer_unordered(COUNTERS.unsigned_abs() as usize).try_fold(0, add).await
    }

    async fn count_share(&self, share: i32) -> Result<u64, SourceError> {
        let (mut items, mut from) = (0, None);
        for _ in 0..MAX_PAGES {
            let page = self.scan(share, COUNTERS, None, from).await?;
            items += page.0;
            from = page.1;
            if from.is_none() {
                return Ok(items);
            }
        }
        let reason = "the table is too large to be counted: use \"estimate\", or give `segments`".to_owned();
        Err(SourceError::Invalid { field: "count", reason })
    }

    async fn has_items(&self) -> Result<bool, SourceError> {
        let (items, more) = self.scan(0, 1, Some(1), None).await?;
        Ok(items > 0 || more.is_some())
    }

    /// The items of one page, and where the next one begins.
    #[expect(clippy::disallowed_methods, reason = "it counts a table of the user's, not the control table")]
    async fn scan(
        &self,
        share: i32,
        shares: i32,
        limit: Option<i32>,
        from: Option<HashMap<String, AttributeValue>>,
    ) -> Result<(u64, Option<HashMap<String, AttributeValue>>), SourceError> {
        let request = self.client.scan().table_name(self.name).select(Select::Count).set_limit(limit);
        let request = request.segment(share).total_segments(shares).set_exclusive_start_key(from);
        let page = request.send().await.map_err(|error| self.failed(error))?;
        Ok((u64::try_from(page.count).unwrap_or(0), page.last_evaluated_key))
    }

    async fn estimate(&self) -> Result<u64, SourceError> {
        let answer = self.client.describe_table().table_name(self.name).send().await;
        let table = answer.map_err(|error| self.failed(error))?.table;
        let items = table.and_then(|table| table.item_count).unwrap_or(0);
        Ok(u64::try_from(items).unwrap_or(0))
    }

    fn failed<E>(&self, error: SdkError<E>) -> SourceError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let table = self.name.to_owned();
        let Failure { code, message, retryable } = Failure::of(&error);
        if code == "ResourceNotFoundException" {
            return SourceError::TableMissing { table };
        }
        SourceError::Table { table, code, message, retryable, source: Box::new(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_segment_is_a_share_of_the_scan() {
        let scan = DynamoDbScan { table: "T".to_owned(), total_segments: 3, items: Some(2_001) };
        let specs: Vec<Value> = futures::executor::block_on(scan.specs(1).map(Result::unwrap).collect());
        let share = |segment: u64| json!({ "table": "T", "segment": segment, "total_segments": 3 });
        assert_eq!(specs, [share(1), share(2)]);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_field() {
        for (request, word) in [
            (json!({ "table": "" }), "source.table"),
            (json!({ "table": "a b" }), "source.table"),
            (json!({ "table": "T", "segments": 0 }), "source.segments"),
            (json!({ "table": "T", "segments": 1_000_001 }), "1 to 1000000"),
            (json!({ "table": "T", "items_per_segment": 0 }), "source.items_per_segment"),
            (json!({ "table": "T", "items_per_segment": 1, "segments": 1 }), "leave one of the two out"),
            (json!({ "table": "T", "segments": 1, "count": "exact" }), "source.count"),
            (json!({ "table": "T", "count": "guess" }), "guess"),
            (json!({ "tabel": "T" }), "tabel"),
        ] {
            let read: Result<ScanRequest, _> = serde_json::from_value(request.clone());
            let refusal = match read {
                Ok(scan) => scan.validate().unwrap_err().to_string(),
                Err(error) => error.to_string(),
            };
            assert!(refusal.contains(word), "{request}: {refusal}");
        }
    }
}
