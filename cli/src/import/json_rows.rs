//! Rows of a JSON-lines file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::value::RawValue;

use super::error::{ImportError, RowProblem};
use super::number::Decimal;
use super::open::{Text, read_line};
use super::row::{Item, Row, Shape};

/// Values in values that `DynamoDB` takes.
const MAX_DEPTH: usize = 32;

/// A file with a JSON object a line.
pub struct JsonRows {
    path: PathBuf,
    text: Text,
    line: u64,
    buffer: Vec<u8>,
    /// The first object: read for its columns, before there is a table.
    first: Option<(u64, Item)>,
    first_columns: Vec<String>,
}

impl JsonRows {
    /// Reads the first object.
    pub fn new(path: &Path, text: Text) -> Result<Self, ImportError> {
        let mut rows =
            Self { path: path.to_owned(), text, line: 0, buffer: Vec::new(), first: None, first_columns: Vec::new() };
        rows.first = rows.next_item()?;
        if rows.first.is_none() {
            return Err(ImportError::Empty { path: path.to_owned() });
        }
        rows.first_columns = first_names(&rows.buffer);
        Ok(rows)
    }

    /// The first object's names, in the order they are written in.
    pub fn columns(&self) -> &[String] {
        &self.first_columns
    }

    /// Whether the first object has a number there.
    pub fn first_is_number(&self, column: &str) -> bool {
        self.first.as_ref().and_then(|(_, item)| item.get(column)).is_some_and(AttributeValue::is_n)
    }

    /// The next row; `None` after the last.
    pub fn next_row(&mut self, shape: &Shape) -> Result<Option<Row>, ImportError> {
        let next = match self.first.take() {
            Some(first) => Some(first),
            None => self.next_item()?,
        };
        next.map(|(line, item)| Row::new(line, item, shape)).transpose()
    }

    /// The next line that is not blank.
    fn next_item(&mut self) -> Result<Option<(u64, Item)>, ImportError> {
        let failed = |source| ImportError::Read { path: self.path.clone(), source };
        while read_line(&mut self.text, &mut self.buffer).map_err(failed)? {
            self.line += 1;
            let text =
                std::str::from_utf8(&self.buffer).map_err(|_| ImportError::row(self.line, RowProblem::NotUtf8))?;
            let text = text.trim_start_matches('\u{feff}').trim();
            if !text.is_empty() {
                let item = object(text, 0).map_err(|problem| ImportError::row(self.line, problem))?;
                return Ok(Some((self.line, item)));
            }
        }
        Ok(None)
    }
}

/// `serde_json` without its `preserve_order` sorts names; the first one written is wanted.
fn first_names(line: &[u8]) -> Vec<String> {
    struct Names(Vec<String>);
    impl<'de> serde::Deserialize<'de> for Names {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Names;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<M: serde::de::MapAccess<'de>>(self, mut map: M) -> Result<Names, M::Error> {
                    let mut names = Vec::new();
                    while let Some((name, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                        names.push(name);
                    }
                    Ok(Names(names))
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }
    let text = String::from_utf8_lossy(line);
    serde_json::from_str::<Names>(text.trim_start_matches('\u{feff}')).map(|names| names.0).unwrap_or_default()
}

/// Values stay as they are written (`RawValue`): a detour over 64-bit floats would change long numbers.
fn object(text: &str, depth: usize) -> Result<Item, RowProblem> {
    let values: HashMap<String, &RawValue> = parse(text)?;
    let mut item = Item::with_capacity(values.len());
    for (name, raw) in values {
        if name.is_empty() && depth == 0 {
            return Err(RowProblem::NoName);
        }
        item.insert(name, value(raw.get(), depth + 1)?);
    }
    Ok(item)
}

fn value(text: &str, depth: usize) -> Result<AttributeValue, RowProblem> {
    if depth > MAX_DEPTH {
        return Err(RowProblem::TooDeep);
    }
    match text.as_bytes().first() {
        Some(b'{') => object(text, depth).map(AttributeValue::M),
        Some(b'[') => {
            let values: Vec<&RawValue> = parse(text)?;
            let values = values.into_iter().map(|raw| value(raw.get(), depth + 1));
            values.collect::<Result<_, _>>().map(AttributeValue::L)
        }
        Some(b'"') => parse(text).map(AttributeValue::S),
        Some(b't') => Ok(AttributeValue::Bool(true)),
        Some(b'f') => Ok(AttributeValue::Bool(false)),
        Some(b'n') => Ok(AttributeValue::Null(true)),
        _ if Decimal::parse(text).is_some_and(|number| number.fits()) => Ok(AttributeValue::N(text.to_owned())),
        _ => Err(RowProblem::Number(text.chars().take(60).collect())),
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, RowProblem> {
    // The parser counts lines within the text that it was given, which would contradict ours.
    serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        RowProblem::NotJson(message.split(" at line ").next().unwrap_or_default().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::ScalarAttributeType;
    use std::collections::BTreeMap;
    use std::io::Cursor;

    fn rows(content: &str) -> Result<Vec<Row>, ImportError> {
        let mut reader = JsonRows::new(Path::new("a.jsonl"), Box::new(Cursor::new(content.as_bytes().to_vec())))?;
        let keys = BTreeMap::from([("id".to_owned(), ScalarAttributeType::S)]);
        let shape = Shape { key: "id".to_owned(), keys };
        let mut rows = Vec::new();
        while let Some(row) = reader.next_row(&shape)? {
            rows.push(row);
        }
        Ok(rows)
    }

    #[test]
    fn values_keep_their_types_and_their_digits() {
        let line = r#"{"id":"a","n":12345678901234567890.123,"t":true,"z":null,"l":[1,"x"],"m":{"":{"k":1e2}},"e":""}"#;
        let item = rows(line).unwrap().remove(0).item;
        assert_eq!(item["n"], AttributeValue::N("12345678901234567890.123".to_owned()));
        assert_eq!(item["t"], AttributeValue::Bool(true));
        assert_eq!(item["z"], AttributeValue::Null(true));
        assert_eq!(item["e"], AttributeValue::S(String::new()));
        assert_eq!(item["l"].as_l().unwrap()[1], AttributeValue::S("x".to_owned()));
        assert_eq!(item["m"].as_m().unwrap()[""].as_m().unwrap()["k"], AttributeValue::N("1e2".to_owned()));
    }

    #[test]
    fn the_first_objects_names_keep_their_order() {
        let content = "\u{feff}\n{\"z\":1,\"a\":2}\n";
        let reader = JsonRows::new(Path::new("a"), Box::new(Cursor::new(content.as_bytes().to_vec()))).unwrap();
        assert_eq!(reader.columns(), ["z", "a"]);
        assert!(reader.first_is_number("z") && !reader.first_is_number("id"));
    }

    #[test]
    fn a_wrong_line_is_named() {
        let refusal = |content: &str| rows(content).expect_err("refused").to_string();
        assert!(refusal("{\"id\":\"a\"}\n\n{\"id\":\n").starts_with("line 3: not a JSON object"));
        assert!(refusal("[1]\n").starts_with("line 1: not a JSON object"));
        assert!(refusal("{\"id\":\"a\"} {}\n").starts_with("line 1: not a JSON object"));
        assert!(refusal("{\"id\":\"a\",\"n\":1e400}\n").contains("1e400"));
        assert!(refusal(&format!("{{\"id\":\"a\",\"d\":{}{}}}\n", "[".repeat(40), "]".repeat(40))).contains("nested"));
        assert!(refusal("\n \n").contains("is empty"));
    }
}
