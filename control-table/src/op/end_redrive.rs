//! **redrive, end**: everything is put back; from here on the execution can complete again.

use crate::error::Error;
use crate::id::ExecutionId;
use crate::item::{ExecutionRow, ExecutionStatus};
use crate::table::{About, ControlTable, Decided, Write};

/// Ends a redrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndRedrive {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The generation of the redrive.
    pub generation: u32,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndRedriveOutcome {
    /// It runs, from now on.
    Running(Box<ExecutionRow>),
    /// Somebody else ended this redrive, or it was another one.
    NotRedriving,
}

impl EndRedrive {
    /// What it means.
    pub fn apply(&self, execution: &mut Option<ExecutionRow>) -> EndRedriveOutcome {
        let is_redriving =
            |row: &&mut ExecutionRow| row.status == ExecutionStatus::Redriving && row.generation == self.generation;
        match execution.as_mut().filter(is_redriving) {
            Some(row) => {
                row.status = ExecutionStatus::Running;
                row.redrive = None;
                EndRedriveOutcome::Running(Box::new(row.clone()))
            }
            None => EndRedriveOutcome::NotRedriving,
        }
    }

    fn write(&self) -> Write {
        Write::new("SET #status = :running REMOVE #redrive", "#status = :redriving AND #generation = :generation")
            .text("running", ExecutionStatus::Running.as_str())
            .text("redriving", ExecutionStatus::Redriving.as_str())
            .number("generation", self.generation)
    }
}

impl ControlTable {
    /// Ends a redrive.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn end_redrive(&self, request: &EndRedrive) -> Result<EndRedriveOutcome, Error> {
        let about = About { operation: "end redrive", subject: &request.execution_id };
        let key = ExecutionRow::key_of(request.execution_id);
        match self.decide(about, key, request.write(), |row| request.apply(row)).await? {
            Decided::Applied(row) => Ok(EndRedriveOutcome::Running(row)),
            Decided::Refused(outcome) => Ok(outcome),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::Selection;
    use crate::op::BeginRedrive;
    use crate::op::testing::{at, execution_id, failed_and_published, sealed};

    #[test]
    fn only_a_redrive_ends_and_once() {
        let end = EndRedrive { execution_id: execution_id(), generation: 2 };
        assert_eq!(end.apply(&mut sealed(1)), EndRedriveOutcome::NotRedriving);
        let mut execution = failed_and_published(1);
        let (execution_id, selection) = (execution_id(), Selection::unsuccessful());
        let begin =
            BeginRedrive { execution_id, generation: 2, selection, limited: false, now: at(90), due_at: at(150) };
        begin.apply(&mut execution);
        let EndRedriveOutcome::Running(row) = end.apply(&mut execution) else { panic!("{execution:?}") };
        assert_eq!((row.status, row.redrive), (ExecutionStatus::Running, None));
        assert_eq!(end.apply(&mut execution), EndRedriveOutcome::NotRedriving);
    }
}
