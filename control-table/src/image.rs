//! What the table's stream says: new images of items.

use crate::item::{ExecutionRow, SegmentRow, TallyRow};

/// An item's new image, as what its key says it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Image {
    /// An execution.
    Execution(Box<ExecutionRow>),
    /// A tally.
    Tally(Box<TallyRow>),
    /// An item that the gather has no business with.
    Other,
}

/// An image that is not what its key says it is. A newer version of this program, or somebody else, wrote the item.
#[derive(Debug, thiserror::Error)]
#[error("the image of a {kind} cannot be read: {source}")]
pub struct CorruptImage {
    kind: &'static str,
    source: serde_dynamo::Error,
}

impl Image {
    /// Reads an image.
    ///
    /// # Errors
    /// When it is not what its key says it is.
    pub fn read(item: serde_dynamo::Item) -> Result<Self, CorruptImage> {
        let sk = match item.get(crate::item::SK) {
            Some(serde_dynamo::AttributeValue::S(sk)) => sk.clone(),
            _ => return Ok(Self::Other),
        };
        if sk.starts_with(SegmentRow::SK_PREFIX) {
            return Ok(Self::Other);
        }
        match sk.as_str() {
            ExecutionRow::SK => serde_dynamo::from_item(item)
                .map(|row| Self::Execution(Box::new(row)))
                .map_err(|source| CorruptImage { kind: "execution", source }),
            TallyRow::SK => serde_dynamo::from_item(item)
                .map(|row| Self::Tally(Box::new(row)))
                .map_err(|source| CorruptImage { kind: "tally", source }),
            _ => Ok(Self::Other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ExecutionId;

    #[test]
    fn a_tally_is_read_and_an_unknown_item_is_passed_over() {
        let tally = TallyRow::fresh(ExecutionId::new(uuid::Uuid::from_u128(1)).group(3), 2, 1);
        let mut item: serde_dynamo::Item = serde_dynamo::to_item(&tally).unwrap();
        item.insert("sk".to_owned(), serde_dynamo::AttributeValue::S("TALLY".to_owned()));
        assert_eq!(Image::read(item.clone()).unwrap(), Image::Tally(Box::new(tally)));

        item.insert("sk".to_owned(), serde_dynamo::AttributeValue::S("EXECUTION".to_owned()));
        assert!(Image::read(item.clone()).is_err());
        item.insert("sk".to_owned(), serde_dynamo::AttributeValue::S("SOMETHING".to_owned()));
        assert_eq!(Image::read(item).unwrap(), Image::Other);
    }
}
