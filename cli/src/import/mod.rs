//! A file of rows into a table.
//!
//! One thread reads and checks rows and makes batches of them; a few batches at a time are on their way into the table.
//! Neither holds more than that, whatever the file's size.

mod batch;
mod csv_rows;
mod error;
mod json_rows;
mod number;
mod open;
mod row;
mod table;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::ScalarAttributeType;
use control_table::clock::Entropy;
use tokio::sync::mpsc::{self, Sender};

use self::batch::Batch;
use self::csv_rows::CsvRows;
use self::json_rows::JsonRows;
use self::open::Format;
use self::row::{Row, Shape};
use self::table::Wanted;
use self::write::{IN_FLIGHT, Writer};

pub use self::error::ImportError;

/// What to import, and into which table.
#[derive(Debug, Clone)]
pub struct Import {
    /// The file: CSV or JSON lines, each gzipped or not.
    pub file: PathBuf,
    /// The table; made if it is missing.
    pub table: String,
    /// The key's column; the first one if none is named.
    pub key: Option<String>,
    /// Columns to have an index by.
    pub indexes: Vec<String>,
    /// Columns of a CSV file that stay text, even where they look like numbers.
    pub text: Vec<String>,
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Rows read and written; rows with one key count each.
    pub rows: u64,
    /// Whether the table was made.
    pub created: bool,
}

/// A file of either format.
enum Rows {
    Csv(CsvRows),
    Json(JsonRows),
}

impl Rows {
    fn open(file: &Path, text_columns: &[String]) -> Result<Self, ImportError> {
        let (format, text) = open::open(file)?;
        match format {
            Format::Csv => CsvRows::new(file, text, text_columns).map(Self::Csv),
            Format::JsonLines if text_columns.is_empty() => JsonRows::new(file, text).map(Self::Json),
            Format::JsonLines => Err(ImportError::TextInJson),
        }
    }

    fn columns(&self) -> &[String] {
        match self {
            Self::Csv(rows) => rows.columns(),
            Self::Json(rows) => rows.columns(),
        }
    }

    fn next_row(&mut self, shape: &Shape) -> Result<Option<Row>, ImportError> {
        match self {
            Self::Csv(rows) => rows.next_row(shape),
            Self::Json(rows) => rows.next_row(shape),
        }
    }

    /// The type of a key or indexed column, for a new table: in CSV always text, in JSON lines what the first row has.
    fn key_type(&self, column: &str) -> ScalarAttributeType {
        match self {
            Self::Json(rows) if rows.first_is_number(column) => ScalarAttributeType::N,
            _ => ScalarAttributeType::S,
        }
    }

