//! The reads of [`crate::store::Store`], as queries.

use rusqlite::{Connection, Row as SqlRow, params};
use uuid::Uuid;

use super::rows::{blob, int, parse_as};
use super::{Failure, ProcessId};
use crate::clock::Timestamp;
use crate::id::{ExecutionId, GroupId, SegmentId};
use crate::limits::GROUP_SIZE;
use crate::read::DueItem;
use crate::rows::{AddMarkRow, DeadLetterRow, DeadLetterSource, DueKind, DueShard, RowKey, SegmentRow, SegmentStatus};

/// The indexes of a group's segments: from, and before.
fn range(group: GroupId) -> (i64, i64) {
    let from = group.group.saturating_mul(GROUP_SIZE);
    (int(from), int(from.saturating_add(GROUP_SIZE)))
}

/// A segment's index and body.
fn segment(group: GroupId, row: &SqlRow<'_>) -> Result<SegmentRow, Failure> {
    let (index, body): (u64, String) = (row.get(0)?, row.get(1)?);
    parse_as(|| RowKey::Segment(group.execution_id.segment(index)), &body)
}

pub(super) fn group_segments(
    connection: &Connection,
    group: GroupId,
    status: Option<SegmentStatus>,
) -> Result<Vec<SegmentRow>, Failure> {
    let (from, before) = range(group);
    let mut statement = connection.prepare_cached(
        "SELECT idx, body FROM segment_rows
         WHERE execution = ?1 AND idx >= ?2 AND idx < ?3 AND (?4 IS NULL OR status = ?4) ORDER BY idx",
    )?;
    let status = status.map(SegmentStatus::as_str);
    let mut found = statement.query(params![blob(group.execution_id), from, before, status])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        rows.push(segment(group, row)?);
    }
    Ok(rows)
}

pub(super) fn waiting(
    connection: &Connection,
    group: GroupId,
    offset: u8,
    generation: u32,
    limit: usize,
) -> Result<Vec<SegmentRow>, Failure> {
    let (from, before) = range(group);
    let mut statement = connection.prepare_cached(
        "SELECT idx, body FROM segment_rows
         WHERE execution = ?1 AND idx >= ?2 AND idx < ?3 AND status = 'PENDING' AND due_at IS NULL ORDER BY idx",
    )?;
    let mut found = statement.query(params![blob(group.execution_id), from + i64::from(offset), before])?;
    let mut rows = Vec::new();
    while rows.len() < limit
        && let Some(row) = found.next()?
    {
        let row = segment(group, row)?;
        if row.generation == generation {
            rows.push(row);
        }
    }
    Ok(rows)
}

pub(super) fn count(connection: &Connection, group: GroupId, status: SegmentStatus) -> Result<u64, Failure> {
    let (from, before) = range(group);
    let mut statement = connection.prepare_cached(
        "SELECT count(*) FROM segment_rows WHERE execution = ?1 AND idx >= ?2 AND idx < ?3 AND status = ?4",
    )?;
    Ok(statement.query_row(params![blob(group.execution_id), from, before, status.as_str()], |row| row.get(0))?)
}

pub(super) fn execution_id(row: &SqlRow<'_>, column: usize) -> Result<ExecutionId, rusqlite::Error> {
    Ok(ExecutionId::new(Uuid::from_bytes(row.get(column)?)))
}

/// What is due in the executions of that process. An execution whose retention is over belongs to a process that has ended as a rule: any
/// process deletes it.
pub(super) fn due(
    connection: &Connection,
    process: ProcessId,
    shard: DueShard,
    now: Timestamp,
    limit: u16,
) -> Result<Vec<DueItem>, Failure> {
    let mut statement = connection.prepare_cached(match shard.kind() {
        DueKind::Execution => {
            "SELECT execution, -1 AS idx FROM execution_rows
             WHERE process = ?1 AND due_shard = ?2 AND due_at <= ?3 ORDER BY due_at LIMIT ?4"
        }
        DueKind::Expiry => {
            "SELECT execution, -1 AS idx FROM execution_rows
             WHERE ?1 IS NOT NULL AND due_shard = ?2 AND due_at <= ?3 ORDER BY due_at LIMIT ?4"
        }
        // An execution that is over has no due segments, so only the open ones are looked through.
        DueKind::Retry | DueKind::Record => {
            "SELECT segment_rows.execution, idx FROM execution_rows JOIN segment_rows USING (execution)
             WHERE process = ?1 AND execution_rows.due_shard LIKE 'EXECUTION#%'
                AND segment_rows.due_shard = ?2 AND segment_rows.due_at <= ?3
             ORDER BY segment_rows.due_at LIMIT ?4"
        }
    })?;
    let mut found = statement.query(params![process.to_string(), String::from(shard), now.as_millis(), limit])?;
    let mut items = Vec::new();
    while let Some(row) = found.next()? {
        let execution_id = execution_id(row, 0)?;
        items.push(match u64::try_from(row.get::<_, i64>(1)?) {
            Ok(index) => DueItem::Segment(execution_id.segment(index)),
            Err(_) => DueItem::Execution(execution_id),
        });
    }
    Ok(items)
}

/// The keys of the marks of an execution's adds.
pub(super) fn add_marks(
    connection: &Connection,
    execution_id: ExecutionId,
    limit: u16,
) -> Result<Vec<RowKey>, Failure> {
    let mut statement = connection
        .prepare_cached("SELECT sk FROM other_rows WHERE pk = ?1 AND sk >= ?2 AND sk < ?2 || char(1114111) LIMIT ?3")?;
    let found = statement
        .query_map(params![execution_id.to_string(), AddMarkRow::SK_PREFIX, limit], |row| row.get::<_, String>(0))?;
    let marks = found.collect::<Result<Vec<_>, _>>()?;
    Ok(marks.iter().filter_map(|sk| sk.parse().ok()).map(|part| RowKey::AddMark(execution_id, part)).collect())
}

pub(super) fn retries(
    connection: &Connection,
    execution_id: ExecutionId,
    shard: DueShard,
    limit: u16,
) -> Result<Vec<(Timestamp, SegmentId)>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT due_at, idx FROM segment_rows
         WHERE execution = ?1 AND due_shard = ?2 AND due_at IS NOT NULL ORDER BY due_at LIMIT ?3",
    )?;
    let retry = |row: &SqlRow<'_>| Ok((Timestamp::from_millis(row.get(0)?), execution_id.segment(row.get(1)?)));
    let found = statement.query_map(params![blob(execution_id), String::from(shard), limit], retry)?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn open_executions(connection: &Connection, shard: DueShard) -> Result<Vec<ExecutionId>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT execution FROM execution_rows WHERE due_at IS NOT NULL AND due_shard = ?1 ORDER BY execution",
    )?;
    let found = statement.query_map([String::from(shard)], |row| execution_id(row, 0))?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn dead_letters(connection: &Connection, source: DeadLetterSource) -> Result<Vec<DeadLetterRow>, Failure> {
    let mut statement = connection.prepare_cached("SELECT sk, body FROM other_rows WHERE pk = ?1")?;
    let mut found = statement.query([DeadLetterRow::pk_of(source)])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let (event_id, body): (String, String) = (row.get(0)?, row.get(1)?);
        rows.push(parse_as(|| RowKey::DeadLetter(source, event_id), &body)?);
    }
    Ok(rows)
}
