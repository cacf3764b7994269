//! The control table in a file of `SQLite`: what one machine has.
//!
//! Rows are JSON beside the columns that reads need; see `schema.rs`. An operation loads its rows, applies itself, and saves them, in one
//! transaction. One thread writes: operations that wait together are committed together (`writer.rs`). Another reads, so that a long read
//! does not hold up the writes. A person may read the file with `sqlite3`: it has the views `executions`, `segments` and `failures`.
//!
//! Several processes may have the file open at the same time: `SQLite` lets one write while the others read.

mod expiry;
mod list;
mod outbox;
mod owner;
mod reader;
mod reads;
mod recent;
mod rows;
mod schedule;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Notify;

pub use self::outbox::OutboxEntry;
pub use self::owner::{Opener, Owner, ProcessId};
pub use self::schedule::Success;
pub use self::schema::OpenError;

use self::reader::Reader;
use self::writer::Writer;
use super::{About, Store};
use crate::clock::Timestamp;
use crate::error::{Error, FileFault};
use crate::id::{ExecutionId, GroupId, SegmentId};
use crate::operation::{AnyOperation, AnyOutcome};
use crate::read::{DueItem, KeyPage, ListQuery};
use crate::rows::{AnyRow, DeadLetterRow, DeadLetterSource, DueShard, RowKey, SegmentRow, SegmentStatus};

/// How long a transaction waits for one of another process. A transaction takes milliseconds; a checkpoint of a large log, seconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Statements that a connection keeps prepared: more than this store has.
const STATEMENTS: usize = 64;

/// Whether a write that was confirmed survives the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It survives the end of the process, `kill -9` included. A power cut may lose the last writes, and damages nothing.
    ProcessCrash,
    /// It survives a power cut: each commit waits for the disk.
    PowerLoss,
}

/// A store in a file. Cheap to clone.
#[derive(Clone)]
pub struct SqliteStore {
    name: Arc<str>,
    file: Arc<Path>,
    process: ProcessId,
    writer: Writer,
    reader: Reader,
    outbox: Arc<Notify>,
}

impl SqliteStore {
    /// Opens the file, and makes it if it is missing; its directory must exist. Executions that are opened through this value belong to
    /// the process of `opener`, and keep its origin.
    ///
    /// # Errors
    /// When the file is of a newer version of this program, is no such file, or cannot be read and written.
    pub fn open(file: &Path, durability: Durability, opener: Opener) -> Result<Self, OpenError> {
        let outbox = Arc::new(Notify::new());
        let connect = || connection(file, durability);
        let mut first = connect().map_err(|source| OpenError::new(file, &source))?;
        schema::prepare(&mut first, file)?;
        let second = connect().map_err(|source| OpenError::new(file, &source))?;
        let started = |source| OpenError::Thread { file: file.to_owned(), source };
        let process = opener.process;
        let writer = Writer::start(first, opener, Arc::clone(&outbox)).map_err(started)?;
        let reader = Reader::start(second).map_err(started)?;
        let name = Arc::from(file.display().to_string());
        Ok(Self { name, file: Arc::from(file), process, writer, reader, outbox })
    }

    /// The process that this store belongs to.
    #[must_use]
    pub const fn process(&self) -> ProcessId {
        self.process
    }

    async fn read<T: Send + 'static>(
        &self,
        about: About<'_>,
        read: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        self.reader.call(read).await.map_err(|failure| self.error(about.operation, about.subject.to_string(), failure))
    }

    async fn write<T: Send + 'static>(
        &self,
        about: About<'_>,
        write: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Error> {
        self.writer.call(write).await.map_err(|failure| self.error(about.operation, about.subject.to_string(), failure))
    }

    fn error(&self, operation: &'static str, subject: String, failure: Failure) -> Error {
        match failure {
            Failure::Sqlite(source) => {
                let file: PathBuf = self.file.to_path_buf();
                Error::File { operation, subject, fault: fault(&source), file, source: Said::of(&source).into() }
            }
            Failure::Corrupt { key, source } => {
                Error::CorruptRow { operation, subject, key: Box::new(key), source: source.into() }
            }
            Failure::Defect => Error::Disagreement { operation, subject },
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("file", &self.file).field("process", &self.process).finish_non_exhaustive()
    }
}

/// Why a request of one of the threads failed.
#[derive(Debug)]
enum Failure {
    /// `SQLite`.
    Sqlite(rusqlite::Error),
    /// A row that cannot be read.
    Corrupt { key: RowKey, source: serde_json::Error },
    /// A row of another kind than its key names, or a thread that ended: a defect of this program.
    Defect,
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn connection(file: &Path, durability: Durability) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let synchronous = match durability {
        Durability::ProcessCrash => "NORMAL",
        Durability::PowerLoss => "FULL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // Without it SQLite prepares a statement again at each new value of its LIMIT, which took more time than the statement.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// What `SQLite` said, without its code, which says the same in other words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Said(String);

impl Said {
    fn of(error: &rusqlite::Error) -> Self {
        Self(error.to_string())
    }
}

/// What a user can do about an error of `SQLite`.
fn fault(error: &rusqlite::Error) -> FileFault {
    use rusqlite::{ErrorCode, ffi};
    if error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_WRITE) {
        return FileFault::WriteRefused;
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => FileFault::Busy,
        Some(ErrorCode::DiskFull) => FileFault::Full,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => FileFault::Unwritable,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => FileFault::Damaged,
        _ => FileFault::Other,
    }
}

impl Store for SqliteStore {
    fn name(&self) -> &str {
        &self.name
    }

