//! The failed segments of an execution, counted by their errors, as `failures --json` shows them.

use std::collections::HashMap;

use control_table::ControlTable;
use control_table::id::ExecutionId;
use control_table::rows::{ErrorKind, SegmentRow, SegmentStatus};
use serde::Serialize;
use utoipa::ToSchema;

use super::indexes::IndexList;
use super::telling_line;

/// Groups whose tallies are read at once: one request.
const TALLIES_AT_ONCE: u64 = 100;

/// Indexes that are named of each error.
const EXAMPLES: usize = 5;

/// Different errors that are counted separately. A message with a number of its own in each segment has as many as segments; beyond this
/// they are only counted.
const ERRORS_MAX: usize = 10_000;

/// The failed segments of an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Failures {
    /// The execution.
    pub execution_id: ExecutionId,
    /// All its failed segments.
    pub failed: u64,
    /// The most frequent error first, and of two as frequent the one that came first.
    pub failures: Vec<Failure>,
    /// Failed segments whose errors are not among these: there was no room for them, or their rows were not read.
    pub others: u64,
}

/// Segments that failed with the same error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Failure {
    /// What kind of failure it is; null if none was recorded.
    pub kind: Option<ErrorKind>,
    /// The line of the message that says most.
    pub message: String,
    /// Segments that failed with it.
    pub count: u64,
    /// The lowest indexes, at most five.
    pub examples: Vec<u64>,
    /// All of them, such as `3,17-20`, to be run again; null if that is longer than a redrive takes (4 KiB).
    pub indexes: Option<String>,
}

/// An error, while its segments are counted.
#[derive(Debug)]
struct Counted {
    failure: Failure,
    indexes: IndexList,
}

/// Counts failed segments by their errors.
#[derive(Debug, Default)]
pub struct FailureCount {
    by_error: HashMap<(Option<ErrorKind>, String), Counted>,
    others: u64,
}

impl Failures {
    /// Reads every tally of an execution with that many groups, a hundred to a request, and the failed segments of the first
    /// `groups_read` groups that have some; those of the others are counted only.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn read(
        table: &ControlTable,
        execution_id: ExecutionId,
        groups: u64,
        groups_read: usize,
    ) -> Result<Self, control_table::Error> {
        let (mut counted, mut left, mut from) = (FailureCount::default(), groups_read, 0);
        while from < groups {
            let to = groups.min(from + TALLIES_AT_ONCE);
            for tally in table.tallies(execution_id, from..to).await? {
                if tally.failed.is_empty() {
                    continue;
                }
                if left == 0 {
                    counted.others += tally.failed.len() as u64;
                    continue;
                }
                left -= 1;
                for row in table.group_segments(tally.group, Some(SegmentStatus::Failed)).await? {
                    counted.count(row);
                }
            }
            from = to;
        }
        Ok(counted.of(execution_id))
    }
}

impl FailureCount {
    /// Counts a failed segment.
    pub fn count(&mut self, row: SegmentRow) {
        let (kind, message) = match row.error {
            Some(error) => (Some(error.kind), telling_line(&error.message)),
            None => (None, "no error was recorded".to_owned()),
        };
        let has_room = self.by_error.len() < ERRORS_MAX;
        let key = (kind, message.clone());
        if !has_room && !self.by_error.contains_key(&key) {
            self.others += 1;
            return;
        }
        let new = || Counted {
            failure: Failure { kind, message, count: 0, examples: Vec::new(), indexes: None },
            indexes: IndexList::default(),
        };
        let Counted { failure, indexes } = self.by_error.entry(key).or_insert_with(new);
        indexes.push(row.index);
        failure.count += 1;
        if failure.examples.len() < EXAMPLES {
            failure.examples.push(row.index);
        }
    }

    fn of(self, execution_id: ExecutionId) -> Failures {
        let all = self.by_error.into_values();
        let mut failures: Vec<Failure> =
            all.map(|Counted { failure, indexes }| Failure { indexes: indexes.finish(), ..failure }).collect();
        failures.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.examples.cmp(&b.examples)));
        let failed = self.others + failures.iter().map(|failure| failure.count).sum::<u64>();
        Failures { execution_id, failed, failures, others: self.others }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use control_table::clock::Timestamp;
    use control_table::rows::SegmentFailure;

    fn id() -> ExecutionId {
        "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b".parse().unwrap()
    }

    fn row(index: u64, kind: ErrorKind, message: &str) -> SegmentRow {
        let mut row = SegmentRow::pending(id().segment(index), serde_json::Value::Null, 1, Timestamp::from_millis(0));
        row.error = Some(SegmentFailure::new(kind, message));
        row
    }

    #[test]
    fn the_most_frequent_error_comes_first_with_its_first_segments() {
        let mut counted = FailureCount::default();
        counted.count(row(0, ErrorKind::Permanent, "no such customer\nin table c"));
        for index in 1..9 {
            counted.count(row(index, ErrorKind::TimedOut, "late"));
        }
        counted.count(row(9, ErrorKind::Permanent, "no such customer\nin table d"));
        let Failures { failures, others, failed, .. } = counted.of(id());
        assert_eq!((failures[0].count, failures[0].examples.as_slice()), (8, &[1, 2, 3, 4, 5][..]));
        assert_eq!((failures[1].message.as_str(), failures[1].count), ("no such customer", 2));
        let indexes = failures.iter().map(|failure| failure.indexes.as_deref().unwrap());
        assert_eq!(indexes.collect::<Vec<_>>(), ["1-8", "0,9"]);
        assert_eq!((failed, others), (10, 0));
    }

    #[test]
    fn endlessly_many_different_errors_take_bounded_room() {
        let mut counted = FailureCount::default();
        for index in 0..ERRORS_MAX as u64 + 7 {
            counted.count(row(index, ErrorKind::Permanent, &format!("no customer {index}")));
        }
        counted.count(row(0, ErrorKind::Permanent, "no customer 0"));
        let Failures { failures, others, .. } = counted.of(id());
        assert_eq!((failures.len(), failures[0].count, others), (ERRORS_MAX, 2, 7));
    }
}
