//! What the items that a table's stream has shown weigh, and what its indexes were charged for them.

use std::collections::HashMap;

use crate::table_definition::{IndexDefinition, TableDefinition};
use serde_json::{Map, Value, json};

/// The bytes of an item by `DynamoDB`'s rule: names and values.
///
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
#[must_use]
pub fn item_bytes(item: &Value) -> usize {
    fields(item).iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

/// The write units that the global indexes of a table were charged for its items becoming these, one after the other, if
/// no item is larger than 1 KB: one to enter, change or leave an index, two to move within it.
#[must_use]
pub fn index_write_units(table: &TableDefinition, images: &[Value]) -> u64 {
    let mut items: HashMap<String, &Value> = HashMap::new();
    let mut units = 0;
    for image in images {
        let before = items.insert(json!([image["pk"], image["sk"]]).to_string(), image);
        for index in &table.indexes {
            let [before, after] = [before, Some(image)].map(|item| Entry::of(index, item?));
            units += match (before, after) {
                (None, None) => 0,
                (Some(before), Some(after)) if before.key != after.key => 2,
                (before, after) => u64::from(before != after),
            };
        }
    }
    units
}

/// An item's entry in an index.
#[derive(PartialEq)]
struct Entry<'a> {
    key: Vec<&'a Value>,
    /// What is projected beside the keys.
    rest: Option<&'a Value>,
}

impl<'a> Entry<'a> {
    fn of(index: &IndexDefinition, item: &'a Value) -> Option<Self> {
        let key = index.key.iter().map(|(attribute, _)| item.get(attribute)).collect::<Option<_>>()?;
        let rest = match index.projection.as_str() {
            "ALL" => Some(item),
            "KEYS_ONLY" => None,
            other => panic!("what does an index with the projection {other} cost?"),
        };
        Some(Self { key, rest })
    }
}

fn fields(item: &Value) -> &Map<String, Value> {
    item.as_object().unwrap()
}

fn value_bytes(value: &Value) -> usize {
    let (kind, value) = fields(value).iter().next().unwrap();
    let text = || value.as_str().unwrap();
    let list = || value.as_array().unwrap().iter();
    match kind.as_str() {
        "S" => text().len(),
        "N" => number_bytes(text()),
        "BOOL" | "NULL" => 1,
        "SS" => list().map(|text| text.as_str().unwrap().len()).sum(),
        "NS" => list().map(|number| number_bytes(number.as_str().unwrap())).sum(),
        "L" => 3 + list().map(|value| 1 + value_bytes(value)).sum::<usize>(),
        "M" => 3 + fields(value).iter().map(|(name, value)| 1 + name.len() + value_bytes(value)).sum::<usize>(),
        other => panic!("what does a {other} weigh?"),
    }
}

/// A byte for two significant digits, one for the number, one for its sign.
fn number_bytes(number: &str) -> usize {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_matches('0').len();
    significant.div_ceil(2) + 1 + usize::from(number.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_weighs_its_names_and_values() {
        let item = json!({
            "pk": {"S": "abc"}, "n": {"N": "-1200"}, "zero": {"N": "0"}, "set": {"NS": ["1", "127"]},
            "map": {"M": {"a": {"BOOL": true}}}, "list": {"L": [{"S": "é"}]},
        });
        let expected = (2 + 3) + (1 + 3) + (4 + 1) + (3 + 2 + 3) + (3 + 3 + 1 + 1 + 1) + (4 + 3 + 1 + 2);
        assert_eq!(item_bytes(&item), expected);
    }

    #[test]
    fn an_index_is_charged_for_what_changes_in_it() {
        let key = |names: [&str; 2]| names.map(|name| (name.to_owned(), "HASH".to_owned())).to_vec();
        let index = |name: &str, keys, projection: &str| IndexDefinition {
            name: name.to_owned(),
            key: key(keys),
            projection: projection.to_owned(),
            included: vec![],
        };
        let indexes = vec![index("all", ["job", "pk"], "ALL"), index("due", ["shard", "at"], "KEYS_ONLY")];
        let (attributes, stream_view, expires_by) = (vec![], None, None);
        let table = TableDefinition { attributes, key: key(["pk", "sk"]), indexes, stream_view, expires_by };
        let image = |n: &str, more: Value| {
            let mut image = json!({"pk": {"S": "a"}, "sk": {"S": "b"}, "n": {"N": n}});
            for (name, value) in fields(&more) {
                image[name] = value.clone();
            }
            image
        };
        let due = |at: &str| json!({"job": {"S": "j"}, "shard": {"S": "s"}, "at": {"N": at}});
        let steps = [
            (image("1", json!({})), 0),
            (image("1", due("1")), 2),
            (image("2", due("1")), 1),
            (image("2", due("2")), 3),
            (image("2", json!({"job": {"S": "j"}})), 2),
        ];
        for end in 1..=steps.len() {
            let images: Vec<_> = steps[..end].iter().map(|(image, _)| image.clone()).collect();
            let expected: u64 = steps[..end].iter().map(|(_, units)| units).sum();
            assert_eq!(index_write_units(&table, &images), expected, "{end}");
        }
    }
}
