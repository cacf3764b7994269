//! Register counters: names of the user's counters that an execution has from now on, with the value zero.
//!
//! A worker sends it before it records an output with names that it has not seen in the execution. So the number of names is
//! bounded before any of them is stored: every tally, fold and un-fold names each counter of its rows in one expression, which may
//! have 4 KB (quota).

use crate::id::ExecutionId;
use crate::limits::MAX_EXECUTION_COUNTERS;
use crate::operation::{Operation, Update, Write};
use crate::rows::{CorruptItem, ExecutionRow, RowKey};

/// Gives counters to an execution that do not exist there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RegisterCounters {
    pub execution_id: ExecutionId,
    /// Names of counters, each once; at most [`crate::limits::MAX_COUNTERS`], as an output has.
    pub names: Vec<String>,
}

/// Outcomes of [`RegisterCounters`]; only `Registered` changes the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegisterCountersOutcome {
    /// The execution has all of these counters: since now, or from before.
    Registered,
    /// The execution would have more than [`MAX_EXECUTION_COUNTERS`].
    TooMany {
        /// The number of counters that it has.
        registered: u32,
    },
    /// There is no such execution.
    Missing,
}

impl Operation for RegisterCounters {
    type Rows = Option<ExecutionRow>;
    type Outcome = RegisterCountersOutcome;

    const NAME: &'static str = "register counters";

    fn subject(&self) -> String {
        self.execution_id.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![RowKey::Execution(self.execution_id)]
    }

    fn apply(&self, execution: &mut Self::Rows) -> Self::Outcome {
        let Some(row) = execution else { return RegisterCountersOutcome::Missing };
        let new = self.unknown_to(row);
        let sum = row.counters_registered.saturating_add(count(&new));
        if !new.is_empty() && sum > MAX_EXECUTION_COUNTERS {
            return RegisterCountersOutcome::TooMany { registered: row.counters_registered };
        }
        row.counters_registered = sum;
        row.counts.counters.0.extend(new.into_iter().map(|name| (name, 0)));
        RegisterCountersOutcome::Registered
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        Ok(Write::Update(self.update()))
    }

    /// Leaves out the names that the execution has, if others are left.
    fn revise(&self, met: &Self::Rows) -> Option<Self> {
        let names = self.unknown_to(met.as_ref()?);
        let is_smaller = !names.is_empty() && names.len() < self.names.len();
        is_smaller.then(|| Self { names, ..self.clone() })
    }
}

impl RegisterCounters {
    fn unknown_to(&self, row: &ExecutionRow) -> Vec<String> {
        self.names.iter().filter(|name| !row.counts.counters.0.contains_key(*name)).cloned().collect()
    }

    /// Registers all of the names, if the execution has none of them and room for all.
    fn update(&self) -> Update {
        if self.names.is_empty() {
            return Update::new("SET #generation = #generation", "attribute_exists(#generation)");
        }
        let room = i64::from(MAX_EXECUTION_COUNTERS) - i64::from(count(&self.names));
        let mut condition = "attribute_exists(#generation)".to_owned();
        condition.push_str(if room >= 0 {
            " AND (attribute_not_exists(#counters_registered) OR #counters_registered <= :room)"
        } else {
            " AND #counters_registered <= :room"
        });
        for number in 0..self.names.len() {
            condition = format!("{condition} AND attribute_not_exists(#c{number})");
        }
        let mut write = Update::new("ADD #counters_registered :count", condition)
            .number("count", self.names.len())
            .number("room", room);
        for (number, name) in self.names.iter().enumerate() {
            write = write.counter(number, name, 0, "");
        }
        write
    }
}

fn count(names: &[String]) -> u32 {
    u32::try_from(names.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::testing::{execution_id, opened};

    fn register(names: impl IntoIterator<Item = u32>) -> RegisterCounters {
        let names = names.into_iter().map(|number| format!("counter {number}")).collect();
        RegisterCounters { execution_id: execution_id(), names }
    }

    #[test]
    fn an_execution_has_a_bounded_number_of_counters() {
        let mut execution = opened();
        for first in (0..MAX_EXECUTION_COUNTERS).step_by(16) {
            assert_eq!(register(first..first + 16).apply(&mut execution), RegisterCountersOutcome::Registered);
        }
        let full = execution.clone();
        let refused = RegisterCountersOutcome::TooMany { registered: MAX_EXECUTION_COUNTERS };
        assert_eq!(register(63..65).apply(&mut execution), refused);
        assert_eq!(register(0..64).apply(&mut execution), RegisterCountersOutcome::Registered);
        assert_eq!(execution, full);
        assert_eq!(register([0]).apply(&mut None), RegisterCountersOutcome::Missing);
    }

    #[test]
    fn names_that_exist_are_left_out_of_the_request() {
        let mut execution = opened();
        register(0..2).apply(&mut execution);
        assert_eq!(register(1..4).revise(&execution), Some(register(2..4)));
        assert_eq!(register(0..2).revise(&execution), None);
        assert_eq!(register(2..4).revise(&execution), None);
    }
}
