//! The outbox: rows that gather has to read, noted in the transaction that changed them. On AWS the table's stream does this.

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::rows::{blob, int};
use super::{About, Failure, SqliteStore};
use crate::error::Error;
use crate::id::ExecutionId;
use crate::message::StreamImage;
use crate::rows::{AnyRow, RowKey};

/// The group that stands for the execution itself.
const EXECUTION: i64 = -1;

/// A row that gather has to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// A tally, or an execution.
    pub key: RowKey,
    /// Grows with each change. An entry that changed after it was read has a later number, and stays when this one is removed.
    pub number: i64,
}

/// Notes the row if gather has to read it; whether it has.
pub(super) fn note(connection: &Connection, row: &AnyRow) -> Result<bool, Failure> {
    if !StreamImage::is_news(row) {
        return Ok(false);
    }
    let (execution_id, group) = match row {
        AnyRow::Tally(row) => (row.group.execution_id, int(row.group.group)),
        AnyRow::Execution(row) => (row.execution_id, EXECUTION),
        _ => return Ok(false),
    };
    connection
        .prepare_cached(
            "INSERT INTO outbox (execution, grp, number) VALUES (?1, ?2, 1)
             ON CONFLICT DO UPDATE SET number = number + 1",
        )?
        .execute(params![blob(execution_id), group])?;
    Ok(true)
}

impl SqliteStore {
    /// Resolves when this process has written something that gather has to read. What another process wrote does not wake this one: so
    /// look from time to time, too.
    pub async fn outbox_changed(&self) {
        self.outbox.notified().await;
    }

    /// The first entries of the outbox, of the executions that belong to this store's process.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn outbox(&self, limit: u16) -> Result<Vec<OutboxEntry>, Error> {
        let process = self.process.to_string();
        self.read(About { operation: "read outbox", subject: &self.name }, move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT outbox.execution, grp, number FROM outbox JOIN execution_rows USING (execution)
                 WHERE process = ?1 LIMIT ?2",
            )?;
            let mut found = statement.query(params![process, limit])?;
            let mut entries = Vec::new();
            while let Some(row) = found.next()? {
                let execution_id = ExecutionId::new(Uuid::from_bytes(row.get(0)?));
                let key = match u64::try_from(row.get::<_, i64>(1)?) {
                    Ok(group) => RowKey::Tally(execution_id.group(group)),
                    Err(_) => RowKey::Execution(execution_id),
                };
                entries.push(OutboxEntry { key, number: row.get(2)? });
            }
            Ok(entries)
        })
        .await
    }

    /// Removes entries that were handled, unless their rows changed meanwhile.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn remove_from_outbox(&self, entries: Vec<OutboxEntry>) -> Result<(), Error> {
        self.write(About { operation: "write outbox", subject: &self.name }, move |connection| {
            let transaction = connection.unchecked_transaction()?;
            for OutboxEntry { key, number } in entries {
                let (execution_id, group) = match key {
                    RowKey::Tally(group) => (group.execution_id, int(group.group)),
                    RowKey::Execution(execution_id) => (execution_id, EXECUTION),
                    _ => continue,
                };
                transaction
                    .prepare_cached("DELETE FROM outbox WHERE execution = ?1 AND grp = ?2 AND number = ?3")?
                    .execute(params![blob(execution_id), group, number])?;
            }
            Ok(transaction.commit()?)
        })
        .await
    }
}
