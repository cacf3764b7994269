//! Mark put: the sweeper has put the records of a group's waiting segments again.
//!
//! The tally keeps when, and how often: a record is not put again before the stream was read past that moment, and each further put
//! waits longer than the one before.

use crate::clock::Timestamp;
use crate::id::GroupId;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, RowKey, TallyRow};

/// Stores when the records of a group were put. Needs the moment that the caller saw, so that of two sweepers one writes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct MarkPut {
    pub group: GroupId,
    /// The generation of the records.
    pub generation: u32,
    /// `put_at` of the tally when the caller read it.
    pub seen: Timestamp,
    /// The moment before which no record was put again.
    pub put_at: Timestamp,
}

/// Outcomes of [`MarkPut`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkPutOutcome {
    /// Stored.
    Marked,
    /// The tally has another moment, is in another generation, or does not exist: another sweeper was faster.
    Moved,
}

impl Operation for MarkPut {
    type Rows = Option<TallyRow>;
    type Outcome = MarkPutOutcome;

    const NAME: &'static str = "mark put";

    fn subject(&self) -> String {
        self.group.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Tally(self.group)]
    }

    fn apply(&self, tally: &mut Self::Rows) -> Self::Outcome {
        let is_as_seen = |row: &&mut TallyRow| row.generation == self.generation && row.put_at == self.seen;
        match tally.as_mut().filter(is_as_seen) {
            Some(row) => {
                row.put_at = self.put_at;
                row.puts_again += 1;
                MarkPutOutcome::Marked
            }
            None => MarkPutOutcome::Moved,
        }
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        let update =
            Update::new("SET #put_at = :put ADD #puts_again :one", "#generation = :generation AND #put_at = :seen");
        let update = update
            .number("put", self.put_at.as_millis())
            .number("one", 1)
            .number("generation", self.generation)
            .number("seen", self.seen.as_millis());
        Ok(Write::Update(update))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{at, execution_id};

    #[test]
    fn of_two_sweepers_one_marks() {
        let group = execution_id().group(3);
        let mut tally = Some(TallyRow { put_at: at(10), ..TallyRow::fresh(group, 5, 1) });
        let mark = MarkPut { group, generation: 1, seen: at(10), put_at: at(90) };
        assert_eq!(mark.apply(&mut tally), MarkPutOutcome::Marked);
        assert_eq!(mark.apply(&mut tally), MarkPutOutcome::Moved);
        let row = tally.unwrap();
        assert_eq!((row.put_at, row.puts_again), (at(90), 1));
        assert_eq!(mark.apply(&mut None), MarkPutOutcome::Moved);
    }
}
