//! A `DynamoDB` request by its operation's name, to dynoxide's method of that name.
//!
//! dynoxide has a server that does the same, for all operations and with the checks of a signature; its dispatch is private to it, and
//! its copy of every handler is a fifth of what a build spends on dynoxide (measured).

use dynoxide::{Database, DynoxideError, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::dynamodb::Turn;
use super::puts;

/// Runs one operation: the request's JSON in, the answer's JSON out.
pub(super) fn dispatch(turn: Turn<'_>, operation: &str, body: &[u8]) -> Result<String> {
    match operation {
        "CreateTable" => run(turn, body, Database::create_table),
        "DeleteTable" => run(turn, body, Database::delete_table),
        "DescribeTable" => run(turn, body, Database::describe_table),
        "ListTables" => run(turn, body, Database::list_tables),
        "UpdateTable" => run(turn, body, Database::update_table),
        "PutItem" => run(turn, body, Database::put_item),
        "GetItem" => run(turn, body, Database::get_item),
        "DeleteItem" => run(turn, body, Database::delete_item),
        "UpdateItem" => run(turn, body, Database::update_item),
        "Query" => run(turn, body, Database::query),
        "Scan" => run(turn, body, Database::scan),
        "BatchGetItem" => run(turn, body, Database::batch_get_item),
        "BatchWriteItem" => batch_write_item(turn, body),
        "TransactWriteItems" => run(turn, body, Database::transact_write_items),
        "TransactGetItems" => run(turn, body, Database::transact_get_items),
        "UpdateTimeToLive" => run(turn, body, Database::update_time_to_live),
        "DescribeTimeToLive" => run(turn, body, Database::describe_time_to_live),
        "ExecuteStatement" => run(turn, body, Database::execute_statement),
        "ExecuteTransaction" => run(turn, body, Database::execute_transaction),
        "BatchExecuteStatement" => run(turn, body, Database::batch_execute_statement),
        "TagResource" => run(turn, body, Database::tag_resource),
        "UntagResource" => run(turn, body, Database::untag_resource),
        "ListTagsOfResource" => run(turn, body, Database::list_tags_of_resource),
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
    turn: Turn<'_>,
    body: &[u8],
    operation: impl FnOnce(&Database, Request) -> Result<Answer>,
) -> Result<String> {
    let request = read(body)?;
    write(&turn.run(|db| operation(db, request))?)
}

fn batch_write_item(turn: Turn<'_>, body: &[u8]) -> Result<String> {
    let request = read(body)?;
    match turn.run(|db| puts::put_together(db, request)) {
        Some(answer) => write(&answer),
        None => run(turn, body, Database::batch_write_item),
    }
}

fn read<Request: DeserializeOwned>(body: &[u8]) -> Result<Request> {
    serde_json::from_slice(body).map_err(|e| DynoxideError::ValidationException(e.to_string()))
}

fn write<Answer: Serialize>(answer: &Answer) -> Result<String> {
    serde_json::to_string(answer).map_err(|e| DynoxideError::InternalServerError(e.to_string()))
}