    fn wanted(&self, import: &Import) -> Result<Wanted, ImportError> {
        let columns = self.columns();
        // A later row of a JSON-lines file may have more names than the first; its key must be in all.
        let must_exist: Vec<&String> = match self {
            Self::Csv(_) => import.key.iter().chain(&import.indexes).chain(&import.text).collect(),
            Self::Json(_) => import.key.iter().collect(),
        };
        if let Some(column) = must_exist.into_iter().find(|column| !columns.contains(column)) {
            return Err(ImportError::NoColumn { column: column.clone(), columns: columns.join(", ") });
        }
        let empty = || ImportError::Empty { path: import.file.clone() };
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
}

/// Imports a file; tells `progress` the rows written so far. Importing it again gives the same table.
pub async fn import(
    client: &Client,
    entropy: Arc<Entropy>,
    import: Import,
    progress: impl Fn(u64),
) -> Result<Imported, ImportError> {
    let (rows, wanted) = tokio::task::spawn_blocking(move || {
        let rows = Rows::open(&import.file, &import.text)?;
        let wanted = rows.wanted(&import)?;
        Ok::<_, ImportError>((rows, wanted))
    })
    .await??;
    let (shape, created) = table::prepare(client, &wanted).await?;
    let (sender, batches) = mpsc::channel(IN_FLIGHT);
    let reading = tokio::task::spawn_blocking(move || read(rows, &shape, &sender));
    let writer = Writer { client: client.clone(), table: wanted.table.into(), entropy };
    let written = writer.write_all(batches, &progress).await?;
    reading.await??;
    Ok(Imported { rows: written, created })
}

/// Reads to the end, or until the writer takes no more batches, because it failed.
fn read(mut rows: Rows, shape: &Shape, batches: &Sender<Batch>) -> Result<(), ImportError> {
    let mut batch = Batch::default();
    while let Some(row) = rows.next_row(shape)? {
        if batch.is_full_for(&row) && batches.blocking_send(std::mem::take(&mut batch)).is_err() {
            return Ok(());
        }
        batch.push(row);
    }
    if !batch.is_empty() {
        // As above.
        let _ = batches.blocking_send(batch);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use emulator::embedded::EmbeddedDynamoDb;

    async fn run(
        client: &Client,
        name: &str,
        content: &str,
        change: impl FnOnce(&mut Import),
    ) -> Result<Imported, ImportError> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(name);
        std::fs::write(&file, content).unwrap();
        let mut what = Import { file, table: "cities".to_owned(), key: None, indexes: Vec::new(), text: Vec::new() };
        change(&mut what);
        import(client, Arc::new(Entropy::from_seed(1)), what, |_| {}).await
    }

    #[expect(clippy::disallowed_methods, reason = "the test looks at the user's table")]
    async fn items(client: &Client) -> Vec<row::Item> {
        let mut items = client.scan().table_name("cities").send().await.unwrap().items.unwrap();
        items.sort_by_key(|item| item["id"].as_s().unwrap().clone());
        items
    }

    #[tokio::test]
    async fn the_same_file_twice_gives_the_same_table() {
        let client = EmbeddedDynamoDb::in_memory().unwrap().client();
        let rows: Vec<_> = (0..200).map(|number| format!("{number},C{},{number}\n", number % 7)).collect();
        let content = format!("id,country,n\n{}", rows.concat());
        let index = |what: &mut Import| what.indexes = vec!["country".to_owned(), "country".to_owned()];
        let first = run(&client, "a.csv", &content, index).await.unwrap();
        assert_eq!(first, Imported { rows: 200, created: true });
        let before = items(&client).await;
        let second = run(&client, "a.csv", &content, index).await.unwrap();
        assert_eq!(second, Imported { rows: 200, created: false });
        assert_eq!((items(&client).await, before.len()), (before, 200));
    }

    #[tokio::test]
    async fn of_rows_with_one_key_the_last_stays_within_and_across_batches() {
        let client = EmbeddedDynamoDb::in_memory().unwrap().client();
        let rows: Vec<_> = (0..300).map(|number| format!("{},{number}\n", number % 3)).collect();
        run(&client, "a.csv", &format!("id,n\n{}", rows.concat()), |_| {}).await.unwrap();
        let kept: Vec<_> = items(&client).await.iter().map(|item| item["n"].as_n().unwrap().clone()).collect();
        assert_eq!(kept, ["297", "298", "299"]);
    }

    #[tokio::test]
    async fn a_wrong_line_is_told_and_nothing_is_written_to_another_table() {
        let client = EmbeddedDynamoDb::in_memory().unwrap().client();
        let error = run(&client, "a.csv", "id,n\n1,2\n3\n", |_| {}).await.unwrap_err().to_string();
        assert!(error.starts_with("line 3:"), "{error}");
        let error = run(&client, "a.csv", "other,n\n1,2\n", |_| {}).await.unwrap_err();
        assert!(matches!(error, ImportError::OtherTable { .. }), "{error}");
        let error = run(&client, "a.csv", "id\n1\n", |what| what.key = Some("no".to_owned())).await.unwrap_err();
        assert!(error.to_string().contains("no column \"no\"; it has id"), "{error}");
    }

    #[tokio::test]
    async fn a_json_key_keeps_its_type() {
        let client = EmbeddedDynamoDb::in_memory().unwrap().client();
        let number_key = "{\"number\":1,\"id\":\"a\"}\n{\"number\":1.0,\"id\":\"b\"}\n";
        run(&client, "a.jsonl", number_key, |_| {}).await.unwrap();
        assert_eq!(items(&client).await[0]["id"].as_s().unwrap(), "b");
        let error = run(&client, "b.jsonl", "{\"number\":\"1\"}\n", |_| {}).await.unwrap_err().to_string();
        assert!(error.contains("wants a number"), "{error}");
    }
}
