//! Seal: no segment will be added. Before the seal an execution cannot complete, however fast its workers are.
//!
//! The due moment stays as it is: a failure may have set one that is earlier than any that the scatter would set.

use crate::clock::Timestamp;
use crate::id::ExecutionId;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, ExecutionRow, ExecutionStatus, RowKey};

/// Seals an execution: `SCATTERING -> RUNNING`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Seal {
    pub execution_id: ExecutionId,
    /// The number of groups, all of them committed.
    pub groups: u64,
    pub now: Timestamp,
}

/// Outcomes of [`Seal`]; only `Sealed` changes the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealOutcome {
    /// Sealed now.
    Sealed,
    /// Sealed before, with the same number of groups: by another scatter, or by a first try whose answer was lost.
    AlreadySealed,
    /// The execution has this other number of groups.
    GroupsDiffer(u64),
    /// The execution was stopped before its seal.
    NotScattering(ExecutionStatus),
    /// There is no such execution.
    Missing,
}

impl Operation for Seal {
    type Rows = Option<ExecutionRow>;
    type Outcome = SealOutcome;

    const NAME: &'static str = "seal";

    fn subject(&self) -> String {
        self.execution_id.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Execution(self.execution_id)]
    }

    fn apply(&self, execution: &mut Self::Rows) -> Self::Outcome {
        let Some(execution) = execution else {
            return SealOutcome::Missing;
        };
        if execution.groups != self.groups {
            return SealOutcome::GroupsDiffer(execution.groups);
        }
        if execution.sealed_at.is_some() {
            return SealOutcome::AlreadySealed;
        }
        if execution.status != ExecutionStatus::Scattering {
            return SealOutcome::NotScattering(execution.status);
        }
        execution.status = ExecutionStatus::Running;
        execution.sealed_at = Some(self.now);
        execution.step_cursor = None;
        SealOutcome::Sealed
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::Update(self.update()))
    }
}

impl Seal {
    fn update(&self) -> Update {
        Update::new(
            "SET #status = :running, #sealed_at = :now REMOVE #step_cursor",
            "#status = :scattering AND #groups = :groups",
        )
        .text("running", ExecutionStatus::Running.as_str())
        .text("scattering", ExecutionStatus::Scattering.as_str())
        .number("now", self.now.as_millis())
        .number("groups", self.groups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{at, execution_id, opened};

    fn seal(groups: u64) -> Seal {
        Seal { execution_id: execution_id(), groups, now: at(5) }
    }

    #[test]
    fn a_seal_needs_every_group_and_happens_once() {
        let mut execution = opened();
        assert_eq!(seal(1).apply(&mut execution), SealOutcome::GroupsDiffer(0));
        assert_eq!(seal(0).apply(&mut execution), SealOutcome::Sealed);
        assert_eq!(seal(0).apply(&mut execution), SealOutcome::AlreadySealed);
        let execution = execution.unwrap();
        assert_eq!((execution.status, execution.sealed_at), (ExecutionStatus::Running, Some(at(5))));
    }

    #[test]
    fn an_execution_that_is_being_cancelled_is_not_sealed() {
        let mut execution = opened();
        if let Some(execution) = &mut execution {
            execution.status = ExecutionStatus::Cancelling;
        }
        assert_eq!(seal(0).apply(&mut execution), SealOutcome::NotScattering(ExecutionStatus::Cancelling));
    }
}
