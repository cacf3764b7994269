//! End redrive: every selected segment is requeued, and the execution can complete again.

use crate::id::ExecutionId;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, ExecutionRow, ExecutionStatus, RowKey};

/// Ends a redrive: `REDRIVING -> RUNNING`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct EndRedrive {
    pub execution_id: ExecutionId,
    /// The generation of the redrive.
    pub generation: u32,
}

/// Outcomes of [`EndRedrive`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndRedriveOutcome {
    /// The execution runs now.
    Running(Box<ExecutionRow>),
    /// The execution is not being redriven in this generation: another caller ended the redrive.
    NotRedriving,
}

impl Operation for EndRedrive {
    type Rows = Option<ExecutionRow>;
    type Outcome = EndRedriveOutcome;

    const NAME: &'static str = "end redrive";

    fn subject(&self) -> String {
        self.execution_id.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Execution(self.execution_id)]
    }

    fn apply(&self, execution: &mut Self::Rows) -> Self::Outcome {
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

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::Update(self.update()))
    }
}

impl EndRedrive {
    fn update(&self) -> Update {
        Update::new("SET #status = :running REMOVE #redrive", "#status = :redriving AND #generation = :generation")
            .text("running", ExecutionStatus::Running.as_str())
            .text("redriving", ExecutionStatus::Redriving.as_str())
            .number("generation", self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::BeginRedrive;
    use crate::operation::testing::{at, execution_id, failed_and_published, sealed};
    use crate::rows::Selection;

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
