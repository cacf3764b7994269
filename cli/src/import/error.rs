//! What can go wrong with an import.

use std::path::PathBuf;

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};

/// Why an import stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be opened or read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system, or gzip, said.
        source: std::io::Error,
    },
    /// There is no row to take the columns from.
    #[error("{path} is empty: a CSV file begins with a line of column names, a JSON-lines file with an object")]
    Empty {
        /// The file.
        path: PathBuf,
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
    #[error("column {number} of the file is named {name:?}, which is {problem}")]
    BadColumn {
        /// Its place, from one.
        number: usize,
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Columns of a JSON-lines file were to be text.
    #[error("a JSON-lines file says itself what is text: leave out --text")]
    TextInJson,
    /// A row cannot be an item.
    #[error("line {line}: {problem}. Rows before it may be in the table already; importing the corrected file is safe")]
    Row {
        /// Its line, from one.
        line: u64,
        /// What is wrong with it.
        problem: RowProblem,
    },
    /// The table is there, but made for other data.
    #[error("table {table:?} exists and {problem}; nothing was written. Name another table")]
    OtherTable {
        /// The table.
        table: String,
        /// How it differs.
        problem: TableProblem,
    },
    /// `DynamoDB` refused to make or describe the table.
    #[error("DynamoDB refused to {verb} table {table:?}")]
    Table {
        /// What was tried.
        verb: &'static str,
        /// The table.
        table: String,
        /// What the SDK said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The table did not become ready.
    #[error("table {table:?} was made, but is not ready after {seconds} s: try again")]
    NotReady {
        /// The table.
        table: String,
        /// Seconds waited.
        seconds: u64,
    },
    /// `DynamoDB` refused a batch of rows.
    #[error("DynamoDB refused the rows of lines {first} to {last}")]
    Write {
        /// The first row's line.
        first: u64,
        /// The last row's line.
        last: u64,
        /// What the SDK said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// `DynamoDB` left part of a batch undone, again and again.
    #[error("DynamoDB was too busy for the rows of lines {first} to {last}, {tries} times: import the file again")]
    Busy {
        /// The first row's line.
        first: u64,
        /// The last row's line.
        last: u64,
        /// Tries made.
        tries: u32,
    },
    /// A thread of the import ended without an answer.
    #[error("a part of the import was lost: import the file again")]
    Lost(#[from] tokio::task::JoinError),
}

/// What is wrong with a row.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowProblem {
    /// Its cells do not match the columns.
    #[error("{found} cells, where the first line names {expected} columns")]
    Uneven {
        /// Columns.
        expected: u64,
        /// Cells.
        found: u64,
    },
    /// It is not UTF-8.
    #[error("it is not UTF-8 text")]
    NotUtf8,
    /// It is no JSON object.
    #[error("not a JSON object ({0})")]
    NotJson(String),
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
    pub(crate) fn row(line: u64, problem: RowProblem) -> Self {
        Self::Row { line, problem }
    }

    pub(crate) fn table<E>(verb: &'static str, table: &str, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        Self::Table { verb, table: table.to_owned(), source: said(error) }
    }

    pub(crate) fn build(table: &str, error: BuildError) -> Self {
        Self::Table { verb: "create", table: table.to_owned(), source: Box::new(error) }
    }

    /// Whether the same import may succeed later.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::NotReady { .. } | Self::Lost(_))
    }
}

/// The code of an error that `DynamoDB` has no code for. The message says what it is.
const INTERNAL: &str = "InternalServerError";

/// What `DynamoDB` said, in its own words.
#[derive(Debug, thiserror::Error)]
#[error("{message}{}", if code == INTERNAL { String::new() } else { format!(" ({code})") })]
struct Said {
    code: String,
    message: String,
}

/// The SDK's own text is "service error"; what happened is deeper in it.
pub(crate) fn said<E>(error: SdkError<E>) -> Box<dyn std::error::Error + Send + Sync>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => Box::new(Said { code: code.to_owned(), message: message.to_owned() }),
        _ => Box::new(error),
    }
}
