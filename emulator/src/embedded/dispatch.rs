//! A `DynamoDB` request by its operation's name, to dynoxide's method of that name.
//!
//! dynoxide has a server that does the same, for all operations and with the checks of a signature; its dispatch is private to it, and
//! its code doubles what a build spends on dynoxide's handlers.

use dynoxide::{Database, DynoxideError, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The database, with the way in.
pub(super) trait Access {
    /// Runs one operation when its turn has come.
    fn run<T>(&self, operation: impl FnOnce(&Database) -> T) -> T;
}

/// Runs one operation: the request's JSON in, the answer's JSON out.
pub(super) fn dispatch(db: &impl Access, operation: &str, body: &[u8]) -> Result<String> {
    match operation {
        "CreateTable" => run(db, body, |db, r| db.create_table(r)),
        "DeleteTable" => run(db, body, |db, r| db.delete_table(r)),
        "DescribeTable" => run(db, body, |db, r| db.describe_table(r)),
        "ListTables" => run(db, body, |db, r| db.list_tables(r)),
        "UpdateTable" => run(db, body, |db, r| db.update_table(r)),
        "PutItem" => run(db, body, |db, r| db.put_item(r)),
        "GetItem" => run(db, body, |db, r| db.get_item(r)),
        "DeleteItem" => run(db, body, |db, r| db.delete_item(r)),
        "UpdateItem" => run(db, body, |db, r| db.update_item(r)),
        "Query" => run(db, body, |db, r| db.query(r)),
        "Scan" => run(db, body, |db, r| db.scan(r)),
        "BatchGetItem" => run(db, body, |db, r| db.batch_get_item(r)),
        "BatchWriteItem" => run(db, body, |db, r| db.batch_write_item(r)),
        "TransactWriteItems" => run(db, body, |db, r| db.transact_write_items(r)),
        "TransactGetItems" => run(db, body, |db, r| db.transact_get_items(r)),
        "UpdateTimeToLive" => run(db, body, |db, r| db.update_time_to_live(r)),
        "DescribeTimeToLive" => run(db, body, |db, r| db.describe_time_to_live(r)),
        "ExecuteStatement" => run(db, body, |db, r| db.execute_statement(r)),
        "ExecuteTransaction" => run(db, body, |db, r| db.execute_transaction(r)),
        "BatchExecuteStatement" => run(db, body, |db, r| db.batch_execute_statement(r)),
        "TagResource" => run(db, body, |db, r| db.tag_resource(r)),
        "UntagResource" => run(db, body, |db, r| db.untag_resource(r)),
        "ListTagsOfResource" => run(db, body, |db, r| db.list_tags_of_resource(r)),
        other => Err(DynoxideError::ValidationException(format!(
            "the embedded DynamoDB does not have the operation {other}"
        ))),
    }
}

/// Whether an operation may add a record to a table's stream.
pub(super) fn writes(operation: &str) -> bool {
    matches!(
        operation,
        "PutItem"
            | "UpdateItem"
            | "DeleteItem"
            | "BatchWriteItem"
            | "TransactWriteItems"
            | "ExecuteStatement"
            | "ExecuteTransaction"
            | "BatchExecuteStatement"
    )
}

/// Whether an operation reads items, and each of them for itself.
pub(super) fn reads(operation: &str) -> bool {
    matches!(operation, "GetItem" | "BatchGetItem" | "Query" | "Scan")
}

/// Whether an operation may read a whole table.
pub(super) fn may_take_long(operation: &str) -> bool {
    matches!(operation, "Query" | "Scan")
}

/// Whether an operation may change a table itself.
pub(super) fn changes_tables(operation: &str) -> bool {
    matches!(operation, "CreateTable" | "UpdateTable" | "DeleteTable" | "UpdateTimeToLive")
}

/// Only the operation itself waits for its turn: reading the request and writing the answer are a third of the time.
fn run<Request: DeserializeOwned, Answer: Serialize>(
    db: &impl Access,
    body: &[u8],
    operation: impl FnOnce(&Database, Request) -> Result<Answer>,
) -> Result<String> {
    let request = serde_json::from_slice(body).map_err(|e| DynoxideError::ValidationException(e.to_string()))?;
    let answer = db.run(|db| operation(db, request))?;
    serde_json::to_string(&answer).map_err(|e| DynoxideError::InternalServerError(e.to_string()))
}
