//! The rows of a file of either format.

use aws_sdk_dynamodb::types::{AttributeValue, ScalarAttributeType};
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::path::Path;
use text::Text;

use super::csv_rows::{Cells, CsvRows};
use super::error::ImportError;
use super::format::Format;
use super::json_rows::JsonRows;
use super::row::{Row, Shape};
use super::table::Wanted;
use super::{AHEAD_BYTES, AHEAD_ROWS, Import};

/// The rows of a file, in order.
pub struct Rows {
    reader: Reader,
    /// Rows that were read to check them before a table was made.
    ahead: VecDeque<Row>,
}

enum Reader {
    Csv(CsvRows),
    Json(JsonRows),
}

impl Rows {
    /// Opens the file, or standard input, and reads its columns.
    pub fn open(file: &Path, cells: &Cells) -> Result<Self, ImportError> {
        let text = Text::open_or_stdin(file)?;
        let reader = match Format::of(file, &text) {
            Format::Csv { delimiter } => CsvRows::new(text, delimiter, cells).map(Reader::Csv),
            Format::JsonLines => match cells.first_flag() {
                None => JsonRows::new(text).map(Reader::Json),
                Some(flag) => Err(ImportError::OnlyCsv(flag)),
            },
        };
        Ok(Self { reader: reader?, ahead: VecDeque::new() })
    }

    /// The next row; `None` after the last.
    pub fn next_row(&mut self, shape: &Shape) -> Result<Option<Row>, ImportError> {
        if let Some(row) = self.ahead.pop_front() {
            return Ok(Some(row));
        }
        self.read_row(shape)
    }

    /// Reads the first rows, and keeps them for [`Self::next_row`].
    pub fn check_ahead(&mut self, shape: &Shape) -> Result<(), ImportError> {
        let mut bytes = 0;
        while self.ahead.len() < AHEAD_ROWS && bytes < AHEAD_BYTES {
            let Some(row) = self.read_row(shape)? else { break };
            bytes += row.bytes;
            self.ahead.push_back(row);
        }
        Ok(())
    }

    fn read_row(&mut self, shape: &Shape) -> Result<Option<Row>, ImportError> {
        let (item, text) = match &mut self.reader {
            Reader::Csv(rows) => (rows.next_item(shape)?, rows.text()),
            Reader::Json(rows) => (rows.next_item()?, rows.text()),
        };
        let row = item
            .map(|(line, item)| Row::new(line, item, shape).map_err(|problem| ImportError::row(text, line, problem)));
        row.transpose()
    }

    /// What a caller should know of the rows that were read.
    pub fn notes(&self) -> Vec<String> {
        match &self.reader {
            Reader::Csv(rows) => rows.seen().notes(),
            Reader::Json(rows) if rows.is_dynamodb_json() => {
                vec!["the file was read as DynamoDB JSON: each value has the type that it names".to_owned()]
            }
            Reader::Json(_) => Vec::new(),
        }
    }

    /// The table that these rows need.
    pub fn wanted(&self, import: &Import) -> Result<Wanted, ImportError> {
        let columns = self.columns();
        // A later row of a JSON-lines file may have more names than the first; its key must be in all.
        let must_exist: Vec<&String> = match self.reader {
            Reader::Csv(_) => import.key.iter().chain(&import.indexes).chain(&import.cells.text).collect(),
            Reader::Json(_) => import.key.iter().collect(),
        };
        if let Some(column) = must_exist.into_iter().find(|column| !columns.contains(column)) {
            return Err(ImportError::NoColumn { column: column.clone(), columns: columns.join(", ") });
        }
        let empty = || ImportError::Empty { name: import.file.display().to_string() };
        let key = import.key.as_ref().or(columns.first()).ok_or_else(empty)?.clone();
        let mut indexes: Vec<String> = Vec::new();
        for column in &import.indexes {
            if !indexes.contains(column) {
                indexes.push(column.clone());
            }
        }
        let names = indexes.iter().chain([&key]);
        let types: BTreeMap<_, _> = names.map(|name| (name.clone(), self.key_type(name))).collect();
        Ok(Wanted { table: import.table.clone(), key, indexes, types })
    }

    fn columns(&self) -> &[String] {
        match &self.reader {
            Reader::Csv(rows) => rows.columns(),
            Reader::Json(rows) => rows.columns(),
        }
    }

    /// The type of a key or indexed column, for a new table: in CSV always text, in JSON lines what the first row has.
    fn key_type(&self, column: &str) -> ScalarAttributeType {
        let first = match &self.reader {
            Reader::Json(rows) => rows.first_value(column),
            Reader::Csv(_) => None,
        };
        match first {
            Some(AttributeValue::N(_)) => ScalarAttributeType::N,
            Some(AttributeValue::B(_)) => ScalarAttributeType::B,
            _ => ScalarAttributeType::S,
        }
    }
}
