//! Which process works on an execution. On one machine a process sweeps and gathers only its own executions.

use std::fmt;
use std::str::FromStr;

use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::rows::blob;
use super::{About, Failure, SqliteStore};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::ExecutionId;

/// A process that has, or had, the file open. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(Uuid);

impl ProcessId {
    /// The process with that ID.
    #[must_use]
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// When the process was started: the first 48 bits of a `UUIDv7` are milliseconds.
    #[must_use]
    pub fn started_at(self) -> Timestamp {
        Timestamp::from_millis(i64::try_from(self.0.as_u128() >> 80).unwrap_or(0))
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ProcessId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// What an execution keeps of the process that opened it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opener {
    /// The process.
    pub process: ProcessId,
    /// What a later process needs to know; the store does not read it.
    pub origin: String,
}

/// The process that works on an execution, and what it keeps of the one that opened it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its process; it may have ended.
    pub process: ProcessId,
    /// See [`Opener::origin`].
    pub origin: String,
}

/// A process as a column.
fn process(row: &rusqlite::Row<'_>, column: usize) -> Result<ProcessId, rusqlite::Error> {
    let text: String = row.get(column)?;
    let invalid =
        |error| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error));
    text.parse().map_err(invalid)
}

impl SqliteStore {
    /// The process that works on an execution; `None` if there is no such execution.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn owner(&self, execution_id: ExecutionId) -> Result<Option<Owner>, Error> {
        self.read(About { operation: "read owner", subject: &execution_id }, move |connection| {
            let mut statement =
                connection.prepare_cached("SELECT process, origin FROM execution_rows WHERE execution = ?1")?;
            let owner = |row: &rusqlite::Row<'_>| Ok(Owner { process: process(row, 0)?, origin: row.get(1)? });
            Ok(statement.query_row([blob(execution_id)], owner).optional()?)
        })
        .await
    }

    /// Takes an execution over for this process, if it still belongs to the process that the caller saw. The caller makes sure that it
    /// has ended, or that the execution is over. Returns whether this process has it now.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn take_over(&self, execution_id: ExecutionId, seen: ProcessId) -> Result<bool, Error> {
        let this = self.process;
        self.write(About { operation: "take over", subject: &execution_id }, move |connection| {
            take_over(connection, execution_id, seen, this)
        })
        .await
    }
}

fn take_over(
    connection: &Connection,
    execution_id: ExecutionId,
    seen: ProcessId,
    this: ProcessId,
) -> Result<bool, Failure> {
    let mut statement = connection
        .prepare_cached("UPDATE execution_rows SET process = ?3 WHERE execution = ?1 AND process IN (?2, ?3)")?;
    Ok(statement.execute(params![blob(execution_id), seen.to_string(), this.to_string()])? > 0)
}
