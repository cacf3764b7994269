//! A `DynamoDB` request by its operation's name, to dynoxide's method of that name.
//!
//! dynoxide has a server that does the same, for all operations and with the checks of a signature; its dispatch is private to it, and
//! its copy of every handler is a fifth of what a build spends on dynoxide (measured).

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
        "CreateTable" => run(db, body, Database::create_table),
        "DeleteTable" => run(db, body, Database::delete_table),
        "DescribeTable" => run(db, body, Database::describe_table),
        "ListTables" => run(db, body, Database::list_tables),
        "UpdateTable" => run(db, body, Database::update_table),
        "PutItem" => run(db, body, Database::put_item),
        "GetItem" => run(db, body, Database::get_item),
        "DeleteItem" => run(db, body, Database::delete_item),
        "UpdateItem" => run(db, body, Database::update_item),
        "Query" => run(db, body, Database::query),
        "Scan" => run(db, body, Database::scan),
        "BatchGetItem" => run(db, body, Database::batch_get_item),
        "BatchWriteItem" => run(db, body, Database::batch_write_item),
        "TransactWriteItems" => run(db, body, Database::transact_write_items),
        "TransactGetItems" => run(db, body, Database::transact_get_items),
        "UpdateTimeToLive" => run(db, body, Database::update_time_to_live),
        "DescribeTimeToLive" => run(db, body, Database::describe_time_to_live),
        "ExecuteStatement" => run(db, body, Database::execute_statement),
        "ExecuteTransaction" => run(db, body, Database::execute_transaction),
        "BatchExecuteStatement" => run(db, body, Database::batch_execute_statement),
        "TagResource" => run(db, body, Database::tag_resource),
        "UntagResource" => run(db, body, Database::untag_resource),
        "ListTagsOfResource" => run(db, body, Database::list_tags_of_resource),
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

/// Only the operation itself waits for its turn; requests are read and answers written beside one another.
fn run<Request: DeserializeOwned, Answer: Serialize>(
    db: &impl Access,
    body: &[u8],
    operation: impl FnOnce(&Database, Request) -> Result<Answer>,
) -> Result<String> {
    let request = serde_json::from_slice(body).map_err(|e| DynoxideError::ValidationException(e.to_string()))?;
    let answer = db.run(|db| operation(db, request))?;
    serde_json::to_string(&answer).map_err(|e| DynoxideError::InternalServerError(e.to_string()))
}
