//! **set**: the limits of an execution that may change while it runs.

use crate::error::Error;
use crate::id::ExecutionId;
use crate::item::ExecutionRow;
use crate::policy::Tolerance;
use crate::table::{About, ControlTable, Decided, Write};

/// Changes limits; what is `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetPolicy {
    /// The execution.
    pub execution_id: ExecutionId,
    /// The limit of segments in flight.
    pub max_concurrency: Option<u32>,
    /// The failures tolerated.
    pub tolerated_failures: Option<Tolerance>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetPolicyOutcome {
    /// Changed; the row as it is now.
    Set(Box<ExecutionRow>),
    /// It runs without a limit of segments in flight: all its records are on the stream, and cannot be called back.
    NotLimited,
    /// There is no such execution.
    Missing,
}

impl SetPolicy {
    /// What it means. A limit of segments in flight can be given to an execution that has one, or that is complete: then it
    /// holds for its redrive.
    pub fn apply(&self, execution: &mut Option<ExecutionRow>) -> SetPolicyOutcome {
        let Some(row) = execution else { return SetPolicyOutcome::Missing };
        if self.max_concurrency.is_some() && row.handed_out.is_none() && row.finished_at.is_none() {
            return SetPolicyOutcome::NotLimited;
        }
        row.policy.max_concurrency = self.max_concurrency.or(row.policy.max_concurrency);
        row.policy.tolerated_failures = self.tolerated_failures.unwrap_or(row.policy.tolerated_failures);
        SetPolicyOutcome::Set(Box::new(row.clone()))
    }

    fn write(&self, about: About<'_>) -> Result<Write, Error> {
        // The first assignment changes nothing; it keeps the clause from being empty.
        let (mut update, mut condition) =
            ("SET #generation = #generation".to_owned(), "attribute_exists(#pk)".to_owned());
        if self.max_concurrency.is_some() {
            update.push_str(", #policy.#max_concurrency = :slots");
            condition.push_str(" AND (attribute_exists(#handed_out) OR attribute_exists(#finished_at))");
        }
        if self.tolerated_failures.is_some() {
            update.push_str(", #policy.#tolerated_failures = :tolerated");
        }
        let mut write = Write::new(update, condition);
        if let Some(slots) = self.max_concurrency {
            write = write.number("slots", slots);
        }
        if let Some(tolerated) = self.tolerated_failures {
            write = write.value("tolerated", about.spell(&tolerated)?);
        }
        Ok(write)
    }
}

impl ControlTable {
    /// Changes limits of an execution.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn set_policy(&self, request: &SetPolicy) -> Result<SetPolicyOutcome, Error> {
        let about = About { operation: "set", subject: &request.execution_id };
        let key = ExecutionRow::key_of(request.execution_id);
        match self.decide(about, key, request.write(about)?, |row| request.apply(row)).await? {
            Decided::Applied(row) => Ok(SetPolicyOutcome::Set(row)),
            Decided::Refused(outcome) => Ok(outcome),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{execution_id, failed_and_published, sealed};

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
    fn records_that_are_on_the_stream_cannot_be_limited() {
        assert_eq!(set(Some(4), None).apply(&mut sealed(1)), SetPolicyOutcome::NotLimited);
        let mut complete = failed_and_published(1);
        assert!(matches!(set(Some(4), None).apply(&mut complete), SetPolicyOutcome::Set(_)));
        let mut limited = sealed(1);
        if let Some(row) = &mut limited {
            row.handed_out = Some(3);
        }
        assert!(matches!(set(Some(4), None).apply(&mut limited), SetPolicyOutcome::Set(_)));
        assert_eq!(limited.unwrap().policy.max_concurrency, Some(4));
    }
}
