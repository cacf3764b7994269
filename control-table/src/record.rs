//! What travels to a worker: one Kinesis record a segment.
//!
//! It carries everything a worker needs, so that a healthy segment costs no read.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{ExecutionId, JobName, SegmentId};
use crate::item::{ExecutionRow, PlanRow};
use crate::policy::Policy;

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
