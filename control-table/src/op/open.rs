//! **open**: key, execution and plan in one transaction, if the key is new; otherwise the execution that has it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::{ExecutionId, ExecutionKey, JobName};
use crate::item::{Counts, Due, ExecutionRow, ExecutionStatus, KeyRow, PlanRow};
use crate::policy::Policy;
use crate::table::{About, ControlTable, Part, Transacted};
use crate::trace::TraceContext;

/// Opens an execution.
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    /// The ID it gets if the key is new.
    pub execution_id: ExecutionId,
    /// The job.
    pub job: JobName,
    /// The caller's key, or the request ID: an invocation that Lambda repeats then opens nothing new.
    pub key: ExecutionKey,
    /// How failure is treated.
    pub policy: Policy,
    /// Segments it will have, where the source knows.
    pub expected: Option<u64>,
    /// The resolved source.
    pub source: Value,
    /// What every worker is told.
    pub parameters: Value,
    /// The trace of the call that opens it.
    pub trace: Option<TraceContext>,
    /// The present moment.
    pub now: Timestamp,
    /// When the sweeper should look whether the scatter is still alive. It looks sooner where a standstill would be told sooner.
    pub due_at: Timestamp,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub enum OpenOutcome {
    /// A new execution.
    Opened(Box<ExecutionRow>),
    /// The key belongs to this execution already, perhaps through a first try whose answer was lost.
    Existing(ExecutionId),
}

impl Open {
    /// What it means: `key` is the key item, `None` while nobody has it.
    #[must_use]
    pub fn apply(&self, key: &mut Option<KeyRow>) -> (OpenOutcome, Option<(ExecutionRow, PlanRow)>) {
        if let Some(taken) = key {
            return (OpenOutcome::Existing(taken.execution_id), None);
        }
        let (execution, plan) = self.rows();
        *key = Some(self.key_row());
        (OpenOutcome::Opened(Box::new(execution.clone())), Some((execution, plan)))
    }

    fn key_row(&self) -> KeyRow {
        let mut key = KeyRow::new(&self.job, &self.key, self.execution_id);
        key.expires_at = self.expires_at();
        key
    }

    fn expires_at(&self) -> Option<i64> {
        self.policy.expires_at(self.now)
    }

    fn rows(&self) -> (ExecutionRow, PlanRow) {
        let execution = ExecutionRow {
            execution_id: self.execution_id,
            job: self.job.clone(),
            day: self.now.to_datetime().format("%Y-%m-%d").to_string(),
            key: self.key.clone(),
            status: ExecutionStatus::Scattering,
            generation: 1,
            policy: self.policy,
            expected: self.expected,
            groups: 0,
            groups_done: 0,
            segments: 0,
            succeeded: 0,
            failed: 0,
            cancelled: 0,
            attempts: 0,
            counts: Counts::default(),
            created_at: self.now,
            scatter_until: Some(self.due_at),
            sealed_at: None,
            finished_at: None,
            published_generation: 0,
            started_at: self.now,
            stopped: None,
            redrive: None,
            progress_seen: None,
            progress_at: None,
            stalled_at: None,
            first_failure: None,
            notices: BTreeSet::new(),
            handed_out: self.policy.max_concurrency.map(|_| 0),
            in_flight: BTreeSet::new(),
            expires_at: self.expires_at(),
            due: Some(Due::execution(self.execution_id, self.due_at.min(self.policy.stall_look(self.now)))),
        };
        let plan = PlanRow {
            execution_id: self.execution_id,
            source: self.source.clone(),
            parameters: self.parameters.clone(),
            trace: self.trace.clone(),
            expires_at: self.expires_at(),
        };
        (execution, plan)
    }
}

impl ControlTable {
    /// Opens an execution, or finds the one that has its key.
    ///
    /// # Errors
    /// When the table cannot be written or read.
    pub async fn open(&self, request: &Open) -> Result<OpenOutcome, Error> {
        let about = About { operation: "open", subject: &request.execution_id };
        let (execution, plan) = request.rows();
        let parts = vec![
            self.put_part(about, &request.key_row())?,
            self.put_part(about, &execution)?,
            self.put_part(about, &plan)?,
        ];
        match self.transact(about, parts).await? {
            Transacted::Applied => Ok(OpenOutcome::Opened(Box::new(execution))),
            Transacted::Refused(met) => match met.into_iter().next() {
                Some(Part::Met(Some(item))) => {
                    let taken: KeyRow = about.read(item)?;
                    Ok(OpenOutcome::Existing(taken.execution_id))
                }
                _ => Err(about.disagreement()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(id: u128) -> Open {
        Open {
            execution_id: ExecutionId::new(uuid::Uuid::from_u128(id)),
            job: "nightly".parse().unwrap(),
            key: "2026-11-24".parse().unwrap(),
            policy: Policy::default(),
            expected: Some(3),
            source: Value::Null,
            parameters: Value::Null,
            trace: None,
            now: Timestamp::from_millis(1_795_478_400_000),
            due_at: Timestamp::from_millis(1_795_478_460_000),
        }
    }

    #[test]
    fn a_key_is_given_once() {
        let mut key = None;
        let (first, rows) = open(1).apply(&mut key);
        assert!(matches!(first, OpenOutcome::Opened(_)));
        let (execution, _) = rows.unwrap();
        assert_eq!((execution.day.as_str(), execution.status), ("2026-11-24", ExecutionStatus::Scattering));
        let (second, rows) = open(2).apply(&mut key);
        assert_eq!((second, rows), (OpenOutcome::Existing(open(1).execution_id), None));
    }

    #[test]
    fn the_first_look_is_in_time_for_a_standstill_and_the_scatter_keeps_its_time() {
        for (stall_after_ms, look_ms) in [(20, 1_000), (3_000, 3_000), (90_000, 60_000)] {
            let policy = Policy { stall_after_ms, ..Policy::default() };
            let open = Open { policy, ..open(1) };
            let (execution, _) = open.apply(&mut None).1.unwrap();
            assert_eq!(execution.due.unwrap().due_at.millis_since(open.now), look_ms);
            assert_eq!(execution.scatter_until, Some(open.due_at));
        }
    }
}
