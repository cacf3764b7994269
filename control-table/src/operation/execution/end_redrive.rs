//! End redrive: every selected segment is requeued, and the execution can complete again. A cancel that was queued meanwhile begins.

use crate::clock::Timestamp;
use crate::id::ExecutionId;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, Due, ExecutionRow, ExecutionStatus, RowKey, Stop};

/// Ends a redrive: `REDRIVING -> RUNNING`, or `CANCELLING` with a queued cancel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct EndRedrive {
    pub execution_id: ExecutionId,
    /// The generation of the redrive.
    pub generation: u32,
    /// The queued cancel, as the caller read the execution; if there is another, the store sends another request.
    pub stop_requested: Option<Stop>,
    pub now: Timestamp,
}

/// Outcomes of [`EndRedrive`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndRedriveOutcome {
    /// The execution runs now.
    Running(Box<ExecutionRow>),
    /// The execution is being cancelled now, and due.
    Cancelling(Box<ExecutionRow>),
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
        let Some(row) = execution.as_mut().filter(is_redriving) else { return EndRedriveOutcome::NotRedriving };
        row.redrive = None;
        row.step_cursor = None;
        match row.stop_requested.take() {
            None => {
                row.status = ExecutionStatus::Running;
                EndRedriveOutcome::Running(Box::new(row.clone()))
            }
            Some(reason) => {
                row.status = ExecutionStatus::Cancelling;
                row.stopped = Some(reason);
                row.due = Some(Due::execution(self.execution_id, self.now));
                EndRedriveOutcome::Cancelling(Box::new(row.clone()))
            }
        }
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::Update(self.update()))
    }

    /// Sends the end that follows from the present row.
    fn revise(&self, met: &Self::Rows) -> Option<Self> {
        let stop_requested = met.as_ref()?.stop_requested;
        let ends = self.apply(&mut met.clone()) != EndRedriveOutcome::NotRedriving;
        (ends && stop_requested != self.stop_requested).then(|| Self { stop_requested, ..self.clone() })
    }
}

impl EndRedrive {
    fn update(&self) -> Update {
        let write = match self.stop_requested {
            None => Update::new(
                "SET #status = :running REMOVE #redrive, #step_cursor",
                "#status = :redriving AND #generation = :generation AND attribute_not_exists(#stop_requested)",
            )
            .text("running", ExecutionStatus::Running.as_str()),
            Some(reason) => {
                let due = Due::execution(self.execution_id, self.now);
                Update::new(
                    "SET #status = :cancelling, #stopped = :reason, #due_at = :due, #due_shard = :shard \
                     REMOVE #redrive, #step_cursor, #stop_requested",
                    "#status = :redriving AND #generation = :generation AND #stop_requested = :reason",
                )
                .text("cancelling", ExecutionStatus::Cancelling.as_str())
                .text("reason", reason.as_str())
                .text("shard", due.due_shard)
                .number("due", due.due_at.as_millis())
            }
        };
        write.text("redriving", ExecutionStatus::Redriving.as_str()).number("generation", self.generation)
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
        let end = EndRedrive { execution_id: execution_id(), generation: 2, stop_requested: None, now: at(99) };
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

    #[test]
    fn a_queued_cancel_begins_at_the_end() {
        let mut execution = sealed(1);
        if let Some(row) = &mut execution {
            (row.status, row.generation, row.step_cursor) = (ExecutionStatus::Redriving, 2, Some(1));
            row.stop_requested = Some(Stop::Requested);
        }
        let end = EndRedrive { execution_id: execution_id(), generation: 2, stop_requested: None, now: at(99) };
        let revised = end.revise(&execution).unwrap();
        assert_eq!((revised.stop_requested, revised.revise(&execution)), (Some(Stop::Requested), None));
        let EndRedriveOutcome::Cancelling(row) = end.apply(&mut execution) else { panic!("{execution:?}") };
        assert_eq!(
            (row.status, row.stopped, row.step_cursor),
            (ExecutionStatus::Cancelling, Some(Stop::Requested), None)
        );
        assert_eq!((row.stop_requested, row.due.map(|due| due.due_at)), (None, Some(at(99))));
        assert_eq!(end.apply(&mut execution), EndRedriveOutcome::NotRedriving);
    }
}
