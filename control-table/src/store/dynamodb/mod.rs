//! The store that is `DynamoDB`, through the AWS SDK.
//!
//! # Layout
//! - `execute`: operations: requests, refusals, conflicts
//! - `get`, `segments`, `due`, `list`, `dead_letters`: reads, a file for each kind of query
//! - `delete`: the rows of an expired execution
//! - `schema`: checks a table, and makes one

mod dead_letters;
mod delete;
mod due;
mod execute;
mod get;
mod list;
mod schema;
mod segments;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::BoxFuture;

pub use self::due::DUE_INDEX;
pub use self::list::{DAY_INDEX, JOB_INDEX};
pub use self::schema::SchemaError;

use super::{About, Store};
use crate::clock::{Entropy, Timestamp};
use crate::error::Error;
use crate::id::{ExecutionId, GroupId, SegmentId};
use crate::operation::{AnyOperation, AnyOutcome};
use crate::read::{DueItem, KeyPage, ListQuery};
use crate::retry::Retry;
use crate::rows::{
    AnyRow, CorruptItem, DeadLetterRow, DeadLetterSource, DueShard, Item, Row, RowKey, SegmentRow, SegmentStatus,
    from_item,
};
use crate::sdk::is_busy;

/// Tries of a request that `DynamoDB` is too busy for. With the waits they take some ten seconds: longer than a conflicting
/// transaction, and than the split of a partition. They come on top of the SDK's own retries.
pub const BUSY: Retry = Retry::new(12, 20, 2_000);

/// The control table in `DynamoDB`. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DynamoDbStore {
    client: Client,
    table: Arc<str>,
    entropy: Arc<Entropy>,
}

impl DynamoDbStore {
    /// The table of that name.
    #[must_use]
    pub fn new(client: Client, table: &str, entropy: Arc<Entropy>) -> Self {
        Self { client, table: table.into(), entropy }
    }

    /// Sends a request until `DynamoDB` takes or refuses it: again, after a wait, while it is too busy or a transaction on the same row
    /// is in the way. Every write goes through here, and every read. The SDK itself repeats what got no answer.
    async fn when_free<T, E, F>(&self, mut send: impl FnMut() -> F) -> Result<T, SdkError<E>>
    where
        E: ProvideErrorMetadata,
        F: Future<Output = Result<T, SdkError<E>>>,
    {
        let mut tries = BUSY.begin(&self.entropy);
        loop {
            tries.next().await;
            let answer = send().await;
            let is_too_busy = |error: &SdkError<E>| error.as_service_error().and_then(E::code).is_some_and(is_busy);
            if !answer.as_ref().is_err_and(is_too_busy) || !tries.left() {
                return answer;
            }
        }
    }

    fn sdk_error<E>(&self, about: About<'_>, error: SdkError<E>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        Error::from_sdk(about.operation, about.subject.to_string(), &self.table, error)
    }
}

impl Store for DynamoDbStore {
    fn name(&self) -> &str {
        &self.table
    }

    fn execute<'a>(&'a self, operation: &'a dyn AnyOperation) -> BoxFuture<'a, Result<AnyOutcome, Error>> {
        Box::pin(self.execute_operation(operation))
    }

    fn get<'a>(&'a self, about: About<'a>, key: &'a RowKey) -> BoxFuture<'a, Result<Option<AnyRow>, Error>> {
        Box::pin(self.get_row(about, key))
    }

    fn get_many<'a>(&'a self, about: About<'a>, keys: &'a [RowKey]) -> BoxFuture<'a, Result<Vec<AnyRow>, Error>> {
        Box::pin(self.get_rows(about, keys))
    }

    fn group_segments(
        &self,
        group: GroupId,
        status: Option<SegmentStatus>,
    ) -> BoxFuture<'_, Result<Vec<SegmentRow>, Error>> {
        Box::pin(self.query_group(group, status))
    }

    fn waiting_segments(
        &self,
        group: GroupId,
        offset: u8,
        generation: u32,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<SegmentRow>, Error>> {
        Box::pin(self.query_waiting(group, offset, generation, limit))
    }

    fn count_segments(&self, group: GroupId, status: SegmentStatus) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(self.count_group(group, status))
    }

    fn due(&self, shard: DueShard, now: Timestamp, limit: u16) -> BoxFuture<'_, Result<Vec<DueItem>, Error>> {
        Box::pin(self.query_due(shard, now, limit))
    }

    fn retries(
        &self,
        execution_id: ExecutionId,
        shard: DueShard,
        limit: u16,
    ) -> BoxFuture<'_, Result<Vec<(Timestamp, SegmentId)>, Error>> {
        Box::pin(self.query_retries(execution_id, shard, limit))
    }

    fn open_executions(&self, shard: DueShard) -> BoxFuture<'_, Result<Vec<ExecutionId>, Error>> {
        Box::pin(self.query_open(shard))
    }

    fn delete<'a>(&'a self, about: About<'a>, keys: &'a [RowKey]) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.delete_rows(about, keys))
    }

    fn add_marks(&self, execution_id: ExecutionId, limit: u16) -> BoxFuture<'_, Result<Vec<RowKey>, Error>> {
        Box::pin(self.query_add_marks(execution_id, limit))
    }

    fn list_executions<'a>(&'a self, query: &'a ListQuery) -> BoxFuture<'a, Result<KeyPage, Error>> {
        Box::pin(self.query_executions(query))
    }

    fn dead_letters(&self, source: DeadLetterSource) -> BoxFuture<'_, Result<Vec<DeadLetterRow>, Error>> {
        Box::pin(self.query_dead_letters(source))
    }
}

impl About<'_> {
    fn build_error(&self, source: &BuildError) -> Error {
        self.refused("request not built", source.to_string())
    }

    fn refused(&self, code: &str, detail: String) -> Error {
        let (operation, subject) = (self.operation, self.subject.to_string());
        Error::Refused { operation, subject, code: code.to_owned(), source: detail.clone().into(), detail }
    }

    fn still_busy(&self, code: String) -> Error {
        let (operation, subject) = (self.operation, self.subject.to_string());
        Error::StillBusy { operation, subject, code, attempts: BUSY.tries }
    }

    fn read<R: Row>(&self, item: Item) -> Result<R, Error> {
        from_item(item).map_err(|source| self.corrupt(source))
    }

    fn corrupt(&self, source: CorruptItem) -> Error {
        Error::Corrupt { operation: self.operation, subject: self.subject.to_string(), source: Box::new(source) }
    }

    fn too_many_pages(&self, pages: usize) -> Error {
        Error::TooManyPages { operation: self.operation, subject: self.subject.to_string(), pages }
    }
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}
