//! Images of items, from the stream of the control table.

use crate::rows::{self, AnyRow, CorruptItem, ExecutionRow, ItemKey, PK, SK, TallyRow};

/// An item as it is after a change.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamImage {
    /// An execution.
    Execution(Box<ExecutionRow>),
    /// A tally.
    Tally(Box<TallyRow>),
    /// An item of another kind: the gather ignores it.
    Other,
}

impl StreamImage {
    /// Whether gather has something to do about a row: a finished tally that is not folded, or an execution that may be completed,
    /// published, notified of, or admitted to.
    #[must_use]
    pub fn is_news(row: &AnyRow) -> bool {
        match row {
            AnyRow::Tally(row) => is_finished(row),
            AnyRow::Execution(row) => is_execution_news(row),
            _ => false,
        }
    }

    /// As [`Self::is_news`], of an image.
    #[must_use]
    pub fn has_news(&self) -> bool {
        match self {
            Self::Tally(row) => is_finished(row),
            Self::Execution(row) => is_execution_news(row),
            Self::Other => false,
        }
    }

    /// Reads an image. Fails if an execution or a tally cannot be read as one.
    pub fn read(item: serde_dynamo::Item) -> Result<Self, CorruptItem> {
        let text = |name: &str| match item.get(name) {
            Some(serde_dynamo::AttributeValue::S(text)) => text.clone(),
            _ => String::new(),
        };
        let key = ItemKey { pk: text(PK), sk: text(SK) };
        match &*key.sk {
            ExecutionRow::SK => rows::read(key, item).map(|row| Self::Execution(Box::new(row))),
            TallyRow::SK => rows::read(key, item).map(|row| Self::Tally(Box::new(row))),
            _ => Ok(Self::Other),
        }
    }
}

const fn is_finished(row: &TallyRow) -> bool {
    row.pending == 0 && row.folded != row.generation
}

fn is_execution_news(row: &ExecutionRow) -> bool {
    row.is_unpublished() || row.sealed_at.is_some() || !row.notifications.is_empty() || row.admitted_until.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ExecutionId;

    #[test]
    fn a_tally_is_read_and_an_item_of_another_kind_is_ignored() {
        let tally = TallyRow::fresh(ExecutionId::new(uuid::Uuid::from_u128(1)).group(3), 2, 1);
        let mut item: serde_dynamo::Item = serde_dynamo::to_item(&tally).unwrap();
        item.insert("sk".to_owned(), serde_dynamo::AttributeValue::S("TALLY".to_owned()));
        assert_eq!(StreamImage::read(item.clone()).unwrap(), StreamImage::Tally(Box::new(tally)));

        item.insert("sk".to_owned(), serde_dynamo::AttributeValue::S("EXECUTION".to_owned()));
        let corrupt = StreamImage::read(item.clone()).unwrap_err().to_string();
        assert!(corrupt.contains("#3") && corrupt.contains("cannot be read as an execution"), "{corrupt}");
        item.insert("sk".to_owned(), serde_dynamo::AttributeValue::S("SOMETHING".to_owned()));
        assert_eq!(StreamImage::read(item).unwrap(), StreamImage::Other);
    }
}
