//! Rows of a JSON-lines file: plain objects, or `DynamoDB` JSON as exports and `aws dynamodb scan` give it.

use aws_sdk_dynamodb::types::AttributeValue;
use text::{Json, Lines, Place, Problem, Text, TextError};

use super::dynamodb_json::{self, Wrapping};
use super::error::{ImportError, RowProblem};
use super::row::{Item, check_depth, number};

/// The longest line: an item of 400 KB, generously escaped. A file without line ends is then an error instead of all of the
/// memory.
const MAX_LINE_BYTES: usize = 4 * 1024 * 1024;

/// A file with a JSON object a line.
pub struct JsonRows {
    lines: Lines,
    /// How the file writes its items; `None` for plain JSON.
    typed: Option<Wrapping>,
    /// The first object: read for its columns, before there is a table.
    first: Option<(u64, Item)>,
    first_columns: Vec<String>,
    first_item: Item,
}

impl JsonRows {
    /// Reads the first object.
    pub fn new(text: Text) -> Result<Self, ImportError> {
        let lines = Lines::new(text, MAX_LINE_BYTES);
        let mut rows = Self { lines, typed: None, first: None, first_columns: Vec::new(), first_item: Item::default() };
        let Some((line, text)) = rows.next_object()? else {
            return Err(ImportError::Empty { name: rows.text().name().to_owned() });
        };
        let json = rows.parse(line, &text)?;
        rows.typed = dynamodb_json::recognise(&json);
        rows.first_columns = dynamodb_json::names(&json, rows.typed);
        rows.first_item = rows.item(line, json)?;
        rows.first = Some((line, rows.first_item.clone()));
        Ok(rows)
    }

    /// The first object's names, in the order they are written in.
    pub fn columns(&self) -> &[String] {
        &self.first_columns
    }

    /// The first object's value there.
    pub fn first_value(&self, column: &str) -> Option<&AttributeValue> {
        self.first_item.get(column)
    }

    /// Whether the file is `DynamoDB` JSON.
    pub const fn is_dynamodb_json(&self) -> bool {
        self.typed.is_some()
    }

    /// The file.
    pub const fn text(&self) -> &Text {
        self.lines.text()
    }

    /// The next row with its line; `None` after the last.
    pub fn next_item(&mut self) -> Result<Option<(u64, Item)>, ImportError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let Some((line, text)) = self.next_object()? else { return Ok(None) };
        let json = self.parse(line, &text)?;
        self.item(line, json).map(|item| Some((line, item)))
    }

    /// The next line that is not blank.
    fn next_object(&mut self) -> Result<Option<(u64, String)>, ImportError> {
        while let Some(line) = self.lines.next_line()? {
            if !line.text.trim().is_empty() {
                return Ok(Some((line.number, line.text.to_owned())));
            }
        }
        Ok(None)
    }

    fn parse<'a>(&self, line: u64, text: &'a str) -> Result<Json<'a>, ImportError> {
        let refuse = |error: text::JsonError| match error.in_line(self.text(), line) {
            error @ TextError { problem: Problem::NotJson(_), .. } => ImportError::NotJsonLines(error),
            error => ImportError::Text(error),
        };
        let json = Json::parse(text).map_err(refuse)?;
        if matches!(json, Json::Object(_)) {
            return Ok(json);
        }
        let problem = Problem::NotJson("a value that is no object".to_owned());
        Err(ImportError::NotJsonLines(self.text().error(Place { line, column: 1 }, problem)))
    }

    fn item(&self, line: u64, json: Json<'_>) -> Result<Item, ImportError> {
        let item = match self.typed {
            Some(wrapping) => dynamodb_json::item(json, wrapping),
            None => plain(json),
        };
        item.map_err(|problem| ImportError::row(self.text(), line, problem))
    }
}

fn plain(json: Json<'_>) -> Result<Item, RowProblem> {
    let Json::Object(entries) = json else { return Ok(Item::default()) };
    entries
        .into_iter()
        .map(|(name, json)| if name.is_empty() { Err(RowProblem::NoName) } else { Ok((name, value(json, 1)?)) })
        .collect()
}