    fn execute<'a>(&'a self, operation: &'a dyn AnyOperation) -> BoxFuture<'a, Result<AnyOutcome, Error>> {
        Box::pin(async move {
            let outcome = self.writer.execute(operation.boxed()).await;
            outcome.map_err(|failure| self.error(operation.name(), operation.subject(), failure))
        })
    }

    fn get<'a>(&'a self, about: About<'a>, key: &'a RowKey) -> BoxFuture<'a, Result<Option<AnyRow>, Error>> {
        let key = key.clone();
        Box::pin(self.read(about, move |connection| rows::load(connection, &key)))
    }

    fn get_many<'a>(&'a self, about: About<'a>, keys: &'a [RowKey]) -> BoxFuture<'a, Result<Vec<AnyRow>, Error>> {
        let keys = keys.to_vec();
        Box::pin(self.read(about, move |connection| {
            keys.iter().filter_map(|key| rows::load(connection, key).transpose()).collect()
        }))
    }

    fn group_segments(
        &self,
        group: GroupId,
        status: Option<SegmentStatus>,
    ) -> BoxFuture<'_, Result<Vec<SegmentRow>, Error>> {
        Box::pin(async move {
            let about = About { operation: "read segments", subject: &group };
            self.read(about, move |connection| reads::group_segments(connection, group, status)).await
        })
    }

    fn waiting_segments(
        &self,
        group: GroupId,
        offset: u8,
        generation: u32,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<SegmentRow>, Error>> {
        Box::pin(async move {
            let about = About { operation: "read waiting segments", subject: &group };
            let read = move |connection: &Connection| reads::waiting(connection, group, offset, generation, limit);
            self.read(about, read).await
        })
    }

    fn count_segments(&self, group: GroupId, status: SegmentStatus) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async move {
            let about = About { operation: "count segments", subject: &group };
            self.read(about, move |connection| reads::count(connection, group, status)).await
        })
    }

    /// Only what belongs to this store's process: each process sweeps its own executions.
    fn due(&self, shard: DueShard, now: Timestamp, limit: u16) -> BoxFuture<'_, Result<Vec<DueItem>, Error>> {
        Box::pin(async move {
            let about = About { operation: "read due", subject: &self.name };
            let process = self.process;
            self.read(about, move |connection| reads::due(connection, process, shard, now, limit)).await
        })
    }

    fn retries(
        &self,
        execution_id: ExecutionId,
        shard: DueShard,
        limit: u16,
    ) -> BoxFuture<'_, Result<Vec<(Timestamp, SegmentId)>, Error>> {
        Box::pin(async move {
            let about = About { operation: "read retries", subject: &execution_id };
            self.read(about, move |connection| reads::retries(connection, execution_id, shard, limit)).await
        })
    }

    fn open_executions(&self, shard: DueShard) -> BoxFuture<'_, Result<Vec<ExecutionId>, Error>> {
        Box::pin(async move {
            let about = About { operation: "read open executions", subject: &self.name };
            self.read(about, move |connection| reads::open_executions(connection, shard)).await
        })
    }

    fn delete<'a>(&'a self, about: About<'a>, keys: &'a [RowKey]) -> BoxFuture<'a, Result<(), Error>> {
        let keys = keys.to_vec();
        Box::pin(self.write(about, move |connection| expiry::delete_rows(connection, &keys)))
    }

    fn add_marks(&self, execution_id: ExecutionId, limit: u16) -> BoxFuture<'_, Result<Vec<RowKey>, Error>> {
        Box::pin(async move {
            let about = About { operation: "read add marks", subject: &execution_id };
            self.read(about, move |connection| reads::add_marks(connection, execution_id, limit)).await
        })
    }

    fn list_executions<'a>(&'a self, query: &'a ListQuery) -> BoxFuture<'a, Result<KeyPage, Error>> {
        let query = query.clone();
        Box::pin(async move {
            let about = About { operation: "list executions", subject: &self.name };
            self.read(about, move |connection| list::list(connection, &query)).await
        })
    }

    fn dead_letters(&self, source: DeadLetterSource) -> BoxFuture<'_, Result<Vec<DeadLetterRow>, Error>> {
        Box::pin(async move {
            let about = About { operation: "list dead letters", subject: &self.name };
            self.read(about, move |connection| reads::dead_letters(connection, source)).await
        })
    }
}
