//! Open: key, execution and plan in one transaction if the key is new; otherwise the execution that has the key.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::id::{ExecutionId, ExecutionKey, JobName};
use crate::operation::{Change, Operation, Part, Write};
use crate::policy::Policy;
use crate::rows::{
    CorruptItem, Counts, Due, ExecutionRow, ExecutionStatus, KeyRow, PlanKind, PlanRow, RowKey, to_item,
};
use crate::tags::Tags;
use crate::trace::TraceContext;

/// Opens an execution, in `SCATTERING`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Open {
    /// The ID of the execution if the key is new.
    pub execution_id: ExecutionId,
    pub job: JobName,
    /// The caller's idempotency key, or the ID of its request: an invocation that Lambda repeats then opens no second execution.
    pub key: ExecutionKey,
    /// They are no part of what another call with the same key must ask for: that call finds the execution with its first tags.
    pub tags: Tags,
    pub policy: Policy,
    /// Segments that the execution will have, if the source knows.
    pub expected: Option<u64>,
    /// Where the segments come from.
    pub kind: PlanKind,
    /// A digest of the source as the caller asked for it: another call with the same key must ask for the same.
    pub asked: String,
    /// The source, with its defaults filled in.
    pub source: Value,
    /// The job's parameters; every record carries them.
    pub parameters: Value,
    /// The trace of the call that opens it.
    pub trace: Option<TraceContext>,
    pub now: Timestamp,
    /// Until when the scatter is presumed alive. The sweeper checks the execution then, or earlier if the policy has it
    /// reported as stalled earlier.
    pub due_at: Timestamp,
}

/// Outcomes of [`Open`].
#[derive(Debug, Clone, PartialEq)]
pub enum OpenOutcome {
    /// The key was new; the execution that has it now.
    Opened(Box<ExecutionRow>),
    /// This execution has the key: another caller's, or that of a first try whose answer was lost.
    Existing(ExecutionId),
}

impl Operation for Open {
    type Rows = (Part<KeyRow>, Part<ExecutionRow>, Part<PlanRow>);
    type Outcome = OpenOutcome;

    const NAME: &'static str = "open";

    fn subject(&self) -> String {
        self.execution_id.to_string()
    }

    fn keys(&self) -> Vec<RowKey> {
        vec![
            RowKey::Key(self.job.clone(), self.key.clone()),
            RowKey::Execution(self.execution_id),
            RowKey::Plan(self.execution_id),
        ]
    }

    fn apply(&self, (key, execution, plan): &mut Self::Rows) -> Self::Outcome {
        if let Some(taken) = key.refuses(|key| key.map(|key| key.execution_id)) {
            return OpenOutcome::Existing(taken);
        }
        let (opened, planned) = self.rows();
        key.insert(self.key_row());
        execution.insert(opened.clone());
        plan.insert(planned);
        OpenOutcome::Opened(Box::new(opened))
    }

    fn write(&self) -> Result<Write, CorruptItem> {
        let (execution, plan) = self.rows();
        Ok(Write::All(vec![
            Change::Insert(to_item(&self.key_row())?),
            Change::Insert(to_item(&execution)?),
            Change::Insert(to_item(&plan)?),
        ]))
    }
}

impl Open {
    fn key_row(&self) -> KeyRow {
        KeyRow::new(&self.job, &self.key, self.execution_id)
    }

    pub(in crate::operation) fn rows(&self) -> (ExecutionRow, PlanRow) {
        let execution = ExecutionRow {
            execution_id: self.execution_id,
            job: self.job.clone(),
            day: self.now.to_datetime().format("%Y-%m-%d").to_string(),
            key: self.key.clone(),
            tags: self.tags.clone(),
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
            counters_registered: 0,
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
            notifications: BTreeSet::new(),
            admitted_until: self.policy.max_concurrency.map(|_| 0),
            in_flight: BTreeSet::new(),
            step_cursor: None,
            stop_requested: None,
            open_from: 0,
            heal_cursor: None,
            healed_at: None,
            lost_at: None,
            waits_in_stream: false,
            due: Some(Due::execution(self.execution_id, self.due_at.min(self.policy.stall_look(self.now)))),
        };
        let plan = PlanRow {
            execution_id: self.execution_id,
            kind: self.kind,
            asked: self.asked.clone(),
            source: self.source.clone(),
            parameters: self.parameters.clone(),
            trace: self.trace.clone(),
        };
        (execution, plan)
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
            tags: "team=maps".parse().map(|tag| vec![tag].try_into().unwrap()).unwrap(),
            policy: Policy::default(),
            expected: Some(3),
            kind: PlanKind::Planned,
            asked: "a digest".to_owned(),
            source: Value::Null,
            parameters: Value::Null,
            trace: None,
            now: Timestamp::from_millis(1_795_478_400_000),
            due_at: Timestamp::from_millis(1_795_478_460_000),
        }
    }

    #[test]
    fn a_key_belongs_to_one_execution() {
        let nothing = (Part::Is(None), Part::Is(None), Part::Is(None));
        let mut rows = nothing.clone();
        assert!(matches!(open(1).apply(&mut rows), OpenOutcome::Opened(_)));
        let (key, Part::Is(Some(execution)), Part::Is(Some(plan))) = rows else { panic!("{rows:?}") };
        assert_eq!((execution.day.as_str(), execution.status), ("2026-11-24", ExecutionStatus::Scattering));
        assert_eq!((plan.execution_id, &execution.tags), (execution.execution_id, &open(1).tags));
        let mut second = (key, nothing.1, nothing.2);
        let before = second.clone();
        assert_eq!(open(2).apply(&mut second), OpenOutcome::Existing(open(1).execution_id));
        assert_eq!(second, before);
    }

    #[test]
    fn the_first_check_is_in_time_for_a_stall_and_the_scatter_keeps_its_time() {
        for (stall_after_ms, check_ms) in [(20, 1_000), (3_000, 3_000), (90_000, 60_000)] {
            let policy = Policy { stall_after_ms, ..Policy::default() };
            let open = Open { policy, ..open(1) };
            let (execution, _) = open.rows();
            assert_eq!(execution.due.unwrap().due_at.millis_since(open.now), check_ms);
            assert_eq!(execution.scatter_until, Some(open.due_at));
        }
    }
}
