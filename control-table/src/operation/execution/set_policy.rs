//! Set policy: the limits of an execution that may change while it runs.

use crate::id::ExecutionId;
use crate::operation::write::to_attribute;
use crate::operation::{Operation, Update, Write};
use crate::policy::Tolerance;
use crate::rows::{CorruptItem, ExecutionRow, RowKey};

/// Changes limits. A limit that is `None` here stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct SetPolicy {
    pub execution_id: ExecutionId,
    /// The new limit of segments in flight.
    pub max_concurrency: Option<u32>,
    /// The new tolerance of failures.
    pub tolerated_failures: Option<Tolerance>,
}

/// Outcomes of [`SetPolicy`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetPolicyOutcome {
    /// Changed; the row after the change.
    Set(Box<ExecutionRow>),
    /// The execution runs without a limit of segments in flight. All its records are on the stream, so none can be set.
    NotLimited,
    /// There is no such execution.
    Missing,
}

impl Operation for SetPolicy {
    type Rows = Option<ExecutionRow>;
    type Outcome = SetPolicyOutcome;

    const NAME: &'static str = "set policy";

    fn subject(&self) -> String {
        self.execution_id.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Execution(self.execution_id)]
    }

    /// A limit of segments in flight can be set on an execution that has one, or that is complete: it then holds for a redrive.
    fn apply(&self, execution: &mut Self::Rows) -> Self::Outcome {
        let Some(row) = execution else { return SetPolicyOutcome::Missing };
        if self.max_concurrency.is_some() && row.admitted_until.is_none() && row.finished_at.is_none() {
            return SetPolicyOutcome::NotLimited;
        }
        row.policy.max_concurrency = self.max_concurrency.or(row.policy.max_concurrency);
        row.policy.tolerated_failures = self.tolerated_failures.unwrap_or(row.policy.tolerated_failures);
        SetPolicyOutcome::Set(Box::new(row.clone()))
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        self.update().map(Write::Update)
    }
}

impl SetPolicy {
    fn update(&self) -> Result<Update, CorruptItem> {
        // The first assignment changes nothing; it keeps the clause from being empty.
        let (mut update, mut condition) =
            ("SET #generation = #generation".to_owned(), "attribute_exists(#pk)".to_owned());
        if self.max_concurrency.is_some() {
            update.push_str(", #policy.#max_concurrency = :slots");
            condition.push_str(" AND (attribute_exists(#admitted_until) OR attribute_exists(#finished_at))");
        }
        if self.tolerated_failures.is_some() {
            update.push_str(", #policy.#tolerated_failures = :tolerated");
        }
        let mut write = Update::new(update, condition);
        if let Some(slots) = self.max_concurrency {
            write = write.number("slots", slots);
        }
        if let Some(tolerated) = self.tolerated_failures {
            write = write.value("tolerated", to_attribute(&tolerated)?);
        }
        Ok(write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{execution_id, failed_and_published, sealed};

    fn set(max_concurrency: Option<u32>, tolerated: Option<Tolerance>) -> SetPolicy {
        SetPolicy { execution_id: execution_id(), max_concurrency, tolerated_failures: tolerated }
    }

    #[test]
    fn limits_change_one_by_one() {
        let mut execution = sealed(1);
        let share = Tolerance::Share(500);
        assert!(matches!(set(None, Some(share)).apply(&mut execution), SetPolicyOutcome::Set(_)));
        assert_eq!(execution.unwrap().policy.tolerated_failures, share);
        assert_eq!(set(None, None).apply(&mut None), SetPolicyOutcome::Missing);
    }

    #[test]
    fn an_execution_without_a_limit_gets_none_while_it_runs() {
        assert_eq!(set(Some(4), None).apply(&mut sealed(1)), SetPolicyOutcome::NotLimited);
        let mut complete = failed_and_published(1);
        assert!(matches!(set(Some(4), None).apply(&mut complete), SetPolicyOutcome::Set(_)));
        let mut limited = sealed(1);
        if let Some(row) = &mut limited {
            row.admitted_until = Some(3);
        }
        assert!(matches!(set(Some(4), None).apply(&mut limited), SetPolicyOutcome::Set(_)));
        assert_eq!(limited.unwrap().policy.max_concurrency, Some(4));
    }
}
