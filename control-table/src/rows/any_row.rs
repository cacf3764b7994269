//! A row of any kind, and a key that names its kind: what a store works with.

use std::fmt;

use crate::id::{ExecutionId, ExecutionKey, GroupId, JobName, SegmentId};

use super::{
    AddMarkRow, AddPart, CorruptItem, DeadLetterRow, DeadLetterSource, ExecutionRow, Item, ItemKey, KeyRow, PlanRow,
    Row, SegmentRow, TallyRow, WatermarkRow, from_item, to_item,
};

/// The key of a row, with its kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKey {
    /// An execution.
    Execution(ExecutionId),
    /// The plan of an execution.
    Plan(ExecutionId),
    /// The tally of a group.
    Tally(GroupId),
    /// A segment.
    Segment(SegmentId),
    /// The idempotency key of a job.
    Key(JobName, ExecutionKey),
    /// The mark of a part of an add.
    AddMark(ExecutionId, AddPart),
    /// The watermark of a shard, by stream and shard.
    Watermark(String, String),
    /// A dead letter, by its source and its event ID.
    DeadLetter(DeadLetterSource, String),
}

impl RowKey {
    /// The same key as `DynamoDB` has it.
    #[must_use]
    pub fn item_key(&self) -> ItemKey {
        match self {
            Self::Execution(id) => ExecutionRow::key_of(*id),
            Self::Plan(id) => PlanRow::key_of(*id),
            Self::Tally(group) => TallyRow::key_of(*group),
            Self::Segment(segment) => SegmentRow::key_of(*segment),
            Self::Key(job, key) => KeyRow::key_of(job, key),
            Self::AddMark(id, part) => AddMarkRow::key_of(*id, part),
            Self::Watermark(stream, shard) => WatermarkRow::key_of(stream, shard),
            Self::DeadLetter(source, event_id) => ItemKey { pk: DeadLetterRow::pk_of(*source), sk: event_id.clone() },
        }
    }

    /// Reads an item as a row of this key's kind.
    pub fn read(&self, item: Item) -> Result<AnyRow, CorruptItem> {
        Ok(match self {
            Self::Execution(_) => from_item::<ExecutionRow>(item)?.into_any(),
            Self::Plan(_) => from_item::<PlanRow>(item)?.into_any(),
            Self::Tally(_) => from_item::<TallyRow>(item)?.into_any(),
            Self::Segment(_) => from_item::<SegmentRow>(item)?.into_any(),
            Self::Key(..) => from_item::<KeyRow>(item)?.into_any(),
            Self::AddMark(..) => from_item::<AddMarkRow>(item)?.into_any(),
            Self::Watermark(..) => from_item::<WatermarkRow>(item)?.into_any(),
            Self::DeadLetter(..) => from_item::<DeadLetterRow>(item)?.into_any(),
        })
    }
}

impl RowKey {
    /// Reads the JSON of [`AnyRow::to_json`] as the row that this key names.
    ///
    /// # Errors
    /// When it is no such row.
    pub fn read_json(&self, json: &str) -> Result<AnyRow, serde_json::Error> {
        Ok(match self {
            Self::Execution(_) => serde_json::from_str::<ExecutionRow>(json)?.into_any(),
            Self::Plan(_) => serde_json::from_str::<PlanRow>(json)?.into_any(),
            Self::Tally(_) => serde_json::from_str::<TallyRow>(json)?.into_any(),
            Self::Segment(_) => serde_json::from_str::<SegmentRow>(json)?.into_any(),
            Self::Key(..) => serde_json::from_str::<KeyRow>(json)?.into_any(),
            Self::AddMark(..) => serde_json::from_str::<AddMarkRow>(json)?.into_any(),
            Self::Watermark(..) => serde_json::from_str::<WatermarkRow>(json)?.into_any(),
            Self::DeadLetter(..) => serde_json::from_str::<DeadLetterRow>(json)?.into_any(),
        })
    }
}

impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ItemKey { pk, sk } = self.item_key();
        write!(f, "{pk} / {sk}")
    }
}

/// A row of any kind.
#[derive(Debug, Clone, PartialEq)]
pub enum AnyRow {
    /// An execution.
    Execution(Box<ExecutionRow>),
    /// A plan.
    Plan(Box<PlanRow>),
    /// A tally.
    Tally(Box<TallyRow>),
    /// A segment.
    Segment(Box<SegmentRow>),
    /// An idempotency key.
    Key(Box<KeyRow>),
    /// The mark of a part of an add.
    AddMark(Box<AddMarkRow>),
    /// The watermark of a shard.
    Watermark(Box<WatermarkRow>),
    /// A dead letter.
    DeadLetter(Box<DeadLetterRow>),
}

impl AnyRow {
    /// The key of the row.
    #[must_use]
    pub fn key(&self) -> RowKey {
        match self {
            Self::Execution(row) => Row::key(&**row),
            Self::Plan(row) => Row::key(&**row),
            Self::Tally(row) => Row::key(&**row),
            Self::Segment(row) => Row::key(&**row),
            Self::Key(row) => Row::key(&**row),
            Self::AddMark(row) => Row::key(&**row),
            Self::Watermark(row) => Row::key(&**row),
            Self::DeadLetter(row) => Row::key(&**row),
        }
    }

