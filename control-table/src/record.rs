//! What travels to a worker: one Kinesis record a segment.
//!
//! It carries everything a worker needs, so that a healthy segment costs no read.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{ExecutionId, JobName, SegmentId};
use crate::item::{ExecutionRow, PlanRow};
use crate::policy::Policy;
use crate::trace::TraceContext;

/// The record of one segment, as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentRecord {
    /// The execution.
    pub execution_id: ExecutionId,
    /// Its job.
    pub job: JobName,
    /// The generation that the record was put in.
    pub generation: u32,
    /// The segment's index.
    pub index: u64,
    /// Segments of the execution, where the source knew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// What is to be done.
    pub spec: Value,
    /// What every worker of the execution is told.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub parameters: Value,
    /// How failure is treated.
    pub policy: Policy,
    /// The trace that the execution was opened in.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::trace::lenient")]
    pub trace: Option<TraceContext>,
}

impl SegmentRecord {
    /// The record of a segment of that execution.
    #[must_use]
    pub fn new(execution: &ExecutionRow, plan: &PlanRow, index: u64, spec: Value) -> Self {
        Self {
            execution_id: execution.execution_id,
            job: execution.job.clone(),
            generation: execution.generation,
            index,
            total: execution.expected,
            spec,
            parameters: plan.parameters.clone(),
            policy: execution.policy,
            trace: plan.trace.clone(),
        }
    }

    /// Which segment it is about.
    #[must_use]
    pub const fn segment(&self) -> SegmentId {
        self.execution_id.segment(self.index)
    }

    /// The stream's partition key: different for every segment, so that segments spread over all shards.
    #[must_use]
    pub fn partition_key(&self) -> String {
        format!("{}#{}", self.execution_id, self.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A record as it was put before there were traces.
    fn old() -> Value {
        json!({
            "execution_id": "0193a5b0-3c1e-7d2f-8a4b-5c6d7e8f9a0b",
            "job": "job", "generation": 1, "index": 0, "spec": {}, "policy": {},
        })
    }

    #[test]
    fn a_record_has_a_trace_or_none_and_none_is_not_spelled() {
        let record: SegmentRecord = serde_json::from_value(old()).unwrap();
        assert_eq!(record.trace, None);
        assert_eq!(serde_json::to_value(&record).unwrap().get("trace"), None);
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let traced = SegmentRecord { trace: TraceContext::from_header(header), ..record };
        let spelled = serde_json::to_value(&traced).unwrap();
        assert_eq!(spelled["trace"], header);
        assert_eq!(serde_json::from_value::<SegmentRecord>(spelled).unwrap(), traced);
    }

    #[test]
    fn a_foreign_trace_makes_no_record_unreadable() {
        for foreign in [json!("00-57-53-01"), json!(7), json!({"id": 1}), Value::Null] {
            let mut record = old();
            record["trace"] = foreign;
            assert_eq!(serde_json::from_value::<SegmentRecord>(record).unwrap().trace, None);
        }
    }
}
