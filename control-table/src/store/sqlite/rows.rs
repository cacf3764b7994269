//! One row: read by its key, and saved.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Failure, Opener};
use crate::clock::Timestamp;
use crate::id::ExecutionId;
use crate::rows::{AnyRow, Due, ExecutionRow, ItemKey, Row, RowKey, SegmentRow, TallyRow};

/// An execution as a key.
pub(super) const fn blob(execution_id: ExecutionId) -> [u8; 16] {
    execution_id.uuid().into_bytes()
}

/// An integer of this program as one of `SQLite`. All of them are below 2^63: the limits of an execution exclude larger ones.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The row as JSON, as it is in the file.
pub(super) fn body(connection: &Connection, key: &RowKey) -> Result<Option<String>, Failure> {
    let body = match key {
        RowKey::Execution(id) => connection
            .prepare_cached("SELECT body FROM execution_rows WHERE execution = ?1")?
            .query_row([blob(*id)], |row| row.get(0))
            .optional()?,
        RowKey::Segment(segment) => connection
            .prepare_cached("SELECT body FROM segment_rows WHERE execution = ?1 AND idx = ?2")?
            .query_row(params![blob(segment.group().execution_id), int(segment.index)], |row| row.get(0))
            .optional()?,
        RowKey::Tally(group) => connection
            .prepare_cached("SELECT body FROM tally_rows WHERE execution = ?1 AND grp = ?2")?
            .query_row(params![blob(group.execution_id), int(group.group)], |row| row.get(0))
            .optional()?,
        RowKey::Plan(_) | RowKey::Key(..) | RowKey::AddMark(..) | RowKey::Watermark(..) | RowKey::DeadLetter(..) => {
            let ItemKey { pk, sk } = key.item_key();
            connection
                .prepare_cached("SELECT body FROM other_rows WHERE pk = ?1 AND sk = ?2")?
                .query_row([pk, sk], |row| row.get(0))
                .optional()?
        }
    };
    Ok(body)
}

/// Reads a row.
pub(super) fn load(connection: &Connection, key: &RowKey) -> Result<Option<AnyRow>, Failure> {
    body(connection, key)?.map(|body| parse(key, &body)).transpose()
}

/// Reads the JSON of a row.
pub(super) fn parse(key: &RowKey, body: &str) -> Result<AnyRow, Failure> {
    let row = key.read_json(body);
    row.map_err(|source| Failure::Corrupt { key: key.clone(), source })
}

/// Reads a row of one kind.
pub(super) fn parse_as<R: Row>(key: impl FnOnce() -> RowKey, body: &str) -> Result<R, Failure> {
    serde_json::from_str(body).map_err(|source| Failure::Corrupt { key: key(), source })
}

/// Saves a row; an execution that is new belongs to `opener`.
pub(super) fn save(connection: &Connection, row: &AnyRow, body: &str, opener: &Opener) -> Result<(), Failure> {
    match row {
        AnyRow::Execution(row) => save_execution(connection, row, body, opener),
        AnyRow::Segment(row) => save_segment(connection, row, body),
        AnyRow::Tally(row) => save_tally(connection, row, body),
        AnyRow::Plan(_) | AnyRow::Key(_) | AnyRow::AddMark(_) | AnyRow::Watermark(_) => {
            save_other(connection, row, body, None)
        }
        AnyRow::DeadLetter(letter) => save_other(connection, row, body, Some(letter.expires_at)),
    }
}

fn due(due: Option<Due>) -> (Option<String>, Option<i64>) {
    due.map_or((None, None), |due| (Some(due.due_shard.into()), Some(due.due_at.as_millis())))
}

fn save_execution(connection: &Connection, row: &ExecutionRow, body: &str, opener: &Opener) -> Result<(), Failure> {
    let (due_shard, due_at) = due(row.due);
    connection
        .prepare_cached(
            "INSERT INTO execution_rows (execution, job, status, process, due_shard, due_at, body, origin, key, finished_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT DO UPDATE SET
                status = ?3, due_shard = ?5, due_at = ?6, body = ?7, finished_at = ?10",
        )?
        .execute(params![
            blob(row.execution_id),
            row.job.as_str(),
            row.status.as_str(),
            opener.process.to_string(),
            due_shard,
            due_at,
            body,
            opener.origin,
            row.key.as_str(),
            row.finished_at.map(Timestamp::as_millis)
        ])?;
    for (name, value) in row.tags.iter() {
        connection
            .prepare_cached("INSERT OR IGNORE INTO tag_rows (name, value, execution) VALUES (?1, ?2, ?3)")?
            .execute(params![name, value, blob(row.execution_id)])?;
    }
    Ok(())
}

fn save_segment(connection: &Connection, row: &SegmentRow, body: &str) -> Result<(), Failure> {
    let (due_shard, due_at) = due(row.due);
    connection
        .prepare_cached(
            "INSERT INTO segment_rows (execution, idx, status, due_shard, due_at, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET status = ?3, due_shard = ?4, due_at = ?5, body = ?6",
        )?
        .execute(params![blob(row.group.execution_id), int(row.index), row.status.as_str(), due_shard, due_at, body])?;
    Ok(())
}

fn save_tally(connection: &Connection, row: &TallyRow, body: &str) -> Result<(), Failure> {
    connection
        .prepare_cached(
            "INSERT INTO tally_rows (execution, grp, body) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET body = ?3",
        )?
        .execute(params![blob(row.group.execution_id), int(row.group.group), body])?;
    Ok(())
}

fn save_other(connection: &Connection, row: &AnyRow, body: &str, expires_at: Option<i64>) -> Result<(), Failure> {
    let ItemKey { pk, sk } = row.key().item_key();
    connection
        .prepare_cached(
            "INSERT INTO other_rows (pk, sk, expires_at, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET expires_at = ?3, body = ?4",
        )?
        .execute(params![pk, sk, expires_at, body])?;
    Ok(())
}
