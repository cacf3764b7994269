//! Mark notified: the event of a notification was published.

use crate::id::ExecutionId;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, ExecutionRow, Notification, RowKey};

/// Removes a notification from an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct MarkNotified {
    pub execution_id: ExecutionId,
    /// The generation that the notification is about.
    pub generation: u32,
    /// The notification whose event was published.
    pub notification: Notification,
}

/// Outcomes of [`MarkNotified`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkNotifiedOutcome {
    /// Removed now.
    Marked,
    /// The execution does not have it: it was removed before, or the execution is in another generation or does not exist.
    Stale,
}

impl Operation for MarkNotified {
    type Rows = Option<ExecutionRow>;
    type Outcome = MarkNotifiedOutcome;

    const NAME: &'static str = "mark notified";

    fn subject(&self) -> String {
        self.execution_id.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Execution(self.execution_id)]
    }

    fn apply(&self, execution: &mut Self::Rows) -> Self::Outcome {
        let row = execution.as_mut().filter(|row| row.generation == self.generation);
        if row.is_some_and(|row| row.notifications.remove(&self.notification)) {
            MarkNotifiedOutcome::Marked
        } else {
            MarkNotifiedOutcome::Stale
        }
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::Update(self.update()))
    }
}

impl MarkNotified {
    fn update(&self) -> Update {
        Update::new(
            "DELETE #notifications :notification",
            "#generation = :generation AND contains(#notifications, :name)",
        )
        .value("notification", self.notification.set())
        .text("name", self.notification.as_str())
        .number("generation", self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{execution_id, sealed};

    #[test]
    fn a_notification_is_removed_once() {
        let mut execution = sealed(1);
        if let Some(row) = &mut execution {
            row.notifications.insert(Notification::Stalled);
        }
        let mark = MarkNotified { execution_id: execution_id(), generation: 1, notification: Notification::Stalled };
        assert_eq!(MarkNotified { generation: 2, ..mark.clone() }.apply(&mut execution), MarkNotifiedOutcome::Stale);
        assert_eq!(mark.apply(&mut execution), MarkNotifiedOutcome::Marked);
        assert_eq!(mark.apply(&mut execution), MarkNotifiedOutcome::Stale);
    }
}
