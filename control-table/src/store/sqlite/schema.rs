//! The tables, their version, and the views for people.
//!
//! | table | key | what else has a column |
//! |---|---|---|
//! | `execution_rows` | execution | job, key, status, the process that works on it, its origin ([`super::Opener`]), when it is due, when it completed |
//! | `tag_rows` | name, value, execution | |
//! | `schedule_rows` | job | until when all that its schedule asks for was started |
//! | `segment_rows` | execution, index | status, when it is due |
//! | `tally_rows` | execution, group | |
//! | `other_rows`: plans, keys, add marks, dead letters | `pk`, `sk` | when a dead letter expires |
//! | `outbox`: rows that gather has to read | execution, group (-1: the execution itself) | an increasing number |
//!
//! Executions are blobs of 16 bytes, moments are milliseconds since 1970, as in the rows. The column `body` is the row as JSON.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, TransactionBehavior};

use crate::error::FileFault;

/// The version of the tables. A file with an older one gets what it lacks; one with a newer one is refused.
const VERSION: i32 = 2;

/// Tries to set the journal mode: while another process writes, that fails at once, whatever the busy timeout.
const MODE_TRIES: u32 = 100;

/// The wait between two of them.
const MODE_WAIT: std::time::Duration = std::time::Duration::from_millis(20);

/// The tables of version 1.
const TABLES: &str = "
CREATE TABLE execution_rows (
    execution BLOB PRIMARY KEY, job TEXT NOT NULL, status TEXT NOT NULL, process TEXT NOT NULL, origin TEXT NOT NULL,
    due_shard TEXT, due_at INTEGER, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX executions_by_job ON execution_rows (job, execution);
CREATE INDEX executions_due ON execution_rows (process, due_shard, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX executions_expiring ON execution_rows (due_shard, due_at) WHERE due_at IS NOT NULL;
CREATE TABLE segment_rows (
    execution BLOB NOT NULL, idx INTEGER NOT NULL, status TEXT NOT NULL,
    due_shard TEXT, due_at INTEGER, body TEXT NOT NULL, PRIMARY KEY (execution, idx)
) WITHOUT ROWID;
CREATE INDEX segments_due ON segment_rows (execution, due_shard, due_at) WHERE due_at IS NOT NULL;
CREATE TABLE tally_rows (
    execution BLOB NOT NULL, grp INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (execution, grp)
) WITHOUT ROWID;
CREATE TABLE other_rows (
    pk TEXT NOT NULL, sk TEXT NOT NULL, expires_at INTEGER, body TEXT NOT NULL, PRIMARY KEY (pk, sk)
) WITHOUT ROWID;
CREATE TABLE outbox (
    execution BLOB NOT NULL, grp INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (execution, grp)
) WITHOUT ROWID;
";

/// From version 1 to 2: what lists of executions filter by, and schedules look for. No execution of version 1 has a tag.
const LISTS: &str = "
ALTER TABLE execution_rows ADD COLUMN key TEXT NOT NULL DEFAULT '';
ALTER TABLE execution_rows ADD COLUMN finished_at INTEGER;
UPDATE execution_rows SET key = body ->> 'key', finished_at = body ->> 'finished_at';
CREATE INDEX executions_by_end ON execution_rows (job, finished_at) WHERE finished_at IS NOT NULL;
CREATE TABLE schedule_rows (job TEXT PRIMARY KEY, handled_until INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX executions_by_key ON execution_rows (key, execution);
CREATE INDEX executions_by_status ON execution_rows (status, execution);
CREATE TABLE tag_rows (
    name TEXT NOT NULL, value TEXT NOT NULL, execution BLOB NOT NULL, PRIMARY KEY (name, value, execution)
) WITHOUT ROWID;
CREATE INDEX tags_of_executions ON tag_rows (execution);
";

const VIEWS: &str = "
DROP VIEW IF EXISTS executions;
DROP VIEW IF EXISTS failures;
DROP VIEW IF EXISTS segments;
CREATE VIEW executions AS SELECT
    body ->> 'pk' AS execution, job, key, body -> 'tags' AS tags, status, body ->> 'generation' AS generation,
    body ->> 'segments' AS segments, body ->> 'succeeded' AS succeeded, body ->> 'failed' AS failed,
    body ->> 'cancelled' AS cancelled, body ->> 'item_count' AS items,
    datetime((body ->> 'created_at') / 1000, 'unixepoch') AS created_at,
    datetime((body ->> 'finished_at') / 1000, 'unixepoch') AS finished_at
FROM execution_rows;
CREATE VIEW segments AS SELECT
    execution_rows.body ->> 'pk' AS execution, idx AS \"index\", segment_rows.status AS status,
    segment_rows.body ->> 'attempt' AS attempts, segment_rows.body ->> 'item_count' AS items,
    segment_rows.body ->> 'duration_ms' AS duration_ms, segment_rows.body ->> 'spec' AS spec,
    segment_rows.body ->> 'result' AS result, segment_rows.body -> 'error' ->> 'message' AS error,
    datetime((segment_rows.body ->> 'finished_at') / 1000, 'unixepoch') AS finished_at
FROM segment_rows JOIN execution_rows USING (execution);
CREATE VIEW failures AS SELECT execution, \"index\", attempts, error, spec, finished_at FROM segments WHERE status = 'FAILED';
";

/// Why a file cannot be opened. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A newer version of this program made it.
    #[error(
        "{file} was made by a newer version of this program (tables of version {found}; this one knows {VERSION}): use that version, \
         or name another data directory"
    )]
    Newer {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: i32,
    },
    /// `SQLite` cannot open it.
    #[error("{} {}: {said}. {}", .file.display(), .fault.as_str(), .fault.advice())]
    Unusable {
        /// The file.
        file: PathBuf,
        /// What is wrong, as far as it helps to know what to do.
        fault: FileFault,
        /// What `SQLite` said.
        said: String,
    },
    /// The operating system starts no thread.
    #[error("cannot start a thread for {file}: {source}")]
    Thread {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}

impl OpenError {
    pub(super) fn new(file: &Path, source: &rusqlite::Error) -> Self {
        Self::Unusable { file: file.to_owned(), fault: super::fault(source), said: source.to_string() }
    }

    /// Whether the file can perhaps be opened later, as it is.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unusable { fault, .. } if fault.is_retryable())
    }
}

