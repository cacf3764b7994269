//! A file of rows into a table.
//!
//! A file is read twice: first to check every row, then to write them. So a file with a wrong row is refused before anything is
//! written, and the first import that fails leaves no table. What can be read only once, standard input or a pipe, is checked as far
//! as its first rows before a table is made, and then while it is written.
//!
//! One thread reads and checks rows and makes batches of them; a few batches at a time are on their way into the table.
//! Neither holds more than that, whatever the file's size.

mod batch;
mod columns;
mod csv_rows;
mod dynamodb_json;
mod error;
mod format;
mod json_rows;
mod number;
mod row;
mod rows;
mod table;
#[cfg(test)]
mod tests;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use control_table::clock::Entropy;
use tokio::sync::mpsc::{self, Sender};

use self::batch::Batch;
use self::row::Shape;
use self::rows::Rows;
use self::table::Wanted;
use self::write::{IN_FLIGHT, Writer, Written};

pub use self::csv_rows::Cells;
pub use self::error::{ImportError, Stopped};

/// Rows of a pipe that are checked before a table is made. A choice: a wrong delimiter, key or type shows in the first of them.
const AHEAD_ROWS: usize = 1_000;
/// Bytes of these rows at most, as `DynamoDB` counts them.
const AHEAD_BYTES: usize = 16 * 1024 * 1024;

/// Rows between two reports of the check.
const REPORT_EVERY: u64 = 10_000;

/// What to import, and into which table.
#[derive(Debug, Clone)]
pub struct Import {
    /// The file: CSV or JSON lines, each gzipped or not; `-` for standard input.
    pub file: PathBuf,
    /// The table; made if it is missing.
    pub table: String,
    /// The key's column; the first one if none is named.
    pub key: Option<String>,
    /// Columns to have an index by.
    pub indexes: Vec<String>,
    /// How the cells of a CSV file are read.
    pub cells: Cells,
    /// Whether the file is only checked.
    pub dry_run: bool,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Rows that were checked; none is written yet.
    Checked(u64),
    /// Rows that are in the table.
    Written(u64),
}

/// What an import did, or what a dry run would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Rows read, and written unless it was a dry run; rows with one key count each.
    pub rows: u64,
    /// Rows that replaced an item with the same key: of the table, or of an earlier row. A dry run does not count them.
    pub replaced: u64,
    /// Whether the table was made, or would be.
    pub created: bool,
    /// The attribute that is the table's key.
    pub key: String,
    /// What a caller should know of the rows.
    pub notes: Vec<String>,
}

/// Imports a file. Importing it again gives the same table.
pub async fn import(
    client: &Client,
    entropy: Arc<Entropy>,
    import: Import,
    progress: impl Fn(Step) + Clone + Send + 'static,
) -> Result<Imported, Stopped> {
    let table = import.table.clone();
    let stopped = |rows, error| Stopped { error: Box::new(error), rows, table: table.clone() };
    let ready = check(client, &import, progress.clone()).await.map_err(|error| stopped(0, error))?;
    let Ready { rows, checked, shape, wanted, created, notes } = ready;
    let mut imported = Imported { rows: checked, replaced: 0, created, key: wanted.key.clone(), notes };
    if import.dry_run {
        return Ok(imported);
    }
    if created {
        table::create(client, &wanted).await.map_err(|error| stopped(0, error))?;
    }
    let writer = Writer { client: client.clone(), table: wanted.table.into(), key: wanted.key.into(), entropy };
    let (written, ended) = write(writer, rows, shape, progress).await;
    imported.notes = ended.map_err(|error| stopped(written.rows, error))?;
    Ok(Imported { rows: written.rows, replaced: written.replaced, ..imported })
}

/// A file that was found to be in order, as far as it could be read.
struct Ready {
    rows: Rows,
    checked: u64,
    shape: Shape,
    wanted: Wanted,
    /// Whether the table is still to be made.
    created: bool,
    notes: Vec<String>,
}

/// Checks the file, and whether it fits the table. Writes nothing.
async fn check(
    client: &Client,
    import: &Import,
    progress: impl Fn(Step) + Send + 'static,
) -> Result<Ready, ImportError> {
    let asked = import.clone();
    let (mut rows, wanted) = tokio::task::spawn_blocking(move || {
        let rows = Rows::open(&asked.file, &asked.cells)?;
        let wanted = rows.wanted(&asked)?;
        Ok::<_, ImportError>((rows, wanted))
    })
    .await??;
    let found = table::find(client, &wanted).await?;
    let (created, shape) = (found.is_none(), found.unwrap_or_else(|| wanted.shape()));
    let (asked, wants) = (import.clone(), shape.clone());
    let (rows, checked, notes) = tokio::task::spawn_blocking(move || {
        if !asked.dry_run && !is_read_again(&asked.file) {
            rows.check_ahead(&wants)?;
            return Ok((rows, 0, Vec::new()));
        }
        let checked = check_all(&mut rows, &wants, &progress)?;
        let notes = rows.notes();
        let again = if asked.dry_run { rows } else { Rows::open(&asked.file, &asked.cells)? };
        Ok::<_, ImportError>((again, checked, notes))
    })
    .await??;
    Ok(Ready { rows, checked, shape, wanted, created, notes })
}

/// Whether the file can be read twice.
fn is_read_again(file: &Path) -> bool {
    file.as_os_str() != text::STDIN && file.metadata().is_ok_and(|metadata| metadata.is_file())
}

fn check_all(rows: &mut Rows, shape: &Shape, progress: &impl Fn(Step)) -> Result<u64, ImportError> {
    let mut checked = 0;
    while rows.next_row(shape)?.is_some() {
        checked += 1;
        if checked % REPORT_EVERY == 0 {
            progress(Step::Checked(checked));
        }
    }
    Ok(checked)
}

/// Writes the rows; what is in the table, and what a caller should know of the rows, or why they are not all there.
async fn write(
    writer: Writer,
    rows: Rows,
    shape: Shape,
    progress: impl Fn(Step),
) -> (Written, Result<Vec<String>, ImportError>) {
    let (sender, batches) = mpsc::channel(IN_FLIGHT);
    let reading = tokio::task::spawn_blocking(move || read(rows, &shape, &sender));
    let (written, ended) = writer.write_all(batches, &|rows| progress(Step::Written(rows))).await;
    let read = reading.await.map_err(ImportError::from).and_then(|read| read);
    (written, ended.and(read))
}

/// Reads to the end, or until the writer takes no more batches, because it failed. Returns the notes.
fn read(mut rows: Rows, shape: &Shape, batches: &Sender<Batch>) -> Result<Vec<String>, ImportError> {
    let mut batch = Batch::default();
    let mut ended = Ok(());
    loop {
        let row = match rows.next_row(shape) {
            Ok(Some(row)) => row,
            Ok(None) => break,
            Err(error) => {
                ended = Err(error);
                break;
            }
        };
        if batch.is_full_for(&row) && batches.blocking_send(std::mem::take(&mut batch)).is_err() {
            return Ok(rows.notes());
        }
        batch.push(row);
    }
    // The rows before a wrong one are in order, and are written like those of the batches before.
    if !batch.is_empty() {
        // As above: the writer failed, and says so.
        let _ = batches.blocking_send(batch);
    }
    ended.map(|()| rows.notes())
}
