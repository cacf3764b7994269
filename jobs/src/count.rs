//! `count`: how many items a segment has.

use serde::Deserialize;
use serde_json::Value;

use super::read::{Slice, Wanted};
use super::table::Tables;
use runtime::Output;
use runtime::SegmentError;

/// Its parameters.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Count {
    /// The table that codes are looked up in. A scan names its own.
    table: Option<String>,
    /// The index that is read instead of the table.
    index: Option<String>,
}

impl Count {
    pub async fn run(&self, tables: &Tables, spec: Value) -> Result<Output, SegmentError> {
        let slice = Slice::of(tables, spec, self.table.as_deref(), self.index.as_deref()).await?;
        let (mut pages, mut count) = (slice.pages(Wanted::Count), 0_u64);
        while let Some(page) = pages.next().await? {
            count = count.saturating_add(page.count);
        }
        Ok(Output::items(count))
    }
}
