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
    /// These attributes of each; none comes twice.
    Attributes(&'a [&'a str]),
}

/// One answer.
#[derive(Debug)]
pub(super) struct Page {
    pub count: u64,
    /// Empty for [`Wanted::Count`].
    pub items: Vec<Item>,
    next: Option<Item>,
}

/// The pages of a slice, one after the other.
#[derive(Debug)]
pub(super) struct Pages<'a> {
    slice: &'a Slice<'a>,
    wanted: Wanted<'a>,
    /// The key behind which the page that was read begins; `None` for the first one.
    start: Option<Item>,
    /// The key behind which the next one begins.
    next: Option<Item>,
    read: u32,
    is_over: bool,
}

impl Pages<'_> {
    /// The next page; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Page>, SegmentError> {
        if self.is_over {
            return Ok(None);
        }
        if self.read >= MAX_PAGES {
            return Err(SegmentError::permanent(format_args!(
                "the segment has more than {MAX_PAGES} pages: cut the table into more segments"
            )));
        }
        self.start = self.next.take();
        let page = self.slice.page(self.wanted, self.start.clone()).await?;
        self.read += 1;
        self.next.clone_from(&page.next);
        self.is_over = page.next.is_none();
        Ok(Some(page))
    }

    /// The first item of the page that was read with this value of the attribute, by its table and key, for an error message. If it
    /// cannot be read again with its key, the table alone is named.
    pub async fn name_item(&self, attribute: &str, value: &AttributeValue) -> String {
        let table = &self.slice.place.table;
        let Ok(keys) = self.slice.tables.primary_key(table).await else { return format!("an item of table {table:?}") };
        let wanted =
            keys.iter().map(String::as_str).chain((!keys.iter().any(|key| key == attribute)).then_some(attribute));
        let wanted: Vec<&str> = wanted.collect();
        let page = self.slice.page(Wanted::Attributes(&wanted), self.start.clone()).await;
        let items = page.map(|page| page.items).unwrap_or_default();
        match items.iter().find(|item| item.get(attribute) == Some(value)) {
            Some(item) => {
                let keys = keys.iter().filter_map(|name| Some(format!("{name} = {}", shown(item.get(name)?))));
                format!("the item {} of table {table:?}", keys.collect::<Vec<_>>().join(", "))
            }
            None => format!("an item of table {table:?}"),
        }
    }
}

/// Longer strings are cut in an error message.
const SHOWN: usize = 60;

/// A value with its type, as `DynamoDB` names it.
pub(super) fn shown(value: &AttributeValue) -> String {
    match value {
        AttributeValue::N(number) => format!("{number} (N)"),
        AttributeValue::S(text) => match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{:?}… (S)", &text[..end]),
            None => format!("{text:?} (S)"),
        },
        AttributeValue::Bool(truth) => format!("{truth} (BOOL)"),
        AttributeValue::Null(_) => "null (NULL)".to_owned(),
        AttributeValue::B(_) => "a binary value (B)".to_owned(),
        AttributeValue::L(_) => "a list (L)".to_owned(),
        AttributeValue::M(_) => "a map (M)".to_owned(),
        AttributeValue::Ss(_) => "a set of strings (SS)".to_owned(),
        AttributeValue::Ns(_) => "a set of numbers (NS)".to_owned(),
        AttributeValue::Bs(_) => "a set of binary values (BS)".to_owned(),
        _ => "a value of an unknown type".to_owned(),
    }
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

    /// Its pages.
    pub const fn pages(&'a self, wanted: Wanted<'a>) -> Pages<'a> {
        Pages { slice: self, wanted, start: None, next: None, read: 0, is_over: false }
    }

    async fn page(&self, wanted: Wanted<'_>, from: Option<Item>) -> Result<Page, SegmentError> {
        match &self.part {
            Part::Scan { segment, total_segments } => self.scan(*segment, *total_segments, wanted, from).await,
            Part::Query { key, value } => self.query(key, value, wanted, from).await,
        }
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
            Wanted::Attributes(names) => request.projection_expression(projection(names)),
        };
        for (placeholder, name) in placeholders(wanted) {
            request = request.expression_attribute_names(placeholder, name);
        }
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
            Wanted::Attributes(names) => request.projection_expression(projection(names)),
        };
        for (placeholder, name) in placeholders(wanted) {
            request = request.expression_attribute_names(placeholder, name);
        }
        let output = request.send().await.map_err(|error| sort(&self.place, "dynamodb:Query", &error))?;
        let (count, items, next) = (count(output.count), output.items.unwrap_or_default(), output.last_evaluated_key);
        Ok(Page { count, items, next })
    }
}

/// A projection expression of that many placeholders.
fn projection(names: &[&str]) -> String {
    (0..names.len()).map(|number| format!("#a{number}")).collect::<Vec<_>>().join(", ")
}

/// The placeholders of [`projection`], with the names that they stand for.
fn placeholders(wanted: Wanted<'_>) -> impl Iterator<Item = (String, &str)> {
    let names: &[&str] = match wanted {
        Wanted::Count => &[],
        Wanted::Attributes(names) => names,
    };
    names.iter().enumerate().map(|(number, name)| (format!("#a{number}"), *name))
}

/// `DynamoDB` counts items with a signed number that is never negative.
fn count(count: i32) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
