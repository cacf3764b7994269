//! Retention: rows whose time is over are deleted, as `DynamoDB` does by itself.

use rusqlite::Connection;

use super::{About, Failure, SqliteStore};
use crate::clock::Timestamp;
use crate::error::Error;

/// Rows that one transaction deletes: others wait no longer than some milliseconds.
const PER_TRANSACTION: usize = 1_000;

/// Transactions of one call: ten million rows, the largest execution there is.
const TRANSACTIONS_MAX: usize = 10_100;

const TABLES: [&str; 4] = ["segment_rows", "tally_rows", "other_rows", "execution_rows"];

impl SqliteStore {
    /// Deletes rows that expired before `now`. Returns how many.
    ///
    /// # Errors
    /// When the file cannot be written; what was deleted stays deleted.
    pub async fn delete_expired(&self, now: Timestamp) -> Result<u64, Error> {
        let (seconds, mut deleted) = (now.as_millis() / 1_000, 0);
        for table in TABLES {
            for _ in 0..TRANSACTIONS_MAX {
                let about = About { operation: "delete expired", subject: &self.name };
                let count = self.write(about, move |connection| delete(connection, table, seconds)).await?;
                deleted += count as u64;
                if count < PER_TRANSACTION {
                    break;
                }
            }
        }
        self.write(About { operation: "delete expired", subject: &self.name }, forget_news).await?;
        Ok(deleted)
    }
}

/// The outbox of executions that are gone.
fn forget_news(connection: &Connection) -> Result<(), Failure> {
    let orphans = "DELETE FROM outbox WHERE execution NOT IN (SELECT execution FROM execution_rows)";
    connection.prepare_cached(orphans)?.execute([])?;
    Ok(())
}

fn delete(connection: &Connection, table: &str, seconds: i64) -> Result<usize, Failure> {
    let key = match table {
        "execution_rows" => "execution",
        "segment_rows" => "execution, idx",
        "tally_rows" => "execution, grp",
        _ => "pk, sk",
    };
    let statement = format!(
        "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE expires_at < ?1 LIMIT {PER_TRANSACTION})"
    );
    Ok(connection.prepare_cached(&statement)?.execute([seconds])?)
}
