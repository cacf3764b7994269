//! The items of one segment of a user's table, page by page: of a parallel scan, or with one hash key.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, Select};
use serde::Deserialize;
use serde_json::Value;

use super::table::{HashKey, Place, Tables, sort};
use runtime::SegmentError;
use runtime::read_json;

/// Pages of one segment, each up to 1 MB read. The invocation's time ends long before; this ends what time does not.
const MAX_PAGES: u32 = 1_000_000;

/// An item, or a key to go on from.
type Item = HashMap<String, AttributeValue>;

/// What a source's spec says.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(
    untagged,
    expecting = "use {\"table\", \"segment\", \"total_segments\"} of a scan, or {\"code\"} of a list of codes"
)]
enum Spec {
    Scan { table: String, segment: i32, total_segments: i32 },
    Code { code: Value },
}

/// The items of one segment.
#[derive(Debug)]
pub(super) struct Slice<'a> {
    tables: &'a Tables,
    place: Place,
    part: Part,
}

#[derive(Debug)]
enum Part {
    Scan { segment: i32, total_segments: i32 },
    Query { key: HashKey, value: AttributeValue },
}

/// What is asked of the items.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// How many there are.
    Count,
    /// One attribute of each.
    Attribute(&'a str),
}

/// One answer.
#[derive(Debug)]
pub(super) struct Page {
    pub count: u64,
    /// Empty for [`Wanted::Count`].
    pub items: Vec<Item>,
    next: Option<Item>,
}

impl<'a> Slice<'a> {
    /// The slice that a spec names; `table` and `index` are the execution's parameters.
    pub async fn of(
        tables: &'a Tables,
        spec: Value,
        table: Option<&str>,
        index: Option<&str>,
    ) -> Result<Self, SegmentError> {
        let index = index.map(str::to_owned);
        match read_json("the segment's spec", spec)? {
            Spec::Scan { table: scanned, .. } if table.is_some_and(|table| table != scanned) => {
                Err(SegmentError::permanent(format_args!(
                    "the execution's \"table\" is not {scanned:?}, which its source scans: leave the parameter out"
                )))
            }
            Spec::Scan { table, segment, total_segments } => {
                let place = Place { table, index };
                Ok(Self { tables, place, part: Part::Scan { segment, total_segments } })
            }
            Spec::Code { code } => {
                let Some(table) = table.map(str::to_owned) else {
                    return Err(SegmentError::permanent(
                        "the execution's parameters name no table to look the codes up in: give \"table\", and \"index\" if \
                         they are the hash key of one",
                    ));
                };
                let place = Place { table, index };
                let key = tables.hash_key(&place).await?;
                let value = key.value(&code)?;
                Ok(Self { tables, place, part: Part::Query { key, value } })
            }
        }
    }

    /// Reads every page, and hands each to `take`.
    pub async fn read(
        &self,
        wanted: Wanted<'_>,
        mut take: impl FnMut(&Page) -> Result<(), SegmentError>,
    ) -> Result<(), SegmentError> {
        let mut from = None;
        for _ in 0..MAX_PAGES {
            let page = match &self.part {
                Part::Scan { segment, total_segments } => self.scan(*segment, *total_segments, wanted, from).await?,
                Part::Query { key, value } => self.query(key, value, wanted, from).await?,
            };
            take(&page)?;
            from = page.next;
            if from.is_none() {
                return Ok(());
            }
        }
        Err(SegmentError::permanent(format_args!(
            "the segment has more than {MAX_PAGES} pages: cut the table into more segments"
        )))
    }

    #[expect(clippy::disallowed_methods, reason = "the user's table, not the control table")]
    async fn scan(
        &self,
        segment: i32,
        total_segments: i32,
        wanted: Wanted<'_>,
        from: Option<Item>,
    ) -> Result<Page, SegmentError> {
        let mut request = self
            .tables
            .client
            .scan()
            .table_name(&self.place.table)
            .set_index_name(self.place.index.clone())
            .segment(segment)
            .total_segments(total_segments)
            .set_exclusive_start_key(from);
        request = match wanted {
            Wanted::Count => request.select(Select::Count),
            Wanted::Attribute(name) => request.projection_expression("#a").expression_attribute_names("#a", name),
        };
        let output = request.send().await.map_err(|error| sort(&self.place, "dynamodb:Scan", &error))?;
        let (count, items, next) = (count(output.count), output.items.unwrap_or_default(), output.last_evaluated_key);
        Ok(Page { count, items, next })
    }

    #[expect(clippy::disallowed_methods, reason = "the user's table, not the control table")]
    async fn query(
        &self,
        key: &HashKey,
        value: &AttributeValue,
        wanted: Wanted<'_>,
        from: Option<Item>,
    ) -> Result<Page, SegmentError> {
        let mut request = self
            .tables
            .client
            .query()
            .table_name(&self.place.table)
            .set_index_name(self.place.index.clone())
            .key_condition_expression("#k = :code")
            .expression_attribute_names("#k", &key.name)
            .expression_attribute_values(":code", value.clone())
            .set_exclusive_start_key(from);
        request = match wanted {
            Wanted::Count => request.select(Select::Count),
            Wanted::Attribute(name) => request.projection_expression("#a").expression_attribute_names("#a", name),
        };
        let output = request.send().await.map_err(|error| sort(&self.place, "dynamodb:Query", &error))?;
        let (count, items, next) = (count(output.count), output.items.unwrap_or_default(), output.last_evaluated_key);
        Ok(Page { count, items, next })
    }
}

/// `DynamoDB` counts items with a signed number that is never negative.
fn count(count: i32) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
