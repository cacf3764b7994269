//! **observe**: the sweeper notes how far an execution has come, and when to look again.
//!
//! An execution whose progress changes between two looks needs no help; only one that stands still is walked through.

use aws_sdk_dynamodb::types::ReturnValue;

use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::ExecutionId;
use crate::item::{Due, ExecutionRow, Notice};
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
    /// When it was last seen to move on.
    pub progress_at: Timestamp,
    /// Since when it counts as stalled, if it does.
    pub stalled_at: Option<Timestamp>,
    /// Whether that is news: then an event about it is to be published.
    pub notice: bool,
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
                execution.progress_at = Some(self.progress_at);
                execution.stalled_at = self.stalled_at;
                if self.notice {
                    execution.notices.insert(Notice::Stalled);
                }
                execution.due = Some(Due::execution(self.execution_id, self.due_at));
                ObserveOutcome::Observed
            }
            None => ObserveOutcome::Moved,
        }
    }

    fn write(&self) -> Write {
        let stalled = if self.stalled_at.is_some() { ", #stalled_at = :stalled" } else { " REMOVE #stalled_at" };
        let notice = if self.notice { " ADD #notices :notice" } else { "" };
        let update = format!("SET #progress_seen = :progress, #progress_at = :at, #due_at = :due{stalled}{notice}");
        let write = Write::new(update, "#due_at = :seen");
        let write = match self.stalled_at {
            Some(stalled) => write.number("stalled", stalled.as_millis()),
            None => write,
        };
        let write = if self.notice { write.value("notice", Notice::Stalled.set()) } else { write };
        write
            .number("progress", self.progress)
            .number("at", self.progress_at.as_millis())
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
        let observe = Observe {
            execution_id: execution_id(),
            seen_due_at,
            progress: 7,
            progress_at: at(3),
            stalled_at: None,
            notice: false,
            due_at: at(999),
        };
        assert_eq!(observe.apply(&mut execution), ObserveOutcome::Observed);
        assert_eq!(observe.apply(&mut execution), ObserveOutcome::Moved);
        assert_eq!(execution.unwrap().progress_seen, Some(7));
    }
}
