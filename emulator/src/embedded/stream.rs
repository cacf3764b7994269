//! A table's stream: read from the oldest record, and trimmed behind the reader.
//!
//! dynoxide keeps stream records in a SQLite table and never deletes one. Here a consumed record is deleted, and that is
//! the checkpoint: whatever is left is unread. So a reader begins at the oldest record left, a killed process repeats at
//! most what it had not trimmed, and the file does not grow.
//!
//! Reading is through a connection of its own, which SQLite's write-ahead log lets run beside the writers.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, params};
use serde_json::{Map, Value};

use super::dynamodb::Service;
use super::{ACCOUNT, Durability, EmbeddedError, REGION, fault};

/// dynoxide numbers a new record by the highest number so far, which without this index is found by reading all.
const INDEX: &str = "CREATE INDEX IF NOT EXISTS stream_records_by_table_and_number
     ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";

const READ: &str = "SELECT CAST(sequence_number AS INTEGER), event_name, keys_json, new_image, created_at, event_id
     FROM _stream_records
     WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) > ?2
     ORDER BY CAST(sequence_number AS INTEGER) LIMIT ?3";

const TRIM: &str = "DELETE FROM _stream_records WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) <= ?2";

/// Longer than any single write of the embedded database; only the deletion of expired items can make us wait at all.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Added to a stored number to give it the 21 digits that `DynamoDB`'s have.
const NUMBER_OFFSET: u128 = 100_000_000_000_000_000_000;

/// Makes the index that keeps a write to a table with a stream from reading the whole stream.
pub(super) fn prepare(database: &Path) -> Result<(), rusqlite::Error> {
    connect(database)?.execute_batch(INDEX)
}

fn connect(database: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// One change of an item, as the stream keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredChange {
    /// Its place in the stream: what [`TableStream::trim`] takes.
    pub position: i64,
    /// The change as Lambda's event shows it: what a filter looks at and a handler is given.
    pub event: Value,
}

/// A table's stream. Cheap to clone; all clones share one connection.
#[derive(Debug, Clone)]
pub struct TableStream {
    reader: Arc<Reader>,
}

#[derive(Debug)]
struct Reader {
    service: Arc<Service>,
    table: String,
    arn: String,
    connection: Mutex<Connection>,
}

impl TableStream {
    pub(super) fn open(service: Arc<Service>, table: &str) -> Result<Self, EmbeddedError> {
        let path = service.path().ok_or(EmbeddedError::NoStreamInMemory)?;
        let label = service
            .database()
            .get_table_metadata(table)
            .map_err(|e| EmbeddedError::Open { path: path.to_owned(), reason: fault::explain(path, &e.to_string()) })?
            .filter(|table| table.stream_enabled)
            .and_then(|table| table.stream_label)
            .ok_or_else(|| EmbeddedError::NoStream(table.to_owned()))?;
        let connection = connect(path)?;
        // A trim that a power cut undoes only repeats records, so it need not wait for the disk.
        let synchronous = match service.durability() {
            Durability::ProcessCrash => "OFF",
            Durability::PowerLoss => "NORMAL",
        };
        connection.pragma_update(None, "synchronous", synchronous)?;
        let arn = format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}/stream/{label}");
        let reader = Reader { service, table: table.to_owned(), arn, connection: Mutex::new(connection) };
        Ok(Self { reader: Arc::new(reader) })
    }

    /// The stream's ARN, as events name it.
    pub fn arn(&self) -> &str {
        &self.reader.arn
    }

    /// The oldest records after `position` (zero: the oldest there are), at most `limit`.
    pub async fn read(&self, position: i64, limit: u32) -> Result<Vec<StoredChange>, EmbeddedError> {
        let reader = Arc::clone(&self.reader);
        tokio::task::spawn_blocking(move || reader.read(position, limit)).await?
    }

    /// Deletes the records up to and with `position`: they are done, and no reader sees them again.
    pub async fn trim(&self, position: i64) -> Result<(), EmbeddedError> {
        let reader = Arc::clone(&self.reader);
        tokio::task::spawn_blocking(move || reader.trim(position)).await?
    }
}

impl Reader {
    fn read(&self, position: i64, limit: u32) -> Result<Vec<StoredChange>, EmbeddedError> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut statement = connection.prepare_cached(READ)?;
        let mut rows = statement.query(params![self.table, position, limit])?;
        let mut changes = Vec::new();
        while let Some(row) = rows.next()? {
            let row = Row {
                position: row.get(0)?,
                event_name: row.get(1)?,
                keys: row.get(2)?,
                new_image: row.get(3)?,
                created_at: row.get(4)?,
                event_id: row.get(5)?,
            };
            changes.push(
                row.into_change(&self.arn).map_err(|e| EmbeddedError::UnreadableRecord {
                    table: self.table.clone(),
                    reason: e.to_string(),
                })?,
            );
        }
        Ok(changes)
    }

    fn trim(&self, position: i64) -> Result<(), EmbeddedError> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        self.service.alone(|| connection.prepare_cached(TRIM)?.execute(params![self.table, position]))?;
        Ok(())
    }
}

/// A row of dynoxide's stream table.
struct Row {
    position: i64,
    event_name: String,
    keys: String,
    new_image: Option<String>,
    created_at: i64,
    event_id: Option<String>,
}

impl Row {
    fn into_change(self, arn: &str) -> Result<StoredChange, serde_json::Error> {
        let number = (NUMBER_OFFSET + u128::from(self.position.unsigned_abs())).to_string();
        let size = self.keys.len() + self.new_image.as_ref().map_or(0, String::len);
        let mut record = Map::new();
        record.insert("ApproximateCreationDateTime".into(), Value::from(self.created_at));
        record.insert("Keys".into(), serde_json::from_str(&self.keys)?);
        if let Some(image) = &self.new_image {
            record.insert("NewImage".into(), serde_json::from_str(image)?);
        }
        record.insert("SizeBytes".into(), Value::from(size));
        record.insert("StreamViewType".into(), Value::from("NEW_IMAGE"));
        record.insert("SequenceNumber".into(), Value::from(number.as_str()));
        let mut event = Map::new();
        event.insert("eventID".into(), Value::from(self.event_id.unwrap_or(number)));
        event.insert("eventName".into(), Value::from(self.event_name));
        event.insert("eventVersion".into(), Value::from("1.1"));
        event.insert("eventSource".into(), Value::from("aws:dynamodb"));
        event.insert("awsRegion".into(), Value::from(REGION));
        event.insert("dynamodb".into(), Value::Object(record));
        event.insert("eventSourceARN".into(), Value::from(arn));
        Ok(StoredChange { position: self.position, event: Value::Object(event) })
    }
}
