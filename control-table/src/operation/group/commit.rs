//! Commit group: the group's tally is made, and the execution's counts grow, in one transaction.
//!
//! Before the commit the rows of a group count for nothing. After it a resumed scatter only puts the group's records again.

use crate::clock::Timestamp;
use crate::id::GroupId;
use crate::operation::{Change, Operation, Part, Update, Write};
use crate::rows::{CorruptItem, ExecutionRow, ExecutionStatus, RowKey, TallyRow, to_item};

/// Commits a group whose rows are all in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitGroup {
    /// The next group of the execution.
    pub group: GroupId,
    /// Segments in the group.
    pub size: u64,
    /// The generation of the execution.
    pub generation: u32,
    /// The moment before the records of the group are put.
    pub now: Timestamp,
    /// Until when the scatter is presumed alive.
    pub scatter_until: Timestamp,
}

/// Outcomes of [`CommitGroup`]; only `Committed` changes rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitGroupOutcome {
    /// Committed now.
    Committed,
    /// Committed before: by another scatter, or by a first try whose answer was lost.
    AlreadyCommitted,
    /// The execution takes no more groups: it is sealed or stopped.
    NotScattering(ExecutionStatus),
    /// An earlier group is not committed yet; the number of those that are.
    TooEarly(u64),
    /// There is no such execution.
    Missing,
}

impl Operation for CommitGroup {
    type Rows = (Part<TallyRow>, Part<ExecutionRow>);
    type Outcome = CommitGroupOutcome;

    const NAME: &'static str = "commit group";

    fn subject(&self) -> String {
        self.group.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Tally(self.group), RowKey::Execution(self.group.execution_id)]
    }

    /// A tally is only made together with the execution's count, so the execution alone decides.
    fn apply(&self, (tally, execution): &mut Self::Rows) -> Self::Outcome {
        if let Some(outcome) = execution.refuses(|row| self.refused_by(row)) {
            return outcome;
        }
        tally.insert(self.tally());
        execution.change(|execution| {
            execution.groups += 1;
            execution.segments += self.size;
            execution.scatter_until = Some(self.scatter_until);
        });
        CommitGroupOutcome::Committed
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::All(vec![Change::Insert(to_item(&self.tally())?), Change::Update(self.update())]))
    }
}

impl CommitGroup {
    fn refused_by(&self, execution: Option<&ExecutionRow>) -> Option<CommitGroupOutcome> {
        let Some(execution) = execution else { return Some(CommitGroupOutcome::Missing) };
        if self.group.group < execution.groups {
            return Some(CommitGroupOutcome::AlreadyCommitted);
        }
        if execution.status != ExecutionStatus::Scattering {
            return Some(CommitGroupOutcome::NotScattering(execution.status));
        }
        (self.group.group > execution.groups).then_some(CommitGroupOutcome::TooEarly(execution.groups))
    }

    fn tally(&self) -> TallyRow {
        TallyRow { put_at: self.now, ..TallyRow::fresh(self.group, self.size, self.generation) }
    }

    fn update(&self) -> Update {
        Update::new(
            "SET #groups = :next, #segments = #segments + :size, #scatter_until = :until",
            "#status = :scattering AND #groups = :group",
        )
        .number("next", self.group.group + 1)
        .number("group", self.group.group)
        .number("size", self.size)
        .number("until", self.scatter_until.as_millis())
        .text("scattering", ExecutionStatus::Scattering.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{at, execution_id, opened, sealed};

    fn commit(group: u64) -> CommitGroup {
        CommitGroup { group: execution_id().group(group), size: 128, generation: 1, now: at(9), scatter_until: at(99) }
    }

    #[test]
    fn groups_are_committed_in_order_and_once() {
        let mut rows = (Part::Is(None), Part::Is(opened()));
        assert_eq!(commit(1).apply(&mut rows), CommitGroupOutcome::TooEarly(0));
        assert_eq!(commit(0).apply(&mut rows), CommitGroupOutcome::Committed);
        assert_eq!(commit(0).apply(&mut rows), CommitGroupOutcome::AlreadyCommitted);
        let (Part::Is(Some(tally)), Part::Is(Some(execution))) = rows else { panic!("{rows:?}") };
        assert_eq!((execution.groups, execution.segments, execution.scatter_until), (1, 128, Some(at(99))));
        assert_eq!((tally.pending, tally.put_at), (128, at(9)));
    }

    #[test]
    fn a_sealed_execution_takes_no_group() {
        let outcome = commit(2).apply(&mut (Part::Is(None), Part::Is(sealed(2))));
        assert_eq!(outcome, CommitGroupOutcome::NotScattering(ExecutionStatus::Running));
        assert_eq!(commit(0).apply(&mut (Part::Is(None), Part::Is(None))), CommitGroupOutcome::Missing);
    }
}
