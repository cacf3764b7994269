//! What can go wrong with an import.

use text::{Place, Text, TextError};

use crate::format::{counted, grouped};
use crate::user_table::{Cause, TableError};

/// Why an import stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read, or is not what it seems.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The file has no object a line.
    #[error(
        "{0}. A JSON-lines file has one object a line: `jq -c . FILE` makes lines of objects that take several, `jq -c '.[]' FILE` of \
         an array"
    )]
    NotJsonLines(#[source] TextError),
    /// There is no row to take the columns from.
    #[error("{name} is empty: a CSV file begins with a line of column names, a JSON-lines file with an object")]
    Empty {
        /// The file.
        name: String,
    },
    /// A name given on the command line is not a column of the file.
    #[error("the file has no column {column:?}; it has {columns}")]
    NoColumn {
        /// The name.
        column: String,
        /// The file's columns.
        columns: String,
    },
    /// Two columns of one name, or one without.
    #[error("{file}, line {}: column {number} of the file ({name:?}) {problem}: correct the line of column names", .place.line)]
    BadColumn {
        /// The file.
        file: String,
        /// Where the column names are.
        place: Place,
        /// The column's place among the others, from one.
        number: usize,
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The cells of a CSV file seem to be separated by something else.
    #[error(
        "{name}, line 1: the file has one column, {column:?}. If {} separates its cells, add `--delimiter {}`; if it has one column \
         indeed, add `--delimiter ,`", named(*.delimiter), typed(*.delimiter)
    )]
    Delimiter {
        /// The file.
        name: String,
        /// The column's name.
        column: String,
        /// What is in it.
        delimiter: char,
    },
    /// A flag for CSV was given with a JSON-lines file.
    #[error("a JSON-lines file says itself what is text, and has no delimiter: leave out {0}")]
    OnlyCsv(&'static str),
    /// A row cannot be an item.
    #[error("{name}, line {line}: {problem}")]
    Row {
        /// The file.
        name: String,
        /// The row's line, from one.
        line: u64,
        /// What is wrong with it.
        problem: RowProblem,
    },
    /// The table is there, but made for other data.
    #[error("table {table:?} exists and {problem}. Name another table, or delete this one with `tables delete`")]
    OtherTable {
        /// The table.
        table: String,
        /// How it differs.
        problem: TableProblem,
    },
    /// `DynamoDB` refused to make or describe the table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The table did not become ready.
    #[error("table {table:?} was made, but is not ready after {seconds} s: try again")]
    NotReady {
        /// The table.
        table: String,
        /// Seconds waited.
        seconds: u64,
    },
    /// `DynamoDB` refused a batch of rows.
    #[error("DynamoDB refused the rows of lines {first} to {last}: {source}")]
    Write {
        /// The first row's line.
        first: u64,
        /// The last row's line.
        last: u64,
        /// What the SDK said.
        source: Cause,
    },
    /// `DynamoDB` left part of a batch undone, again and again.
    #[error("DynamoDB was too busy for the rows of lines {first} to {last}, {tries} times: try again later")]
    Busy {
        /// The first row's line.
        first: u64,
        /// The last row's line.
        last: u64,
        /// Tries made.
        tries: u32,
    },
    /// A thread of the import ended without an answer.
    #[error("a part of the import was lost: try again")]
    Lost(#[from] tokio::task::JoinError),
}

/// What is wrong with a row.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowProblem {
    /// Its cells do not match the columns.
    #[error(
        "{}, where the first line names {expected}: put a cell that has a delimiter in quotation marks",
        counted(*.found as u64, "cell")
    )]
    Uneven {
        /// Columns.
        expected: usize,
        /// Cells.
        found: usize,
    },
    /// It has no key.
    #[error("column {0:?} is the table's key, and is empty or missing")]
    NoKey(String),
    /// A key, or an indexed value, is longer than `DynamoDB` indexes.
    #[error("column {column:?} is a key of {bytes} bytes: DynamoDB takes 2,048 at most")]
    LongKey {
        /// The column.
        column: String,
        /// Its length.
        bytes: usize,
    },
    /// A key, or an indexed value, is of another type than the table's.
    #[error("column {column:?} is a key of the table, which wants a {wanted}")]
    KeyType {
        /// The column.
        column: String,
        /// What the table wants.
        wanted: &'static str,
    },
    /// A number that `DynamoDB` would not keep as it is.
    #[error("{0} is a number of more digits, or of another magnitude, than DynamoDB keeps: make it text")]
    Number(String),
    /// A value that is not `DynamoDB` JSON, in a file whose first line is.
    #[error("{0} is not DynamoDB JSON, such as {{\"S\": \"text\"}} or {{\"N\": \"1\"}}, which the first line is")]
    NotTyped(String),
    /// An attribute without a name.
    #[error("an attribute has no name")]
    NoName,
    /// More than an item may hold.
    #[error("the row has {0} bytes: an item of DynamoDB holds 409,600 at most")]
    TooLarge(usize),
    /// Values in values, deeper than `DynamoDB` takes.
    #[error("values are nested deeper than DynamoDB takes (32 levels)")]
    TooDeep,
}

/// How a table differs from what the import needs.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableProblem {
    /// Its key is another.
    #[error("its key is {found}, not {wanted:?} (--key says which column is the key)")]
    Key {
        /// The table's key.
        found: String,
        /// The file's.
        wanted: String,
    },
    /// It has no index by that column.
    #[error("it has no index by {0:?}")]
    NoIndex(String),
}

impl ImportError {
    pub(crate) fn row(text: &Text, line: u64, problem: RowProblem) -> Self {
        Self::Row { name: text.name().to_owned(), line, problem }
    }

    /// Whether the same import may succeed later.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::NotReady { .. } | Self::Lost(_))
    }
}

/// An import that stopped, and how far it had come.
#[derive(Debug, thiserror::Error)]
#[error("{error}. {}", so_far(*.rows, .table))]
pub struct Stopped {
    /// Why.
    #[source]
    pub error: Box<ImportError>,
    /// Rows of the file that are in the table.
    pub rows: u64,
    /// The table.
    pub table: String,
}

fn so_far(rows: u64, table: &str) -> String {
    if rows == 0 {
        return "No row was written".to_owned();
    }
    format!(
        "{} rows of the file are in table {table:?} so far: put right what is wrong and import the whole file again, which replaces \
         them",
        grouped(rows)
    )
}

/// A delimiter in a sentence.
const fn named(delimiter: char) -> &'static str {
    match delimiter {
        ';' => "a semicolon",
        '\t' => "a tab",
        _ => "a vertical bar",
    }
}

/// A delimiter as the shell takes it.
fn typed(delimiter: char) -> String {
    if delimiter == '\t' { "tab".to_owned() } else { format!("'{delimiter}'") }
}
