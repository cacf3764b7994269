//! What a scheduler on one machine needs: until when each job's schedule was handled, and which executions have succeeded since.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::rows::int;
use super::{About, Failure, SqliteStore};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::{ExecutionId, ExecutionKey, JobName};
use crate::rows::{ExecutionStatus, RowKey};

/// An execution that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Success {
    pub execution_id: ExecutionId,
    pub key: ExecutionKey,
    /// When it completed; of a redrive, when that did.
    pub finished_at: Timestamp,
}

impl SqliteStore {
    /// Until when all that the job's schedule asks for was started; `None` if it was never marked.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn handled_until(&self, job: &JobName) -> Result<Option<Timestamp>, Error> {
        let name = job.clone();
        self.read(About { operation: "read schedule", subject: job }, move |connection| {
            let mut statement = connection.prepare_cached("SELECT handled_until FROM schedule_rows WHERE job = ?1")?;
            let handled = statement.query_row([name.as_str()], |row| row.get::<_, i64>(0)).optional()?;
            Ok(handled.map(Timestamp::from_millis))
        })
        .await
    }

    /// Marks that all that the job's schedule asks for until that moment was started.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn mark_handled(&self, job: &JobName, until: Timestamp) -> Result<(), Error> {
        let name = job.clone();
        self.write(About { operation: "mark schedule", subject: job }, move |connection| {
            let mut statement = connection.prepare_cached(
                "INSERT INTO schedule_rows (job, handled_until) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET handled_until = ?2",
            )?;
            statement.execute(params![name.as_str(), until.as_millis()])?;
            Ok(())
        })
        .await
    }

    /// Executions of the job that succeeded after that moment, by their ends, the earliest first, at most `limit`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn succeeded_after(&self, job: &JobName, after: Timestamp, limit: u16) -> Result<Vec<Success>, Error> {
        let name = job.clone();
        self.read(About { operation: "list successes", subject: job }, move |connection| {
            succeeded_after(connection, &name, after, limit)
        })
        .await
    }
}

fn succeeded_after(
    connection: &Connection,
    job: &JobName,
    after: Timestamp,
    limit: u16,
) -> Result<Vec<Success>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT execution, key, finished_at FROM execution_rows
         WHERE job = ?1 AND finished_at > ?2 AND status = ?3 ORDER BY finished_at, execution LIMIT ?4",
    )?;
    let succeeded = ExecutionStatus::Succeeded.as_str();
    let mut found = statement.query(params![job.as_str(), after.as_millis(), succeeded, int(limit.into())])?;
    let mut successes = Vec::new();
    while let Some(row) = found.next()? {
        let execution_id = super::reads::execution_id(row, 0)?;
        let key: String = row.get(1)?;
        let corrupt = |source| Failure::Corrupt { key: RowKey::Execution(execution_id), source };
        let key = key.parse().map_err(|invalid| corrupt(<serde_json::Error as serde::de::Error>::custom(invalid)))?;
        successes.push(Success { execution_id, key, finished_at: Timestamp::from_millis(row.get(2)?) });
    }
    Ok(successes)
}
