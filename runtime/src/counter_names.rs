//! The names of counters, which an execution has a bounded number of.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use control_table::id::ExecutionId;
use control_table::limits::MAX_EXECUTION_COUNTERS;
use control_table::operation::{Ending, RegisterCounters, RegisterCountersOutcome};
use control_table::rows::{ErrorKind, SegmentFailure};
use control_table::{ControlTable, Error};

/// Executions whose names this process remembers. A choice: a process works on few executions at a time; past the bound it forgets
/// all, and asks once more.
const REMEMBERED_MAX: usize = 64;

/// The counters that executions have, as far as this process knows: it registers a name once, not once a segment.
#[derive(Debug, Default)]
pub(crate) struct CounterNames {
    known: Mutex<HashMap<ExecutionId, BTreeSet<String>>>,
}

impl CounterNames {
    /// Registers the counters of an output. Returns the ending to record: another one if the execution would have too many.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn register(
        &self,
        table: &ControlTable,
        execution_id: ExecutionId,
        ending: Ending,
    ) -> Result<Ending, Error> {
        let Ending::Succeeded { counts, .. } = &ending else { return Ok(ending) };
        let names = self.unknown(execution_id, counts.counters.0.keys());
        if names.is_empty() {
            return Ok(ending);
        }
        let request = RegisterCounters { execution_id, names };
        let registered = match table.execute(&request).await? {
            RegisterCountersOutcome::Registered => {
                self.remember(execution_id, request.names);
                return Ok(ending);
            }
            // The worker finds that out when it records the ending.
            RegisterCountersOutcome::Missing => return Ok(ending),
            RegisterCountersOutcome::TooMany { registered } => registered,
        };
        let duration_ms = counts.duration_ms;
        Ok(Ending::Failed { failure: too_many(&request.names, registered), duration_ms })
    }

    fn unknown<'a>(&self, execution_id: ExecutionId, names: impl Iterator<Item = &'a String>) -> Vec<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(&execution_id);
        names.filter(|name| !known.is_some_and(|known| known.contains(*name))).cloned().collect()
    }

    fn remember(&self, execution_id: ExecutionId, names: Vec<String>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX && !known.contains_key(&execution_id) {
            known.clear();
        }
        known.entry(execution_id).or_default().extend(names);
    }
}

/// Permanent: another attempt would count the same.
fn too_many(names: &[String], registered: u32) -> SegmentFailure {
    let message = format!(
        "the output counts {names:?}, and its execution has {registered} counters already: all segments of an execution may use \
         {MAX_EXECUTION_COUNTERS} names together. Give values of one kind one name, and put what is particular to the segment into \
         the result"
    );
    SegmentFailure::new(ErrorKind::InvalidOutput, &message)
}
