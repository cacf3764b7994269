//! **observe**: the sweeper notes how far an execution has come, and when to look again.
//!
//! An execution whose progress changes between two looks needs no help; only one that stands still is walked through.

use aws_sdk_dynamodb::types::ReturnValue;

use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::ExecutionId;
use crate::item::{Due, ExecutionRow};
use crate::table::{About, ControlTable, Write, Written};

/// Notes an execution's progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observe {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Where it was seen in the due index.
    pub seen_due_at: Timestamp,
    /// A number that changes whenever the execution moves on.
    pub progress: u64,
    /// When to look again.
    pub due_at: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObserveOutcome {
    /// Noted.
    Observed,
    /// It moved on meanwhile, or another sweeper was faster.
    Moved,
}

impl Observe {
    /// What it means.
    pub fn apply(&self, execution: &mut Option<ExecutionRow>) -> ObserveOutcome {
        let waits = |execution: &&mut ExecutionRow| execution.due.is_some_and(|due| due.due_at == self.seen_due_at);
        match execution.as_mut().filter(waits) {
            Some(execution) => {
                execution.progress_seen = Some(self.progress);
                execution.due = Some(Due::execution(self.execution_id, self.due_at));
                ObserveOutcome::Observed
            }
            None => ObserveOutcome::Moved,
        }
    }

    fn write(&self) -> Write {
        Write::new("SET #progress_seen = :progress, #due_at = :due", "#due_at = :seen")
            .number("progress", self.progress)
            .number("due", self.due_at.as_millis())
            .number("seen", self.seen_due_at.as_millis())
    }
}

impl ControlTable {
    /// Notes an execution's progress.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn observe(&self, request: &Observe) -> Result<ObserveOutcome, Error> {
        let about = About { operation: "observe", subject: &request.execution_id };
        let key = ExecutionRow::key_of(request.execution_id);
        match self.update(about, key, request.write(), ReturnValue::None).await? {
            Written::Applied(_) => Ok(ObserveOutcome::Observed),
            Written::Refused(item) => {
                let mut execution = item.map(|item| about.read(item)).transpose()?;
                match request.apply(&mut execution) {
                    ObserveOutcome::Observed => Err(about.disagreement()),
                    outcome @ ObserveOutcome::Moved => Ok(outcome),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{at, execution_id, sealed};

    #[test]
    fn of_two_sweepers_one_observes() {
        let mut execution = sealed(1);
        let seen_due_at = execution.as_ref().unwrap().due.unwrap().due_at;
        let observe = Observe { execution_id: execution_id(), seen_due_at, progress: 7, due_at: at(999) };
        assert_eq!(observe.apply(&mut execution), ObserveOutcome::Observed);
        assert_eq!(observe.apply(&mut execution), ObserveOutcome::Moved);
        assert_eq!(execution.unwrap().progress_seen, Some(7));
    }
}
