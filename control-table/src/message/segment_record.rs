//! The Kinesis record of a segment.
//!
//! It has everything that a worker needs, so that a segment is processed without a read.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{ExecutionId, ExecutionKey, JobName, SegmentId};
use crate::policy::Policy;
use crate::rows::{ExecutionRow, PlanRow};
use crate::trace::TraceContext;

/// The record of one segment, as JSON.
#[expect(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentRecord {
    pub execution_id: ExecutionId,
    pub job: JobName,
    pub key: ExecutionKey,
    /// The generation in which the record was put.
    pub generation: u32,
    /// The index of the segment.
    pub index: u64,
    /// Segments of the execution, if the source knew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// The work of the segment, as the source said.
    pub spec: Value,
    /// The parameters of the job.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub parameters: Value,
    /// How failures are treated.
    pub policy: Policy,
    /// The trace in which the execution was opened.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::trace::lenient")]
    pub trace: Option<TraceContext>,
}

impl SegmentRecord {
    /// The record of a segment of that execution, in its present generation.
    #[must_use]
    pub fn new(execution: &ExecutionRow, plan: &PlanRow, index: u64, spec: Value) -> Self {
        Self {
            execution_id: execution.execution_id,
            job: execution.job.clone(),
            key: execution.key.clone(),
            generation: execution.generation,
            index,
            total: execution.expected,
            spec,
            parameters: plan.parameters.clone(),
            policy: execution.policy,
            trace: plan.trace.clone(),
        }
    }

    /// The ID of the segment.
    #[must_use]
    pub const fn segment(&self) -> SegmentId {
        self.execution_id.segment(self.index)
    }

    /// See [`SegmentId::partition_key`].
    #[must_use]
    pub fn partition_key(&self) -> String {
        self.segment().partition_key()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A record without a trace.
    fn untraced() -> Value {
        json!({
            "execution_id": "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b",
            "job": "job", "key": "key", "generation": 1, "index": 0, "spec": {}, "policy": {},
        })
    }

    #[test]
    fn a_record_without_a_trace_does_not_mention_one() {
        let record: SegmentRecord = serde_json::from_value(untraced()).unwrap();
        assert_eq!(record.trace, None);
        assert_eq!(serde_json::to_value(&record).unwrap().get("trace"), None);
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let traced = SegmentRecord { trace: TraceContext::from_header(header), ..record };
        let spelled = serde_json::to_value(&traced).unwrap();
        assert_eq!(spelled["trace"], header);
        assert_eq!(serde_json::from_value::<SegmentRecord>(spelled).unwrap(), traced);
    }

    #[test]
    fn a_record_with_a_foreign_trace_is_read_without_it() {
        for foreign in [json!("00-57-53-01"), json!(7), json!({"id": 1}), Value::Null] {
            let mut record = untraced();
            record["trace"] = foreign;
            assert_eq!(serde_json::from_value::<SegmentRecord>(record).unwrap().trace, None);
        }
    }
}
