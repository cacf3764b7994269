//! The stores of the control table: one trait, and a file or folder for each store.

pub mod dynamodb;
pub mod memory;
#[cfg(feature = "sqlite")]
pub mod sqlite;

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

pub use self::dynamodb::DynamoDbStore;
pub use self::memory::{MemoryStore, MemoryTable};
#[cfg(feature = "sqlite")]
pub use self::sqlite::SqliteStore;

use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::{ExecutionId, GroupId, SegmentId};
use crate::operation::{AnyOperation, AnyOutcome, Operation};
use crate::read::{DueItem, KeyPage, ListQuery};
use crate::rows::{AnyRow, DeadLetterRow, DeadLetterSource, DueShard, Row, RowKey, SegmentRow, SegmentStatus};

/// A store of rows. Reads of rows by their keys, and of segments, are strongly consistent; the due index and the lists of
/// executions may lag behind.
pub trait Store: fmt::Debug + Send + Sync {
    /// The name of the table, for messages.
    fn name(&self) -> &str;

    /// Executes an operation; see [`ControlTable::execute`].
    fn execute<'a>(&'a self, operation: &'a dyn AnyOperation) -> BoxFuture<'a, Result<AnyOutcome, Error>>;

    /// A row by its key; `None` if it does not exist.
    fn get<'a>(&'a self, about: About<'a>, key: &'a RowKey) -> BoxFuture<'a, Result<Option<AnyRow>, Error>>;

    /// The rows with these keys that exist, in any order.
    fn get_many<'a>(&'a self, about: About<'a>, keys: &'a [RowKey]) -> BoxFuture<'a, Result<Vec<AnyRow>, Error>>;

    /// The segments of a group in order, only those with that status if one is given.
    fn group_segments(
        &self,
        group: GroupId,
        status: Option<SegmentStatus>,
    ) -> BoxFuture<'_, Result<Vec<SegmentRow>, Error>>;

    /// The first `limit` segments of a group, in order, from that offset on, that only wait for a worker: pending in that
    /// generation, and not due for a retry.
    fn waiting_segments(
        &self,
        group: GroupId,
        offset: u8,
        generation: u32,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<SegmentRow>, Error>>;

    /// The number of segments of a group with that status.
    fn count_segments(&self, group: GroupId, status: SegmentStatus) -> BoxFuture<'_, Result<u64, Error>>;

    /// Items of a partition of the due index that are due, the longest due first, at most `limit`.
    fn due(&self, shard: DueShard, now: Timestamp, limit: u16) -> BoxFuture<'_, Result<Vec<DueItem>, Error>>;

    /// The segments of an execution in a partition of the due index, the earliest first, at most `limit`.
    fn retries(
        &self,
        execution_id: ExecutionId,
        shard: DueShard,
        limit: u16,
    ) -> BoxFuture<'_, Result<Vec<(Timestamp, SegmentId)>, Error>>;

    /// Every execution in a partition of [`crate::rows::DueKind::Execution`], due or not.
    fn open_executions(&self, shard: DueShard) -> BoxFuture<'_, Result<Vec<ExecutionId>, Error>>;

    /// Deletes the rows with these keys; one that does not exist is as good as deleted. Only for rows that no operation may change any
    /// more.
    fn delete<'a>(&'a self, about: About<'a>, keys: &'a [RowKey]) -> BoxFuture<'a, Result<(), Error>>;

    /// The keys of the marks of an execution's adds, at most `limit`.
    fn add_marks(&self, execution_id: ExecutionId, limit: u16) -> BoxFuture<'_, Result<Vec<RowKey>, Error>>;

    /// Keys of executions, newest first, at most as many as the query's limit: all that the list has, and perhaps others of the same job
    /// and time, if the store has no index for the other filters. A page that is not full ends the list, or the days that it covers.
    fn list_executions<'a>(&'a self, query: &'a ListQuery) -> BoxFuture<'a, Result<KeyPage, Error>>;

    /// The dead letters of a source, in any order, up to the bound of the store.
    fn dead_letters(&self, source: DeadLetterSource) -> BoxFuture<'_, Result<Vec<DeadLetterRow>, Error>>;
}

/// The operation or read that a request belongs to, and its subject: the beginning of every error message.
#[derive(Clone, Copy)]
pub struct About<'a> {
    /// The name of the operation or read.
    pub operation: &'static str,
    /// The execution, group or segment, or the table.
    pub subject: &'a (dyn fmt::Display + Sync),
}

/// The control table: the rows of executions, and the operations on them, in any store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ControlTable {
    store: Arc<dyn Store>,
}

impl ControlTable {
    /// The table in that store.
    #[must_use]
    pub fn new(store: impl Store + 'static) -> Self {
        Self { store: Arc::new(store) }
    }

    /// The store's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.store.name()
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Executes an operation. A condition that does not hold is an outcome. An error means that the store cannot be reached,
    /// refuses the request, or has a row that cannot be read; after an error the operation may have been applied, so send it
    /// again.
    pub async fn execute<O: Operation>(&self, operation: &O) -> Result<O::Outcome, Error> {
        let outcome = self.store.execute(operation).await?;
        match outcome.downcast::<O::Outcome>() {
            Ok(outcome) => Ok(*outcome),
            Err(_) => Err(Error::Disagreement { operation: O::NAME, subject: operation.subject() }),
        }
    }

    pub(crate) async fn get<R: Row>(&self, about: About<'_>, key: RowKey) -> Result<Option<R>, Error> {
        let row = self.store.get(about, &key).await?;
        row.map(|row| R::from_any(row).ok_or_else(|| about.disagreement())).transpose()
    }

    pub(crate) async fn get_many<R: Row>(&self, about: About<'_>, keys: &[RowKey]) -> Result<Vec<R>, Error> {
        let rows = self.store.get_many(about, keys).await?;
        rows.into_iter().map(|row| R::from_any(row).ok_or_else(|| about.disagreement())).collect()
    }
}

impl About<'_> {
    pub(crate) fn disagreement(&self) -> Error {
        Error::Disagreement { operation: self.operation, subject: self.subject.to_string() }
    }
}
