//! **add group, rows**: segment rows of one group, each only if it does not exist.
//!
//! By PartiQL INSERT, 25 to a `BatchExecuteStatement`: conditional by nature, one write unit each. Not by
//! `BatchWriteItem`, which overwrites: two scatters at once would set a finished row back to PENDING.

#![expect(clippy::disallowed_methods, reason = "this is the adapter: the protocol lives in this crate")]

use aws_sdk_dynamodb::types::{AttributeValue, BatchStatementErrorCodeEnum, BatchStatementRequest};
use futures::stream::{self, StreamExt, TryStreamExt};

use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::GroupId;
use crate::item::{Item, SegmentRow};
use crate::limits::STATEMENTS_PER_BATCH;
use crate::table::{About, BUSY_TRIES, ControlTable};

/// Batches of one group under way at once: a full group has six.
const BATCHES_AT_ONCE: usize = 3;

/// Adds the rows of one group.
#[derive(Debug, Clone, PartialEq)]
pub struct AddRows {
    /// The group.
    pub group: GroupId,
    /// The generation the rows begin in.
    pub generation: u32,
    /// What each segment of the group is to do, by offset; at most [`crate::limits::GROUP_SIZE`].
    pub specs: Vec<serde_json::Value>,
    /// The present moment.
    pub now: Timestamp,
    /// When the execution is deleted, and its rows with it.
    pub expires_at: Option<i64>,
}

impl AddRows {
    /// The rows that it adds where there are none.
    pub fn rows(&self) -> impl Iterator<Item = SegmentRow> {
        self.specs.iter().enumerate().map(|(offset, spec)| {
            // A group has 128 segments: the offset fits.
            let id = self.group.segment(u8::try_from(offset).unwrap_or(u8::MAX));
            let row = SegmentRow::pending(id, spec.clone(), self.generation, self.now);
            SegmentRow { expires_at: self.expires_at, ..row }
        })
    }

    /// What it means for one row: one that exists stays as it is.
    pub fn apply(row: &mut Option<SegmentRow>, fresh: SegmentRow) {
        row.get_or_insert(fresh);
    }
}

impl ControlTable {
    /// Adds a group's rows. They count for nothing until the group is committed.
    ///
    /// # Errors
    /// When the table cannot be written; rows already added stay, and adding them again changes nothing.
    pub async fn add_rows(&self, request: &AddRows) -> Result<(), Error> {
        let about = About { operation: "add rows", subject: &request.group };
        let items: Vec<Item> = request.rows().map(|row| about.write(&row)).collect::<Result<_, _>>()?;
        // Collected, because the compiler cannot see that a stream of a borrowing closure may cross threads.
        let batches: Vec<_> = items.chunks(STATEMENTS_PER_BATCH).map(|batch| self.insert_batch(about, batch)).collect();
        stream::iter(batches).buffer_unordered(BATCHES_AT_ONCE).try_collect::<()>().await
    }

    async fn insert_batch(&self, about: About<'_>, items: &[Item]) -> Result<(), Error> {
        let mut left: Vec<&Item> = items.iter().collect();
        let mut last_code = String::new();
        for attempt in 0..BUSY_TRIES {
            self.back_off(attempt).await;
            let statements = left.iter().map(|item| self.insert(about, item)).collect::<Result<Vec<_>, _>>()?;
            let request = self.client.batch_execute_statement().set_statements(Some(statements));
            let output = request.send().await.map_err(|error| self.sdk_error(about, error))?;
            let mut again = Vec::new();
            for (item, answer) in left.iter().zip(output.responses.unwrap_or_default()) {
                match answer.error.and_then(|error| error.code) {
                    None | Some(BatchStatementErrorCodeEnum::DuplicateItem) => {}
                    Some(code) => {
                        code.as_str().clone_into(&mut last_code);
                        again.push(*item);
                    }
                }
            }
            if again.is_empty() {
                return Ok(());
            }
            left = again;
        }
        Err(about.still_busy(last_code))
    }

    fn insert(&self, about: About<'_>, item: &Item) -> Result<BatchStatementRequest, Error> {
        let (mut names, mut values) = (Vec::new(), Vec::<AttributeValue>::new());
        for (name, value) in item {
            names.push(format!("'{name}': ?"));
            values.push(value.clone());
        }
        let statement = format!("INSERT INTO \"{}\" VALUE {{{}}}", self.name, names.join(", "));
        BatchStatementRequest::builder()
            .statement(statement)
            .set_parameters(Some(values))
            .build()
            .map_err(|source| about.build_error(source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::SegmentStatus;
    use crate::op::testing::{at, execution_id, running};

    #[test]
    fn a_row_that_is_being_worked_on_stays_as_it_is() {
        let specs = vec![serde_json::json!(1), serde_json::json!(2)];
        let add = AddRows { group: execution_id().group(1), generation: 1, specs, now: at(9), expires_at: None };
        let rows: Vec<SegmentRow> = add.rows().collect();
        assert_eq!(rows.iter().map(|row| row.index).collect::<Vec<_>>(), [128, 129]);

        let mut taken = running(128);
        AddRows::apply(&mut taken, rows[0].clone());
        assert_eq!(taken, running(128));
        let mut absent = None;
        AddRows::apply(&mut absent, rows[0].clone());
        assert_eq!(absent.map(|row| row.status), Some(SegmentStatus::Pending));
    }
}
