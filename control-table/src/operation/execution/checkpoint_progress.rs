//! Checkpoint progress: the sweeper stores how far an execution has come, and when to check it next.
//!
//! An execution whose progress changes between two checks needs no help; the sweeper heals the groups of one whose progress does
//! not.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::clock::Timestamp;
use crate::id::ExecutionId;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, Due, ExecutionRow, Notification, RowKey};

/// Stores the progress of an execution. Needs the due moment that the caller saw, so that of two sweepers one writes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct CheckpointProgress {
    pub execution_id: ExecutionId,
    /// The due moment of the execution when the caller read it.
    pub seen_due_at: Timestamp,
    /// A number that changes with every change of the execution or its tallies.
    pub progress: u64,
    /// When that number was last seen to change.
    pub progress_at: Timestamp,
    /// Since when the execution counts as stalled; `None` if it does not.
    pub stalled_at: Option<Timestamp>,
    /// Whether the stall is new, so that an event about it has to be published.
    pub notification: bool,
    /// Every group before this one is folded.
    pub open_from: u64,
    /// Where the sweeper begins its next look for lost records if that is not one at everything: a group. With a limit of segments in
    /// flight: `admitted_until` at `healed_at`.
    pub heal_cursor: Option<u64>,
    /// When the sweeper last began to look for lost records in all groups.
    pub healed_at: Option<Timestamp>,
    /// When the sweeper last found segments whose records are lost.
    pub lost_at: Option<Timestamp>,
    /// Whether all records that the execution's next segments need wait in the stream, behind others.
    pub waits_in_stream: bool,
    /// When to check again.
    pub due_at: Timestamp,
}

/// Outcomes of [`CheckpointProgress`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckpointProgressOutcome {
    /// Stored.
    Recorded,
    /// The execution has another due moment, none, or does not exist: it changed, or another sweeper was faster.
    Moved,
}

impl Operation for CheckpointProgress {
    type Rows = Option<ExecutionRow>;
    type Outcome = CheckpointProgressOutcome;

    const NAME: &'static str = "checkpoint progress";

    fn subject(&self) -> String {
        self.execution_id.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Execution(self.execution_id)]
    }

    fn apply(&self, execution: &mut Self::Rows) -> Self::Outcome {
        let waits = |execution: &&mut ExecutionRow| execution.due == Some(self.seen_due());
        match execution.as_mut().filter(waits) {
            Some(execution) => {
                execution.progress_seen = Some(self.progress);
                execution.progress_at = Some(self.progress_at);
                execution.stalled_at = self.stalled_at;
                execution.open_from = self.open_from;
                execution.heal_cursor = self.heal_cursor;
                execution.healed_at = self.healed_at;
                execution.lost_at = self.lost_at;
                execution.waits_in_stream = self.waits_in_stream;
                if self.notification {
                    execution.notifications.insert(Notification::Stalled);
                }
                execution.due = Some(Due::execution(self.execution_id, self.due_at));
                CheckpointProgressOutcome::Recorded
            }
            None => CheckpointProgressOutcome::Moved,
        }
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::Update(self.update()))
    }
}

impl CheckpointProgress {
    fn update(&self) -> Update {
        let moment = |moment: Option<Timestamp>| moment.map(|moment| AttributeValue::N(moment.as_millis().to_string()));
        let cursor = self.heal_cursor.map(|cursor| AttributeValue::N(cursor.to_string()));
        let optional = [
            ("stalled_at", moment(self.stalled_at)),
            ("heal_cursor", cursor),
            ("healed_at", moment(self.healed_at)),
            ("lost_at", moment(self.lost_at)),
            ("waits_in_stream", self.waits_in_stream.then_some(AttributeValue::Bool(true))),
        ];
        let (mut sets, mut removes) = (String::new(), Vec::new());
        let mut write = Update::new("", "#due_at = :seen AND #due_shard = :shard");
        for (name, value) in optional {
            match value {
                Some(value) => {
                    sets.extend([", #", name, " = :", name]);
                    write = write.value(name, value);
                }
                None => removes.push(format!("#{name}")),
            }
        }
        let mut update = format!(
            "SET #progress_seen = :progress, #progress_at = :at, #open_from = :open_from, #due_at = :due{sets}"
        );
        if !removes.is_empty() {
            update.extend([" REMOVE ", &removes.join(", ")]);
        }
        if self.notification {
            update.push_str(" ADD #notifications :stalled_event");
            write = write.value("stalled_event", Notification::Stalled.set());
        }
        write.update = update;
        write
            .number("progress", self.progress)
            .number("open_from", self.open_from)
            .number("at", self.progress_at.as_millis())
            .number("due", self.due_at.as_millis())
            .number("seen", self.seen_due_at.as_millis())
            .text("shard", self.seen_due().due_shard)
    }

    /// Where the execution waited when the sweeper read it. One that has completed meanwhile waits for the end of its retention, which may
    /// be at the same moment.
    fn seen_due(&self) -> Due {
        Due::execution(self.execution_id, self.seen_due_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{at, execution_id, sealed};

    #[test]
    fn of_two_sweepers_one_writes() {
        let mut execution = sealed(1);
        let seen_due_at = execution.as_ref().unwrap().due.unwrap().due_at;
        let checkpoint = CheckpointProgress {
            execution_id: execution_id(),
            seen_due_at,
            progress: 7,
            progress_at: at(3),
            stalled_at: None,
            notification: false,
            open_from: 2,
            heal_cursor: Some(3),
            healed_at: None,
            lost_at: None,
            waits_in_stream: true,
            due_at: at(999),
        };
        assert_eq!(checkpoint.apply(&mut execution), CheckpointProgressOutcome::Recorded);
        assert_eq!(checkpoint.apply(&mut execution), CheckpointProgressOutcome::Moved);
        assert_eq!(execution.as_ref().unwrap().progress_seen, Some(7));
        // It completed, and its retention ends at the moment at which the sweeper would have looked again.
        execution.as_mut().unwrap().due = Some(Due::expiry(execution_id(), seen_due_at));
        assert_eq!(checkpoint.apply(&mut execution), CheckpointProgressOutcome::Moved);
        assert_eq!(execution.unwrap().due, Some(Due::expiry(execution_id(), seen_due_at)));
    }
}
