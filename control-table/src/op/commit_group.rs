//! **add group, commit**: the group's tally, and one more group on the execution, in one transaction.
//!
//! The commit point of a group: before it its rows count for nothing, after it a resumed scatter only puts its records
//! again.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::GroupId;
use crate::item::{ExecutionRow, ExecutionStatus, TallyRow};
use crate::table::{About, ControlTable, Part, Transacted, Write};

/// Commits a group whose rows are all there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitGroup {
    /// The group: the next one of its execution.
    pub group: GroupId,
    /// Its segments.
    pub size: u64,
    /// The generation it begins in.
    pub generation: u32,
    /// Until when the scatter is presumed alive.
    pub scatter_until: Timestamp,
    /// When the execution is deleted, and its rows with it.
    pub expires_at: Option<i64>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitGroupOutcome {
    /// Committed, now.
    Committed,
    /// Committed before: by another scatter, or by a first try whose answer was lost.
    AlreadyCommitted,
    /// The execution takes no groups any more.
    NotScattering(ExecutionStatus),
    /// An earlier group is not committed yet; this many are.
    TooEarly(u64),
    /// There is no such execution.
    Missing,
}

impl CommitGroup {
    /// What it means.
    pub fn apply(&self, execution: &mut Option<ExecutionRow>, tally: &mut Option<TallyRow>) -> CommitGroupOutcome {
        let Some(execution) = execution else {
            return CommitGroupOutcome::Missing;
        };
        if self.group.group < execution.groups {
            return CommitGroupOutcome::AlreadyCommitted;
        }
        if execution.status != ExecutionStatus::Scattering {
            return CommitGroupOutcome::NotScattering(execution.status);
        }
        if self.group.group > execution.groups {
            return CommitGroupOutcome::TooEarly(execution.groups);
        }
        tally.get_or_insert_with(|| self.tally());
        execution.groups += 1;
        execution.segments += self.size;
        execution.scatter_until = Some(self.scatter_until);
        CommitGroupOutcome::Committed
    }

    fn tally(&self) -> TallyRow {
        TallyRow { expires_at: self.expires_at, ..TallyRow::fresh(self.group, self.size, self.generation) }
    }

    fn write(&self) -> Write {
        Write::new(
            "SET #groups = :next, #segments = #segments + :size, #scatter_until = :until",
            "#status = :scattering AND #groups = :group",
        )
        .number("next", self.group.group + 1)
        .number("group", self.group.group)
        .number("size", self.size)
        .number("until", self.scatter_until.as_millis())
        .value("scattering", AttributeValue::S(ExecutionStatus::Scattering.as_str().to_owned()))
    }
}

impl ControlTable {
    /// Commits a group.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn commit_group(&self, request: &CommitGroup) -> Result<CommitGroupOutcome, Error> {
        let about = About { operation: "commit group", subject: &request.group };
        let key = ExecutionRow::key_of(request.group.execution_id);
        let parts = vec![self.put_part(about, &request.tally())?, self.update_part(about, &key, request.write())?];
        let met = match self.transact(about, parts).await? {
            Transacted::Applied => return Ok(CommitGroupOutcome::Committed),
            Transacted::Refused(met) => met,
        };
        // A tally is only ever made together with its group's count, so the execution's part was refused as well.
        let Some(Part::Met(execution)) = met.into_iter().nth(1) else {
            return Err(about.disagreement());
        };
        let mut execution = execution.map(|item| about.read(item)).transpose()?;
        match request.apply(&mut execution, &mut None) {
            CommitGroupOutcome::Committed => Err(about.disagreement()),
            outcome => Ok(outcome),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{at, execution_id, opened, sealed};

    fn commit(group: u64) -> CommitGroup {
        CommitGroup {
            group: execution_id().group(group),
            size: 128,
            generation: 1,
            scatter_until: at(99),
            expires_at: None,
        }
    }

    #[test]
    fn groups_are_committed_in_order_and_once() {
        let (mut execution, mut tally) = (opened(), None);
        assert_eq!(commit(1).apply(&mut execution, &mut None), CommitGroupOutcome::TooEarly(0));
        assert_eq!(commit(0).apply(&mut execution, &mut tally), CommitGroupOutcome::Committed);
        assert_eq!(commit(0).apply(&mut execution, &mut tally), CommitGroupOutcome::AlreadyCommitted);
        let execution = execution.unwrap();
        assert_eq!((execution.groups, execution.segments, execution.scatter_until), (1, 128, Some(at(99))));
        assert_eq!(tally.unwrap().pending, 128);
    }

    #[test]
    fn a_sealed_execution_takes_no_group() {
        let outcome = commit(2).apply(&mut sealed(2), &mut None);
        assert_eq!(outcome, CommitGroupOutcome::NotScattering(ExecutionStatus::Running));
        assert_eq!(commit(0).apply(&mut None, &mut None), CommitGroupOutcome::Missing);
    }
}
