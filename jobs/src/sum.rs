//! `sum`: a number summed over the items of a segment.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Deserialize;
use serde_json::Value;

use super::read::{Pages, Slice, Wanted, shown};
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
        let attribute = [&*self.attribute];
        let mut pages = slice.pages(Wanted::Attributes(&attribute));
        let (mut items, mut sum) = (0_u64, 0_i64);
        while let Some(page) = pages.next().await? {
            items = items.saturating_add(page.count);
            for value in page.items.iter().filter_map(|item| item.get(&self.attribute)) {
                let Some(number) = whole_number(value) else {
                    return Err(self.refused(value, &pages).await);
                };
                sum = sum.checked_add(number).ok_or_else(|| self.too_large())?;
            }
        }
        Ok(Output::items(items).counter(&*self.attribute, sum))
    }

    async fn refused(&self, value: &AttributeValue, pages: &Pages<'_>) -> SegmentError {
        let (attribute, value_shown) = (&self.attribute, shown(value));
        let item = pages.name_item(attribute, value).await;
        SegmentError::permanent(format_args!(
            "{attribute:?} is {value_shown} in {item}: only whole numbers of 64 bits can be summed. Correct the item, or remove the \
             attribute from it"
        ))
    }

    fn too_large(&self) -> SegmentError {
        SegmentError::permanent(format_args!(
            "the sum of {:?} does not fit 64 bits: cut the table into more segments, or sum a larger unit",
            self.attribute
        ))
    }
}

fn whole_number(value: &AttributeValue) -> Option<i64> {
    value.as_n().ok()?.parse().ok()
}
