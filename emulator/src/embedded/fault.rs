//! What is wrong with the file of an embedded `DynamoDB`, in words for the person who has the file.

use std::path::Path;

const DAMAGED: &str =
    "is damaged, or is no database: restore it from a copy, or move it away and import its tables again";
const REFUSED: &str =
    "cannot be read and written: look for a quota, a limit of the process (`ulimit -f`) or a fault of the disk";
const FORBIDDEN: &str = "may not be read and written by this user: change its permissions, and those of its directory";

/// Parts of `SQLite`'s texts (`sqlite3_errstr`), and what they mean for the file. dynoxide passes on the text, not the code.
const FAULTS: [(&str, &str); 8] = [
    ("disk is full", "cannot grow: its disk is full. Free space on that disk, and try again"),
    ("I/O error", REFUSED),
    ("malformed", DAMAGED),
    ("not a database", DAMAGED),
    ("not a valid", DAMAGED),
    ("readonly database", FORBIDDEN),
    ("unable to open database file", FORBIDDEN),
    ("locked", "is kept busy by another process: try again"),
];

/// The file, what is wrong with it, and what its user can do.
pub(super) fn explain(file: &Path, said: &str) -> String {
    let file = file.display();
    match FAULTS.iter().find(|(text, _)| said.contains(text)) {
        // Without what was said, which advises the calls of a library.
        Some((_, fault)) => format!("{file} {fault}"),
        None => {
            format!("{file} cannot be used ({said}): check the disk, and restore the file from a copy if it is damaged")
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::embedded::{Durability, EmbeddedDynamoDb};

    #[test]
    fn a_file_that_is_no_database_is_named_with_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("dynamodb.sqlite");
        std::fs::write(&file, "no database, ".repeat(1_000)).unwrap();
        let refusal = EmbeddedDynamoDb::open(&file, Durability::ProcessCrash).unwrap_err().to_string();
        assert!(refusal.contains("dynamodb.sqlite is damaged") && refusal.contains("restore it"), "{refusal}");
        assert!(!refusal.contains("Database::"), "{refusal}");
    }

    #[test]
    fn a_directory_in_its_place_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let refusal = EmbeddedDynamoDb::open(directory.path(), Durability::ProcessCrash).unwrap_err().to_string();
        assert!(refusal.contains(&directory.path().display().to_string()), "{refusal}");
    }
}
