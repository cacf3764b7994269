//! `DynamoDB` JSON: every value is an object with its type, `{"id": {"S": "1"}}`. Exports to S3 wrap each item in `{"Item": …}`;
//! `aws dynamodb scan | jq -c '.Items[]'` does not.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_types::base64;
use text::Json;

use super::error::RowProblem;
use super::row::{Item, check_depth, number};

/// The types of `DynamoDB`, as its JSON names them.
const TYPES: [&str; 10] = ["S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"];

/// The name under which an export has its item.
const ITEM: &str = "Item";

/// How a file writes its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    /// `{"Item": {"id": {"S": "1"}}}`
    Item,
    /// `{"id": {"S": "1"}}`
    None,
}

/// How the item is written; `None` if it is plain JSON. An object is `DynamoDB` JSON if each of its values has a type and nothing else.
pub fn recognise(json: &Json<'_>) -> Option<Wrapping> {
    match json {
        Json::Object(entries) => match &entries[..] {
            [(name, Json::Object(inner))] if name == ITEM && all_typed(inner) => Some(Wrapping::Item),
            entries if all_typed(entries) => Some(Wrapping::None),
            _ => None,
        },
        _ => None,
    }
}

fn all_typed(entries: &[(String, Json<'_>)]) -> bool {
    let is_typed = |json: &Json<'_>| match json {
        Json::Object(entries) => matches!(&entries[..], [(name, _)] if TYPES.contains(&name.as_str())),
        _ => false,
    };
    !entries.is_empty() && entries.iter().all(|(_, json)| is_typed(json))
}

/// The names of an item's attributes, in order.
pub fn names(json: &Json<'_>, typed: Option<Wrapping>) -> Vec<String> {
    match (json, typed) {
        (Json::Object(entries), Some(Wrapping::Item)) => {
            entries.first().map_or_else(Vec::new, |(_, json)| names(json, Some(Wrapping::None)))
        }
        (Json::Object(entries), _) => entries.iter().map(|(name, _)| name.clone()).collect(),
        _ => Vec::new(),
    }
}

/// Reads a line of such a file.
pub fn item(json: Json<'_>, wrapping: Wrapping) -> Result<Item, RowProblem> {
    let Json::Object(mut entries) = json else { return Err(RowProblem::NotTyped("the line".to_owned())) };
    if wrapping == Wrapping::Item {
        entries = match entries.pop() {
            Some((name, Json::Object(inner))) if name == ITEM && entries.is_empty() => inner,
            _ => return Err(RowProblem::NotTyped(format!("the line, which has no {ITEM:?} alone"))),
        };
    }
    entries
        .into_iter()
        .map(|(name, json)| {
            if name.is_empty() {
                return Err(RowProblem::NoName);
            }
            let value = value(&name, json, 1)?;
            Ok((name, value))
        })
        .collect()
}

/// Reads a value of the attribute `of`, or inside of it.
fn value(of: &str, json: Json<'_>, depth: usize) -> Result<AttributeValue, RowProblem> {
    check_depth(depth)?;
    let wrong = || RowProblem::NotTyped(format!("{of:?}"));
    let Json::Object(mut entries) = json else { return Err(wrong()) };
    let (Some((kind, json)), true) = (entries.pop(), entries.is_empty()) else { return Err(wrong()) };
    Ok(match (kind.as_str(), json) {
        ("S", Json::String(text)) => AttributeValue::S(text),
        ("N", Json::String(text)) => AttributeValue::N(number(&text)?),
        ("B", Json::String(text)) => AttributeValue::B(blob(&text).ok_or_else(wrong)?),
        ("BOOL", Json::Bool(truth)) => AttributeValue::Bool(truth),
        ("NULL", Json::Bool(true)) => AttributeValue::Null(true),
        ("L", Json::Array(values)) => {
            let values = values.into_iter().map(|json| value(of, json, depth + 1));
            AttributeValue::L(values.collect::<Result<_, _>>()?)
        }
        ("M", Json::Object(entries)) => {
            let entries = entries.into_iter().map(|(name, json)| Ok((name, value(of, json, depth + 1)?)));
            AttributeValue::M(entries.collect::<Result<_, RowProblem>>()?)
        }
        ("SS", Json::Array(values)) => AttributeValue::Ss(set(values, |text| Ok(text.to_owned()), wrong)?),
        ("NS", Json::Array(values)) => AttributeValue::Ns(set(values, number, wrong)?),
        ("BS", Json::Array(values)) => AttributeValue::Bs(set(values, |text| blob(text).ok_or_else(wrong), wrong)?),
        _ => return Err(wrong()),
    })
}

/// A set of strings, each of which `read` reads.
fn set<T>(
    values: Vec<Json<'_>>,
    read: impl Fn(&str) -> Result<T, RowProblem>,
    wrong: impl Fn() -> RowProblem,
) -> Result<Vec<T>, RowProblem> {
    let read = |json| match json {
        Json::String(text) => read(&text),
        _ => Err(wrong()),
    };
    values.into_iter().map(read).collect()
}

fn blob(text: &str) -> Option<Blob> {
    base64::decode(text).ok().map(Blob::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Item, String> {
        item(Json::parse(text).unwrap(), Wrapping::None).map_err(|problem| problem.to_string())
    }

    #[test]
    fn every_type_is_read() {
        let text = r#"{"s":{"S":""},"n":{"N":"-1e5"},"b":{"B":"AAE="},"t":{"BOOL":false},"u":{"NULL":true},
            "l":{"L":[{"S":"x"}]},"m":{"M":{"k":{"N":"1"}}},"ss":{"SS":["a"]},"ns":{"NS":["1"]},"bs":{"BS":["AAE="]}}"#;
        let item = read(text).unwrap();
        let bytes = Blob::new([0, 1]);
        assert_eq!(item["b"], AttributeValue::B(bytes.clone()));
        assert_eq!(item["bs"], AttributeValue::Bs(vec![bytes]));
        assert_eq!(item["m"].as_m().unwrap()["k"], AttributeValue::N("1".to_owned()));
        assert_eq!(item["ss"], AttributeValue::Ss(vec!["a".to_owned()]));
        assert_eq!((item["s"].clone(), item.len()), (AttributeValue::S(String::new()), 10));
    }

    #[test]
    fn a_value_that_is_not_of_its_type_is_named() {
        for (text, word) in [
            (r#"{"a":{"S":1}}"#, "\"a\""),
            (r#"{"a":{"N":1}}"#, "\"a\""),
            (r#"{"a":{"N":"x"}}"#, "x is"),
            (r#"{"a":{"B":"%"}}"#, "\"a\""),
            (r#"{"a":{"S":"x","N":"1"}}"#, "\"a\""),
            (r#"{"a":{"L":["x"]}}"#, "\"a\""),
            (r#"{"a":{"NULL":false}}"#, "\"a\""),
            (r#"{"a":"x"}"#, "\"a\""),
        ] {
            let refusal = read(text).unwrap_err();
            assert!(refusal.contains(word), "{text}: {refusal}");
        }
    }
}
