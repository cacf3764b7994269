//! **seal**: no segment will be added. Before it an execution cannot complete, however fast its workers are.
//!
//! It leaves the execution's place in the due index: a failure may have asked for a look that is sooner than any of ours.

use aws_sdk_dynamodb::types::ReturnValue;

use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::ExecutionId;
use crate::item::{ExecutionRow, ExecutionStatus};
use crate::table::{About, ControlTable, Write, Written};

/// Seals an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The groups that were added: all of them.
    pub groups: u64,
    /// The present moment.
    pub now: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealOutcome {
    /// Sealed, now.
    Sealed,
    /// Sealed before, with as many groups: by another scatter, or by a first try whose answer was lost.
    AlreadySealed,
    /// The execution has another number of groups.
    GroupsDiffer(u64),
    /// The execution is being cancelled, or is cancelled.
    NotScattering(ExecutionStatus),
    /// There is no such execution.
    Missing,
}

impl Seal {
    /// What it means.
    pub fn apply(&self, execution: &mut Option<ExecutionRow>) -> SealOutcome {
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
        SealOutcome::Sealed
    }

    fn write(&self) -> Write {
        Write::new("SET #status = :running, #sealed_at = :now", "#status = :scattering AND #groups = :groups")
            .text("running", ExecutionStatus::Running.as_str())
            .text("scattering", ExecutionStatus::Scattering.as_str())
            .number("now", self.now.as_millis())
            .number("groups", self.groups)
    }
}

impl ControlTable {
    /// Seals an execution.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn seal(&self, request: &Seal) -> Result<SealOutcome, Error> {
        let about = About { operation: "seal", subject: &request.execution_id };
        let key = ExecutionRow::key_of(request.execution_id);
        match self.update(about, key, request.write(), ReturnValue::None).await? {
            Written::Applied(_) => Ok(SealOutcome::Sealed),
            Written::Refused(item) => {
                let mut execution = item.map(|item| about.read(item)).transpose()?;
                match request.apply(&mut execution) {
                    SealOutcome::Sealed => Err(about.disagreement()),
                    outcome => Ok(outcome),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{at, execution_id, opened};

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
    fn what_is_being_cancelled_is_not_sealed() {
        let mut execution = opened();
        if let Some(execution) = &mut execution {
            execution.status = ExecutionStatus::Cancelling;
        }
        assert_eq!(seal(0).apply(&mut execution), SealOutcome::NotScattering(ExecutionStatus::Cancelling));
    }
}
