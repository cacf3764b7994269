//! The executions and plans that one sweep has read, so that all retries of an execution read them once.

use std::collections::HashMap;
use std::sync::Arc;

use control_table::id::ExecutionId;
use control_table::{ControlTable, Error};

use crate::records::Planned;

/// Bounded by the rows that one sweep takes.
#[derive(Debug, Default)]
pub(crate) struct Plans(HashMap<ExecutionId, Option<Arc<Planned>>>);

impl Plans {
    /// The execution and its plan; `None` if either row is missing.
    pub async fn get(&mut self, table: &ControlTable, id: ExecutionId) -> Result<Option<Arc<Planned>>, Error> {
        if let Some(known) = self.0.get(&id) {
            return Ok(known.clone());
        }
        let planned = match (table.execution(id).await?, table.plan(id).await?) {
            (Some(execution), Some(plan)) => Some(Arc::new(Planned { execution, plan })),
            _ => None,
        };
        self.0.insert(id, planned.clone());
        Ok(planned)
    }
}
