//! Rows of a CSV file.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::types::AttributeValue;
use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord};

use super::error::{ImportError, RowProblem};
use super::number::is_number_cell;
use super::open::Text;
use super::row::{Item, Row, Shape};

/// A CSV file under its line of column names.
pub struct CsvRows {
    path: PathBuf,
    reader: Reader<Text>,
    columns: Vec<String>,
    text: HashSet<String>,
    record: StringRecord,
}

impl CsvRows {
    /// Reads the column names. `text` are the columns whose cells stay text whatever they look like.
    pub fn new(path: &Path, text: Text, text_columns: &[String]) -> Result<Self, ImportError> {
        let mut reader = ReaderBuilder::new().has_headers(true).from_reader(text);
        let columns = reader.headers().map_err(|error| explain(path, error))?;
        let columns: Vec<String> = columns.iter().map(str::to_owned).collect();
        if columns.is_empty() {
            return Err(ImportError::Empty { path: path.to_owned() });
        }
        check_columns(&columns)?;
        let text = text_columns.iter().cloned().collect();
        Ok(Self { path: path.to_owned(), reader, columns, text, record: StringRecord::new() })
    }

    /// The column names, in order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The next row; `None` after the last.
    pub fn next_row(&mut self, shape: &Shape) -> Result<Option<Row>, ImportError> {
        let more = self.reader.read_record(&mut self.record).map_err(|error| explain(&self.path, error))?;
        if !more {
            return Ok(None);
        }
        let line = self.record.position().map_or(0, csv::Position::line);
        let mut item = Item::with_capacity(self.columns.len());
        for (column, cell) in self.columns.iter().zip(&self.record) {
            if cell.is_empty() {
                continue;
            }
            let is_text = shape.wants_text(column) || self.text.contains(column) || !is_number_cell(cell);
            let value = cell.to_owned();
            let value = if is_text { AttributeValue::S(value) } else { AttributeValue::N(value) };
            item.insert(column.clone(), value);
        }
        Row::new(line, item, shape).map(Some)
    }
}

fn check_columns(columns: &[String]) -> Result<(), ImportError> {
    let mut seen = HashSet::new();
    for (index, name) in columns.iter().enumerate() {
        let problem = if name.is_empty() {
            "no name"
        } else if !seen.insert(name) {
            "another column's name, too"
        } else {
            continue;
        };
        return Err(ImportError::BadColumn { number: index + 1, name: name.clone(), problem });
    }
    Ok(())
}

fn explain(path: &Path, error: csv::Error) -> ImportError {
    let line = error.position().map_or(1, csv::Position::line);
    match error.into_kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            ImportError::row(line, RowProblem::Uneven { expected: expected_len, found: len })
        }
        ErrorKind::Utf8 { .. } => ImportError::row(line, RowProblem::NotUtf8),
        ErrorKind::Io(source) => ImportError::Read { path: path.to_owned(), source },
        // The other kinds are of seeking, writing and serde, none of which happens here.
        other => ImportError::Read { path: path.to_owned(), source: std::io::Error::other(format!("{other:?}")) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::ScalarAttributeType;
    use std::collections::BTreeMap;
    use std::io::Cursor;

    fn shape() -> Shape {
        let text = ScalarAttributeType::S;
        let keys = BTreeMap::from([("id".to_owned(), text.clone()), ("country".to_owned(), text)]);
        Shape { key: "id".to_owned(), keys }
    }

    fn rows(content: &[u8], text_columns: &[&str]) -> Result<Vec<Row>, ImportError> {
        let text_columns: Vec<String> = text_columns.iter().map(|&name| name.to_owned()).collect();
        let text = Box::new(Cursor::new(content.to_vec()));
        let mut reader = CsvRows::new(Path::new("a.csv"), text, &text_columns)?;
        let mut rows = Vec::new();
        while let Some(row) = reader.next_row(&shape())? {
            rows.push(row);
        }
        Ok(rows)
    }

    fn refusal(content: &[u8]) -> String {
        rows(content, &[]).expect_err("refused").to_string()
    }

    #[test]
    fn quotes_line_ends_and_a_byte_order_mark() {
        let content = "\u{feff}id,country,name\r\n1,SY,\"a \"\"b\"\", c\nd\"\r\n\r\n2,,x\r\n";
        let rows = rows(content.as_bytes(), &[]).unwrap();
        assert_eq!(rows[0].item["name"], AttributeValue::S("a \"b\", c\nd".to_owned()));
        assert_eq!(rows[0].item["id"], AttributeValue::S("1".to_owned()));
        assert!(!rows[1].item.contains_key("country"), "an empty cell is left out");
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn cells_are_numbers_only_where_that_loses_nothing() {
        let rows = rows(b"id,country,population,code,zip\n1,42,-12.50,007,123\n", &["zip"]).unwrap();
        let item = &rows[0].item;
        assert_eq!(item["population"], AttributeValue::N("-12.50".to_owned()));
        assert_eq!(item["code"], AttributeValue::S("007".to_owned()));
        assert_eq!(item["zip"], AttributeValue::S("123".to_owned()), "told to stay text");
        assert_eq!(item["country"], AttributeValue::S("42".to_owned()), "an index by text");
    }

    #[test]
    fn a_wrong_row_is_named_by_its_line() {
        assert!(refusal(b"id,country\n1,a\n2,b,c\n").starts_with("line 3: 3 cells"));
        assert!(refusal(b"id,country\n1,a\n\"\",b\n").starts_with("line 3: column \"id\""));
        assert!(refusal(b"id,country\n1,\xff\n").starts_with("line 2: it is not UTF-8"));
        assert!(
            refusal(b"id,country\n\"1\n2\",b\n3\n").starts_with("line 4: 1 cells"),
            "a row of two lines counts as two"
        );
    }

    #[test]
    fn columns_have_names_of_their_own() {
        assert!(refusal(b"id,,x\n").contains("no name"));
        assert!(refusal(b"id,x,x\n").contains("column 3"));
        assert!(refusal(b"").contains("is empty"));
    }
}
