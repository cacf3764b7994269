//! What `import` takes.

use std::path::PathBuf;

use clap::Args;

use crate::import::{Cells, Import};

/// Puts the rows of a file into a table.
///
/// The table is made if it is missing, with one string or number as its key. In a CSV file, key and indexed columns are text; any
/// other cell that is a plain number of at most 38 digits is a number; an empty cell is left out. JSON values keep their
/// types; DynamoDB JSON, as exports have it, is recognised. Every row of a file is checked before the first is written. Importing the
/// same file again gives the same table.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// CSV with a line of column names, or JSON lines; gzipped or not; `-` for standard input
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
    /// Every column of a CSV file stays text
    #[arg(long)]
    pub strings: bool,
    /// What stands between the cells of a CSV file: one character, or `tab` [default: a comma; a tab in a .tsv file]
    #[arg(long, value_name = "C", value_parser = delimiter)]
    pub delimiter: Option<char>,
    /// Only check the file, and say what would be imported; write nothing
    #[arg(long)]
    pub dry_run: bool,
}

impl From<ImportArgs> for Import {
    fn from(args: ImportArgs) -> Self {
        let ImportArgs { file, table, key, index, text, strings, delimiter, dry_run } = args;
        Self { file, table, key, indexes: index, cells: Cells { delimiter, text, strings }, dry_run }
    }
}

fn delimiter(text: &str) -> Result<char, String> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        _ if text == "tab" || text == "\\t" => Ok('\t'),
        (Some('"' | '\r' | '\n' | '\0'), None) => Err("this character has another meaning in CSV".to_owned()),
        (Some(character), None) => Ok(character),
        _ => Err("give one character, or `tab`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delimiter_is_one_character_or_a_tab() {
        for (text, character) in [(";", ';'), ("tab", '\t'), ("\\t", '\t'), ("\t", '\t'), ("¦", '¦')] {
            assert_eq!(delimiter(text), Ok(character));
        }
        for text in ["", "\"", "\n", ";;", "comma"] {
            assert!(delimiter(text).is_err(), "{text:?}");
        }
    }
}
