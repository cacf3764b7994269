//! Deletes rows: those of an expired execution, as the sweeper asks, and dead letters whose time is over, as `DynamoDB` does by itself.

use rusqlite::{Connection, params};

use super::rows::{blob, int};
use super::{About, Failure, SqliteStore};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::rows::{ItemKey, RowKey};

/// Rows that one transaction deletes: others wait no longer than some milliseconds.
const PER_TRANSACTION: usize = 1_000;

/// Transactions of one call; the next one continues.
const TRANSACTIONS_MAX: usize = 1_000;

impl SqliteStore {
    /// Deletes the dead letters that expired before `now`. Returns how many.
    ///
    /// # Errors
    /// When the file cannot be written; what was deleted stays deleted.
    pub async fn delete_expired(&self, now: Timestamp) -> Result<u64, Error> {
        let (seconds, mut deleted) = (now.as_millis() / 1_000, 0);
        for _ in 0..TRANSACTIONS_MAX {
            let about = About { operation: "delete expired", subject: &self.name };
            let count = self.write(about, move |connection| delete_expired(connection, seconds)).await?;
            deleted += count as u64;
            if count < PER_TRANSACTION {
                break;
            }
        }
        Ok(deleted)
    }
}

fn delete_expired(connection: &Connection, seconds: i64) -> Result<usize, Failure> {
    let statement = format!(
        "DELETE FROM other_rows WHERE (pk, sk) IN
         (SELECT pk, sk FROM other_rows WHERE expires_at < ?1 LIMIT {PER_TRANSACTION})"
    );
    Ok(connection.prepare_cached(&statement)?.execute([seconds])?)
}

/// Deletes these rows in one transaction, and what gather has not read of them.
pub(super) fn delete_rows(connection: &Connection, keys: &[RowKey]) -> Result<(), Failure> {
    let transaction = connection.unchecked_transaction()?;
    for key in keys {
        delete(&transaction, key)?;
    }
    Ok(transaction.commit()?)
}

fn delete(connection: &Connection, key: &RowKey) -> Result<(), Failure> {
    match key {
        RowKey::Execution(id) => {
            connection.prepare_cached("DELETE FROM outbox WHERE execution = ?1")?.execute([blob(*id)])?;
            connection.prepare_cached("DELETE FROM tag_rows WHERE execution = ?1")?.execute([blob(*id)])?;
            connection.prepare_cached("DELETE FROM execution_rows WHERE execution = ?1")?.execute([blob(*id)])?;
        }
        RowKey::Segment(segment) => {
            let (execution_id, index) = (segment.group().execution_id, int(segment.index));
            let mut delete = connection.prepare_cached("DELETE FROM segment_rows WHERE execution = ?1 AND idx = ?2")?;
            delete.execute(params![blob(execution_id), index])?;
        }
        RowKey::Tally(group) => {
            let mut delete = connection.prepare_cached("DELETE FROM tally_rows WHERE execution = ?1 AND grp = ?2")?;
            delete.execute(params![blob(group.execution_id), int(group.group)])?;
        }
        RowKey::Plan(_) | RowKey::Key(..) | RowKey::AddMark(..) | RowKey::Watermark(..) | RowKey::DeadLetter(..) => {
            let ItemKey { pk, sk } = key.item_key();
            connection.prepare_cached("DELETE FROM other_rows WHERE pk = ?1 AND sk = ?2")?.execute([pk, sk])?;
        }
    }
    Ok(())
}
