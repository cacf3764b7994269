//! Changing limits of an execution, also while it runs.

use control_table::id::ExecutionId;
use control_table::operation::{SetPolicy, SetPolicyOutcome};
use control_table::policy::{Policy, Tolerance};

use crate::Engine;
use crate::error::{EngineError, Refusal};

/// Limits to change; what is `None` stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LimitChange {
    /// Segments in flight at once.
    pub max_concurrency: Option<u32>,
    /// Failed segments with which the execution still counts as succeeded.
    pub tolerated_failures: Option<Tolerance>,
}

impl Engine {
    /// Changes limits by one conditional write. Workers and the sweeper use them from their next read of the execution. Returns the
    /// changed policy.
    ///
    /// # Errors
    /// A limit that no policy may have, an execution that runs without slots, or a failed write. Nothing was written.
    pub async fn set(&self, execution_id: ExecutionId, change: LimitChange) -> Result<Policy, EngineError> {
        let LimitChange { max_concurrency, tolerated_failures } = change;
        let usual = Policy::default();
        Policy { max_concurrency, tolerated_failures: tolerated_failures.unwrap_or_default(), ..usual }.validate()?;
        match self.table.execute(&SetPolicy { execution_id, max_concurrency, tolerated_failures }).await? {
            SetPolicyOutcome::Set(row) => Ok(row.policy),
            SetPolicyOutcome::NotLimited => Err(Refusal::NotLimited(execution_id).into()),
            SetPolicyOutcome::Missing => Err(EngineError::NotFound { execution_id }),
        }
    }
}
