//! `sum`: a number summed over the items of a segment.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Deserialize;
use serde_json::Value;

use super::read::{Page, Slice, Wanted};
use super::table::Tables;
use runtime::Output;
use runtime::SegmentError;

/// Its parameters.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sum {
    /// The attribute that is summed, and the counter's name. Items without it add nothing.
    attribute: String,
    /// The table that codes are looked up in. A scan names its own.
    #[serde(default)]
    table: Option<String>,
    /// The index that is read instead of the table.
    #[serde(default)]
    index: Option<String>,
}

impl Sum {
    pub async fn run(&self, tables: &Tables, spec: Value) -> Result<Output, SegmentError> {
        let slice = Slice::of(tables, spec, self.table.as_deref(), self.index.as_deref()).await?;
        let (mut items, mut sum) = (0_u64, 0_i64);
        slice
            .read(Wanted::Attribute(&self.attribute), |page| {
                items = items.saturating_add(page.count);
                sum = self.add(sum, page)?;
                Ok(())
            })
            .await?;
        Ok(Output::items(items).counter(&*self.attribute, sum))
    }

    fn add(&self, sum: i64, page: &Page) -> Result<i64, SegmentError> {
        let values = page.items.iter().filter_map(|item| item.get(&self.attribute));
        values.map(|value| self.number(value)).try_fold(sum, |sum, number| {
            sum.checked_add(number?).ok_or_else(|| {
                SegmentError::permanent(format_args!("the sum of {:?} does not fit 64 bits", self.attribute))
            })
        })
    }

    fn number(&self, value: &AttributeValue) -> Result<i64, SegmentError> {
        let number = value.as_n().ok().and_then(|number| number.parse().ok());
        number.ok_or_else(|| {
            SegmentError::permanent(format_args!(
                "{:?} is {value:?} in an item: only whole numbers of 64 bits can be summed",
                self.attribute
            ))
        })
    }
}
