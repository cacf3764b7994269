//! A row of a file as an item of a table.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, ScalarAttributeType};
use aws_smithy_types::base64;

use text::Decimal;

use super::error::RowProblem;

/// The longest item (quota).
const MAX_ITEM_BYTES: usize = 400 * 1024;
/// The longest value of a hash key, of the table or of an index (quota).
const MAX_KEY_BYTES: usize = 2048;

/// Values in values (quota).
const MAX_DEPTH: usize = 32;

/// An item's attributes.
pub type Item = HashMap<String, AttributeValue>;

/// What a table wants of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The attribute that is the table's key.
    pub key: String,
    /// The attributes that are a key, of the table or of an index, with their types.
    pub keys: BTreeMap<String, ScalarAttributeType>,
}

impl Shape {
    /// Whether this column is a key that is text.
    pub fn wants_text(&self, column: &str) -> bool {
        self.keys.get(column) == Some(&ScalarAttributeType::S)
    }
}

/// An item that the table will take, and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its line in the file, from one.
    pub line: u64,
    /// One text for one key: two rows with the same replace each other.
    pub key: String,
    /// The bytes that `DynamoDB` counts.
    pub bytes: usize,
    /// Its attributes.
    pub item: Item,
}

impl Row {
    /// Checks an item against the table's shape.
    pub fn new(line: u64, mut item: Item, shape: &Shape) -> Result<Self, RowProblem> {
        for (column, kind) in &shape.keys {
            // An index passes over an item without its attribute, but refuses one with an empty value there.
            let is_nothing = |value: &AttributeValue| value.is_null() || value.as_s().is_ok_and(String::is_empty);
            if item.get(column).is_some_and(is_nothing) {
                item.remove(column);
            }
            if let Some(value) = item.get(column) {
                check_key(column, value, kind)?;
            }
        }
        let key = item.get(&shape.key).ok_or_else(|| RowProblem::NoKey(shape.key.clone()))?;
        let key = key_text(key).ok_or_else(|| RowProblem::NoKey(shape.key.clone()))?;
        let bytes = item.iter().map(|(name, value)| name.len() + size(value)).sum();
        if bytes > MAX_ITEM_BYTES {
            return Err(RowProblem::TooLarge(bytes));
        }
        Ok(Self { line, key, bytes, item })
    }
}

/// A number as it is written, if `DynamoDB` keeps it.
pub fn number(text: &str) -> Result<String, RowProblem> {
    if Decimal::parse(text).is_some_and(|number| number.fits_dynamodb()) {
        Ok(text.to_owned())
    } else {
        Err(RowProblem::Number(text.chars().take(60).collect()))
    }
}

/// Refuses values in values, deeper than `DynamoDB` takes.
pub fn check_depth(depth: usize) -> Result<(), RowProblem> {
    if depth > MAX_DEPTH { Err(RowProblem::TooDeep) } else { Ok(()) }
}

fn check_key(column: &str, value: &AttributeValue, kind: &ScalarAttributeType) -> Result<(), RowProblem> {
    let (is_right, wanted) = match kind {
        ScalarAttributeType::N => (value.is_n(), "number"),
        ScalarAttributeType::S => (value.is_s(), "string"),
        _ => (value.is_b(), "binary value, which only DynamoDB JSON has"),
    };
    let bytes = size(value);
    if !is_right {
        Err(RowProblem::KeyType { column: column.to_owned(), wanted })
    } else if bytes > MAX_KEY_BYTES {
        Err(RowProblem::LongKey { column: column.to_owned(), bytes })
    } else {
        Ok(())
    }
}

/// `1` and `1.0` are one key to `DynamoDB`, and a batch with both would be refused.
fn key_text(value: &AttributeValue) -> Option<String> {
    match value {
        AttributeValue::S(text) => Some(text.clone()),
        AttributeValue::N(number) => Decimal::parse(number).map(|number| number.canonical()),
        AttributeValue::B(bytes) => Some(base64::encode(bytes)),
        _ => None,
    }
}

/// What `DynamoDB` counts, or a little more.
fn size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(number) => number.len().min(21),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::Ss(texts) | AttributeValue::Ns(texts) => {
            3 + texts.iter().map(|text| 1 + text.len()).sum::<usize>()
        }
        AttributeValue::Bs(values) => 3 + values.iter().map(|bytes| 1 + bytes.as_ref().len()).sum::<usize>(),
        AttributeValue::L(values) => 3 + values.iter().map(|value| 1 + size(value)).sum::<usize>(),
        AttributeValue::M(values) => 3 + values.iter().map(|(name, value)| 1 + name.len() + size(value)).sum::<usize>(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(kind: ScalarAttributeType) -> Shape {
        Shape { key: "id".to_owned(), keys: BTreeMap::from([("id".to_owned(), kind)]) }
    }

    fn item(value: AttributeValue) -> Item {
        Item::from([("id".to_owned(), value)])
    }

    fn problem(value: AttributeValue, kind: ScalarAttributeType) -> String {
        Row::new(7, item(value), &shape(kind)).expect_err("refused").to_string()
    }

    #[test]
    fn a_row_without_its_key_is_refused() {
        for nothing in [AttributeValue::S(String::new()), AttributeValue::Null(true)] {
            let message = problem(nothing, ScalarAttributeType::S);
            assert!(message.starts_with("column \"id\" is the table's key"), "{message}");
        }
    }

    #[test]
    fn keys_have_the_tables_type_and_a_bounded_length() {
        let message = problem(AttributeValue::N("5".to_owned()), ScalarAttributeType::S);
        assert!(message.contains("wants a string"), "{message}");
        let message = problem(AttributeValue::S("x".repeat(2049)), ScalarAttributeType::S);
        assert!(message.contains("2049 bytes"), "{message}");
    }

    #[test]
    fn equal_number_keys_are_one_key() {
        let row = |text: &str| {
            Row::new(1, item(AttributeValue::N(text.to_owned())), &shape(ScalarAttributeType::N)).unwrap().key
        };
        assert_eq!(row("1"), row("1.00"));
    }

    #[test]
    fn an_item_has_a_largest_size() {
        let mut large = item(AttributeValue::S("a".to_owned()));
        large.insert("text".to_owned(), AttributeValue::S("x".repeat(MAX_ITEM_BYTES)));
        let message = Row::new(1, large, &shape(ScalarAttributeType::S)).expect_err("refused").to_string();
        assert!(message.contains("409,600"), "{message}");
    }
}