fn value(json: Json<'_>, depth: usize) -> Result<AttributeValue, RowProblem> {
    check_depth(depth)?;
    Ok(match json {
        Json::Null => AttributeValue::Null(true),
        Json::Bool(truth) => AttributeValue::Bool(truth),
        Json::String(text) => AttributeValue::S(text),
        Json::Number(text) => AttributeValue::N(number(text)?),
        Json::Array(values) => {
            AttributeValue::L(values.into_iter().map(|json| value(json, depth + 1)).collect::<Result<_, _>>()?)
        }
        Json::Object(entries) => {
            let entries = entries.into_iter().map(|(name, json)| Ok((name, value(json, depth + 1)?)));
            AttributeValue::M(entries.collect::<Result<_, RowProblem>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn open(content: &str) -> Result<JsonRows, ImportError> {
        JsonRows::new(Text::from_reader("a.jsonl", Cursor::new(content.as_bytes().to_vec()))?)
    }

    fn items(content: &str) -> Result<Vec<Item>, ImportError> {
        let mut reader = open(content)?;
        let mut items = Vec::new();
        while let Some((_, item)) = reader.next_item()? {
            items.push(item);
        }
        Ok(items)
    }

    fn refusal(content: &str) -> String {
        items(content).expect_err("refused").to_string()
    }

    #[test]
    fn values_keep_their_types_and_their_digits() {
        let line = r#"{"id":"a","n":12345678901234567890.123,"t":true,"z":null,"l":[1,"x"],"m":{"":{"k":1e2}},"e":""}"#;
        let item = items(line).unwrap().remove(0);
        assert_eq!(item["n"], AttributeValue::N("12345678901234567890.123".to_owned()));
        assert_eq!(item["t"], AttributeValue::Bool(true));
        assert_eq!(item["z"], AttributeValue::Null(true));
        assert_eq!(item["e"], AttributeValue::S(String::new()));
        assert_eq!(item["l"].as_l().unwrap()[1], AttributeValue::S("x".to_owned()));
        assert_eq!(item["m"].as_m().unwrap()[""].as_m().unwrap()["k"], AttributeValue::N("1e2".to_owned()));
    }

    #[test]
    fn the_first_objects_names_keep_their_order() {
        let reader = open("\u{feff}\n{\"z\":1,\"a\":2}\n").unwrap();
        assert_eq!(reader.columns(), ["z", "a"]);
        assert!(reader.first_value("z").is_some_and(AttributeValue::is_n) && reader.first_value("id").is_none());
    }

    #[test]
    fn a_wrong_line_is_named_with_its_column() {
        for (content, words) in [
            ("{\"id\":\"a\"}\n\n{\"id\":\n", "a.jsonl, line 3, column 6: not JSON"),
            ("{\"id\":\"a\"}\r\n\r\n{\"id\":tru}\r\n", "a.jsonl, line 3, column"),
            ("[{\"id\":1}]\n", "`jq -c '.[]' FILE`"),
            ("{\n  \"id\": 1\n}\n", "`jq -c . FILE`"),
            ("{\"id\":\"a\"} {}\n", "line 1, column 12: not JSON: trailing characters"),
            ("{\"id\":\"a\",\"n\":1e400}\n", "1e400"),
            ("{\"id\":\"a\",\"id\":\"b\"}\n", "line 1, column 16: the name \"id\" comes twice"),
            ("{\"id\":\"a\",\"\":1}\n", "no name"),
            ("{\"id\":\"a\0\"}\n", "line 1, column 9: a NUL"),
            ("\n \n", "is empty"),
        ] {
            let refusal = refusal(content);
            assert!(refusal.contains(words), "{content}: {refusal}");
        }
        assert!(refusal(&format!("{{\"id\":\"a\",\"d\":{}{}}}\n", "[".repeat(40), "]".repeat(40))).contains("nested"));
    }

    #[test]
    fn dynamodb_json_is_recognised_by_the_first_line_and_read_as_such() {
        let typed =
            r#"{"id":{"S":"1"},"n":{"N":"1.50"},"t":{"BOOL":true},"l":{"L":[{"NULL":true}]},"s":{"NS":["1","2"]}}"#;
        for line in [format!("{{\"Item\":{typed}}}"), typed.to_owned()] {
            let reader = open(&line).unwrap();
            assert!(reader.is_dynamodb_json());
            assert_eq!(reader.columns()[..2], ["id", "n"]);
            let item = items(&line).unwrap().remove(0);
            assert_eq!(item["id"], AttributeValue::S("1".to_owned()));
            assert_eq!(item["n"], AttributeValue::N("1.50".to_owned()));
            assert_eq!(item["l"], AttributeValue::L(vec![AttributeValue::Null(true)]));
            assert_eq!(item["s"], AttributeValue::Ns(vec!["1".to_owned(), "2".to_owned()]));
        }
        assert!(!open(r#"{"id":"1","m":{"S":"x"}}"#).unwrap().is_dynamodb_json(), "only if every value is typed");
        let refusal = refusal("{\"Item\":{\"id\":{\"S\":\"1\"}}}\n{\"id\":\"2\"}\n");
        assert!(refusal.contains("line 2: ") && refusal.contains("DynamoDB JSON"), "{refusal}");
    }
}