    /// The row as an item, keys included.
    pub fn to_item(&self) -> Result<Item, CorruptItem> {
        match self {
            Self::Execution(row) => to_item(&**row),
            Self::Plan(row) => to_item(&**row),
            Self::Tally(row) => to_item(&**row),
            Self::Segment(row) => to_item(&**row),
            Self::Key(row) => to_item(&**row),
            Self::AddMark(row) => to_item(&**row),
            Self::Watermark(row) => to_item(&**row),
            Self::DeadLetter(row) => to_item(&**row),
        }
    }
}

impl AnyRow {
    /// The row as JSON, with the names that its item has.
    ///
    /// # Errors
    /// When a value has no JSON.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        match self {
            Self::Execution(row) => serde_json::to_string(row),
            Self::Plan(row) => serde_json::to_string(row),
            Self::Tally(row) => serde_json::to_string(row),
            Self::Segment(row) => serde_json::to_string(row),
            Self::Key(row) => serde_json::to_string(row),
            Self::AddMark(row) => serde_json::to_string(row),
            Self::Watermark(row) => serde_json::to_string(row),
            Self::DeadLetter(row) => serde_json::to_string(row),
        }
    }
}

macro_rules! kinds {
    ($($kind:ident($row:ident) $key:expr;)*) => {
        $(
            impl Row for $row {
                fn key(&self) -> RowKey {
                    let key: fn(&Self) -> RowKey = $key;
                    key(self)
                }

                fn into_any(self) -> AnyRow {
                    AnyRow::$kind(Box::new(self))
                }

                fn from_any(row: AnyRow) -> Option<Self> {
                    if let AnyRow::$kind(row) = row { Some(*row) } else { None }
                }
            }
        )*
    };
}

kinds! {
    Execution(ExecutionRow) |row| RowKey::Execution(row.execution_id);
    Plan(PlanRow) |row| RowKey::Plan(row.execution_id);
    Tally(TallyRow) |row| RowKey::Tally(row.group);
    Segment(SegmentRow) |row| RowKey::Segment(row.id());
    Key(KeyRow) |row| RowKey::Key(row.job().clone(), row.key().clone());
    AddMark(AddMarkRow) |row| RowKey::AddMark(row.execution_id, row.part.clone());
    Watermark(WatermarkRow) |row| RowKey::Watermark(row.stream.clone(), row.shard.clone());
    DeadLetter(DeadLetterRow) |row| RowKey::DeadLetter(row.source, row.event_id.clone());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::operation::testing::{execution_id, opened, running};
    use crate::rows::{PK, SK};

    /// A row of each kind.
    fn rows() -> Vec<AnyRow> {
        let id = execution_id();
        let letter = DeadLetterRow {
            source: DeadLetterSource::Gather,
            event_id: "shard:1".to_owned(),
            reason: "no JSON".to_owned(),
            payload: String::new(),
            payload_bytes: 0,
            recorded_at: Timestamp::EPOCH,
            expires_at: 5,
        };
        let mark = AddMarkRow {
            execution_id: id,
            part: AddPart { token: "t".parse().unwrap(), number: 3 },
            group: 1,
            digest: "d".to_owned(),
        };
        let plan = PlanRow {
            kind: crate::rows::PlanKind::Planned,
            asked: String::new(),
            execution_id: id,
            source: serde_json::json!({"type": "range"}),
            parameters: serde_json::Value::Null,
            trace: None,
        };
        vec![
            opened().unwrap().into_any(),
            plan.into_any(),
            TallyRow::fresh(id.group(2), 9, 1).into_any(),
            running(300).unwrap().into_any(),
            KeyRow::new(&"nightly".parse().unwrap(), &"a#b".parse().unwrap(), id).into_any(),
            mark.into_any(),
            letter.into_any(),
        ]
    }

    #[test]
    fn a_row_of_each_kind_reads_back_by_its_key() {
        for row in rows() {
            let (key, item) = (row.key(), row.to_item().unwrap());
            assert_eq!(ItemKey::of(&item), key.item_key());
            assert_eq!(key.read(item).unwrap(), row);
            assert_eq!(key.read_json(&row.to_json().unwrap()).unwrap(), row);
        }
    }

    #[test]
    fn no_two_kinds_share_a_key() {
        let mut keys: Vec<ItemKey> = rows().iter().map(|row| row.key().item_key()).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), rows().len());
    }

    #[test]
    fn a_row_is_of_its_own_kind_alone() {
        let tally: Vec<_> = rows().into_iter().filter_map(TallyRow::from_any).collect();
        assert_eq!(tally, [TallyRow::fresh(execution_id().group(2), 9, 1)]);
    }

    #[test]
    fn an_item_that_is_no_such_row_is_corrupt_and_named() {
        let row = TallyRow::fresh(execution_id().group(2), 9, 1).into_any();
        let mut item = row.to_item().unwrap();
        item.remove("size");
        let text = row.key().read(item.clone()).unwrap_err().to_string();
        assert!(text.contains("#2") && text.contains("TALLY") && text.contains("size"), "{text}");
        item.remove(PK);
        item.remove(SK);
        assert!(RowKey::Execution(execution_id()).read(item).is_err());
    }
}
