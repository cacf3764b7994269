//! What people and programs ask of the control table. Nothing here writes.

#![expect(clippy::disallowed_methods, reason = "this is the adapter: the protocol lives in this crate")]

mod batch;
mod due;
mod executions;
mod segments;
mod set_aside;
mod tallies;

pub use self::due::DueItem;
pub use self::executions::ListQuery;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::error::Error;
use crate::id::{ExecutionId, ExecutionKey, JobName};
use crate::item::{AddMarkRow, AddPart, ExecutionRow, ItemKey, KeyRow, PlanRow, Row, SegmentRow};
use crate::table::{About, ControlTable};

impl ControlTable {
    /// An execution, by strongly consistent read.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn execution(&self, execution_id: ExecutionId) -> Result<Option<ExecutionRow>, Error> {
        let about = About { operation: "read execution", subject: &execution_id };
        self.get(about, ExecutionRow::key_of(execution_id)).await
    }

    /// An execution's plan, by strongly consistent read.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn plan(&self, execution_id: ExecutionId) -> Result<Option<PlanRow>, Error> {
        let about = About { operation: "read plan", subject: &execution_id };
        self.get(about, PlanRow::key_of(execution_id)).await
    }

    /// The mark of one part of an add, by strongly consistent read; `None` while it is not in.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn add_mark(&self, execution_id: ExecutionId, part: &AddPart) -> Result<Option<AddMarkRow>, Error> {
        let about = About { operation: "read add", subject: part };
        self.get(about, AddMarkRow::key_of(execution_id, part)).await
    }

    /// Which execution has this key of this job, by strongly consistent read; `None` while nobody has it.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn execution_of_key(&self, job: &JobName, key: &ExecutionKey) -> Result<Option<ExecutionId>, Error> {
        let about = About { operation: "read key", subject: key };
        let row: Option<KeyRow> = self.get(about, KeyRow::key_of(job, key)).await?;
        Ok(row.map(|row| row.execution_id))
    }

    /// A segment, by strongly consistent read.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn segment(&self, segment: crate::id::SegmentId) -> Result<Option<SegmentRow>, Error> {
        let about = About { operation: "read segment", subject: &segment };
        self.get(about, SegmentRow::key_of(segment)).await
    }

    async fn get<R: Row>(&self, about: About<'_>, key: ItemKey) -> Result<Option<R>, Error> {
        let request = self.client.get_item().table_name(&*self.name).set_key(Some(key.to_item())).consistent_read(true);
        let output = request.send().await.map_err(|error| self.sdk_error(about, error))?;
        output.item.map(|item| about.read(item)).transpose()
    }
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}
