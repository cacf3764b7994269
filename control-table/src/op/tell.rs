//! **tell**: the event that a notice asked for is out.

use crate::error::Error;
use crate::id::ExecutionId;
use crate::item::{ExecutionRow, Notice};
use crate::table::{About, ControlTable, Decided, Write};

/// Takes a notice away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tell {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The generation that the notice is about.
    pub generation: u32,
    /// The notice whose event is out.
    pub notice: Notice,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TellOutcome {
    /// It is taken away, now.
    Told,
    /// It was taken away before, or the execution is in another generation, or gone.
    Stale,
}

impl Tell {
    /// What it means.
    pub fn apply(&self, execution: &mut Option<ExecutionRow>) -> TellOutcome {
        let row = execution.as_mut().filter(|row| row.generation == self.generation);
        if row.is_some_and(|row| row.notices.remove(&self.notice)) { TellOutcome::Told } else { TellOutcome::Stale }
    }

    fn write(&self) -> Write {
        Write::new("DELETE #notices :notice", "#generation = :generation AND contains(#notices, :name)")
            .value("notice", self.notice.set())
            .text("name", self.notice.as_str())
            .number("generation", self.generation)
    }
}

impl ControlTable {
    /// Takes a notice away.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn tell(&self, request: &Tell) -> Result<TellOutcome, Error> {
        let about = About { operation: "tell", subject: &request.execution_id };
        let key = ExecutionRow::key_of(request.execution_id);
        match self.decide(about, key, request.write(), |row| request.apply(row)).await? {
            Decided::Applied(_) => Ok(TellOutcome::Told),
            Decided::Refused(outcome) => Ok(outcome),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{execution_id, sealed};

    #[test]
    fn a_notice_is_taken_away_once() {
        let mut execution = sealed(1);
        if let Some(row) = &mut execution {
            row.notices.insert(Notice::Stalled);
        }
        let tell = Tell { execution_id: execution_id(), generation: 1, notice: Notice::Stalled };
        assert_eq!(Tell { generation: 2, ..tell.clone() }.apply(&mut execution), TellOutcome::Stale);
        assert_eq!(tell.apply(&mut execution), TellOutcome::Told);
        assert_eq!(tell.apply(&mut execution), TellOutcome::Stale);
    }
}
