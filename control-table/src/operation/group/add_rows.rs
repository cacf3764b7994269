//! Add rows: the segment rows of a group, each only if it does not exist. `CommitGroup` comes after it.
//!
//! By PartiQL INSERT, 25 to a `BatchExecuteStatement`: each is conditional and costs one write unit. Not by
//! `BatchWriteItem`, which overwrites: a second scatter would set a finished row back to `PENDING`.

use crate::clock::Timestamp;
use crate::id::GroupId;
use crate::operation::{Operation, Write};
use crate::rows::{CorruptItem, RowKey, SegmentRow, to_item};

/// Adds the rows of a group.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct AddRows {
    pub group: GroupId,
    /// The generation of the execution.
    pub generation: u32,
    /// The spec of each segment, by offset; at most [`crate::limits::GROUP_SIZE`].
    pub specs: Vec<serde_json::Value>,
    pub now: Timestamp,
}

impl Operation for AddRows {
    type Rows = Vec<Option<SegmentRow>>;
    type Outcome = ();

    const NAME: &'static str = "add rows";

    fn subject(&self) -> String {
        self.group.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        self.rows().map(|row| RowKey::Segment(row.id())).collect()
    }

    /// A row that exists stays as it is.
    fn apply(&self, rows: &mut Self::Rows) -> Self::Outcome {
        for (row, fresh) in rows.iter_mut().zip(self.rows()) {
            row.get_or_insert(fresh);
        }
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::EachInsert(self.rows().map(|row| to_item(&row)).collect::<Result<_, _>>()?))
    }
}

impl AddRows {
    /// The rows that it adds.
    pub fn rows(&self) -> impl Iterator<Item = SegmentRow> {
        self.specs.iter().enumerate().map(|(offset, spec)| {
            // A group has 128 segments: the offset fits.
            let id = self.group.segment(u8::try_from(offset).unwrap_or(u8::MAX));
            SegmentRow::pending(id, spec.clone(), self.generation, self.now)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{at, execution_id, running};

    #[test]
    fn a_row_that_is_being_worked_on_stays_as_it_is() {
        let specs = vec![serde_json::json!(1), serde_json::json!(2)];
        let add = AddRows { group: execution_id().group(1), generation: 1, specs, now: at(9) };
        let rows: Vec<SegmentRow> = add.rows().collect();
        assert_eq!(rows.iter().map(|row| row.index).collect::<Vec<_>>(), [128, 129]);

        let mut stored = vec![running(128), None];
        add.apply(&mut stored);
        assert_eq!(stored, [running(128), Some(rows[1].clone())]);
    }
}
