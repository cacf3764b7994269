//! What `import` takes.

use std::path::PathBuf;

use clap::Args;

use crate::import::Import;

/// Puts the rows of a file into a table.
///
/// The table is made if it is missing, with one string or number as its key. In a CSV file, key and indexed columns are text; any
/// other cell that is a plain number of at most 38 digits is a number; an empty cell is left out. JSON values keep their
/// types. Importing the same file again gives the same table.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// CSV with a line of column names, or JSON lines; gzipped or not
    pub file: PathBuf,
    /// The table
    #[arg(long, value_name = "T")]
    pub table: String,
    /// The column that is the table's key [default: the first]
    #[arg(long, value_name = "COLUMN")]
    pub key: Option<String>,
    /// A column to have an index by, of the same name; may be repeated
    #[arg(long, value_name = "COLUMN")]
    pub index: Vec<String>,
    /// A column of a CSV file that stays text, even where it looks like a number; may be repeated
    #[arg(long, value_name = "COLUMN")]
    pub text: Vec<String>,
}

impl From<ImportArgs> for Import {
    fn from(args: ImportArgs) -> Self {
        Self { file: args.file, table: args.table, key: args.key, indexes: args.index, text: args.text }
    }
}
