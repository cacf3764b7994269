//! The reads of the control table.
//!
//! - by key: an execution, its plan, its key, a mark, a segment
//! - by group: segments, tallies
//! - the due index, retries, lists of executions, dead letters
//! - [`ExecutionSummary`], [`Progress`]: an execution with the sums of all its groups, folded or not

mod dead_letters;
mod due;
mod executions;
mod retries;
mod running;
mod segments;
mod summary;
mod tallies;
mod watermarks;

pub use self::due::DueItem;
pub use self::executions::ListQuery;
pub use self::retries::Retries;
pub use self::summary::{ExecutionSummary, Progress};

use crate::ControlTable;
use crate::error::Error;
use crate::id::{ExecutionId, ExecutionKey, JobName};
use crate::rows::{AddMarkRow, AddPart, ExecutionRow, KeyRow, PlanRow, RowKey};
use crate::store::About;

impl ControlTable {
    /// An execution, by a strongly consistent read.
    pub async fn execution(&self, execution_id: ExecutionId) -> Result<Option<ExecutionRow>, Error> {
        let about = About { operation: "read execution", subject: &execution_id };
        self.get(about, RowKey::Execution(execution_id)).await
    }

    /// The plan of an execution, by a strongly consistent read.
    pub async fn plan(&self, execution_id: ExecutionId) -> Result<Option<PlanRow>, Error> {
        let about = About { operation: "read plan", subject: &execution_id };
        self.get(about, RowKey::Plan(execution_id)).await
    }

    /// The mark of a part of an add, by a strongly consistent read; `None` if the part was not added.
    pub async fn add_mark(&self, execution_id: ExecutionId, part: &AddPart) -> Result<Option<AddMarkRow>, Error> {
        let about = About { operation: "read add", subject: part };
        self.get(about, RowKey::AddMark(execution_id, part.clone())).await
    }

    /// The marks of an execution's adds, by their keys, at most `limit`.
    pub async fn add_marks(&self, execution_id: ExecutionId, limit: u16) -> Result<Vec<RowKey>, Error> {
        self.store().add_marks(execution_id, limit).await
    }

    /// Deletes rows of an execution whose retention is over: from its first `CheckpointStep` in a terminal status on no operation
    /// changes them.
    pub async fn delete_expired_rows(&self, execution_id: ExecutionId, keys: &[RowKey]) -> Result<(), Error> {
        self.store().delete(About { operation: "delete expired rows", subject: &execution_id }, keys).await
    }

    /// The execution that has this key of the job, by a strongly consistent read; `None` if the key is unused.
    pub async fn execution_of_key(&self, job: &JobName, key: &ExecutionKey) -> Result<Option<ExecutionId>, Error> {
        let about = About { operation: "read key", subject: key };
        let row: Option<KeyRow> = self.get(about, RowKey::Key(job.clone(), key.clone())).await?;
        Ok(row.map(|row| row.execution_id))
    }
}