/// Makes the tables in a new file, adds to those of an older version, and refuses a newer one.
pub(super) fn prepare(connection: &mut Connection, file: &Path) -> Result<(), OpenError> {
    let unusable = |source| OpenError::new(file, &source);
    write_ahead(connection).map_err(unusable)?;
    if version(connection).map_err(unusable)? < VERSION {
        upgrade(connection).map_err(unusable)?;
    }
    match version(connection).map_err(unusable)? {
        VERSION => Ok(()),
        found => Err(OpenError::Newer { file: file.to_owned(), found }),
    }
}

/// The write-ahead log: others read while one writes, and a commit is one append.
fn write_ahead(connection: &Connection) -> Result<(), rusqlite::Error> {
    for left in (0..MODE_TRIES).rev() {
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        if mode == "wal" {
            return Ok(());
        }
        match connection.pragma_update(None, "journal_mode", "wal") {
            Err(error) if left > 0 && error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
                pause();
            }
            done => return done,
        }
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "opening blocks its caller in any case, and SQLite has no call that waits here"
)]
fn pause() {
    std::thread::sleep(MODE_WAIT);
}

fn version(connection: &Connection) -> Result<i32, rusqlite::Error> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Of two processes that make the tables at once, the second finds them made. A new file goes through the same steps as an old one.
fn upgrade(connection: &mut Connection) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    let steps = [TABLES, LISTS].into_iter().skip(usize::try_from(found).unwrap_or(usize::MAX));
    for step in steps {
        transaction.execute_batch(step)?;
    }
    if found < VERSION {
        transaction.execute_batch(VIEWS)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_newer_version_is_refused_and_stays_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("control.db");
        let mut connection = Connection::open(&file).unwrap();
        prepare(&mut connection, &file).unwrap();
        prepare(&mut connection, &file).unwrap();
        connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
        let refusal = prepare(&mut connection, &file).unwrap_err().to_string();
        assert!(refusal.contains("newer version") && refusal.contains("control.db"), "{refusal}");
        assert_eq!(version(&connection).unwrap(), VERSION + 1);
    }

    #[test]
    fn a_file_of_an_older_version_gets_what_it_lacks_and_keeps_what_it_has() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("control.db");
        let mut connection = Connection::open(&file).unwrap();
        connection.execute_batch(TABLES).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        let body = r#"{"pk":"0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b","key":"2026-11-24"}"#;
        let row = "INSERT INTO execution_rows (execution, job, status, process, origin, body) VALUES (x'01', 'j', 'FAILED', '', '', ?1)";
        connection.execute(row, [body]).unwrap();
        prepare(&mut connection, &file).unwrap();
        assert_eq!(version(&connection).unwrap(), VERSION);
        let found: (String, Option<String>) =
            connection.query_row("SELECT key, tags FROM executions", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(found, ("2026-11-24".to_owned(), None));
    }

    #[test]
    fn a_file_that_is_no_database_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("control.db");
        std::fs::write(&file, "not a database, but long enough to be read as the header of one, or so one may think")
            .unwrap();
        let mut connection = Connection::open(&file).unwrap();
        let refusal = prepare(&mut connection, &file).unwrap_err().to_string();
        assert!(
            refusal.contains("control.db is damaged, or is no database") && refusal.contains("restore it from a copy"),
            "{refusal}"
        );
    }
}
