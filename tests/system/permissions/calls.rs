//! Requests as the permissions that they need.
//!
//! Nearly every operation needs the action of its name. The exceptions are `DynamoDB`'s: a transaction needs the actions of its
//! items (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html>), a PartiQL statement
//! that of its first word (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html>). A request that
//! names an index is a request of the index
//! (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html>).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use control_table::message::CompletionEvent;
use control_table::message::NotificationEvent;
use engine::{EventBus, PublishError};
use futures::future::BoxFuture;
use local::system::{CONTROL_TABLE, SEGMENT_STREAM};
use serde_json::Value;

use super::{Permission, Resource};

/// The permissions that a function needed so far. Clones note together.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<Mutex<BTreeSet<Permission>>>);

impl Calls {
    /// What was needed so far.
    #[must_use]
    pub fn needed(&self) -> BTreeSet<Permission> {
        self.0.lock().unwrap().clone()
    }

    pub(super) fn note(&self, permissions: impl IntoIterator<Item = Permission>) {
        self.0.lock().unwrap().extend(permissions);
    }
}

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "Calls"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let target = request.headers().get("x-amz-target").ok_or("the request names no operation")?;
        let body = serde_json::from_slice(request.body().bytes().ok_or("a streamed request")?)?;
        self.note(permissions(target, &body));
        Ok(())
    }
}

/// The permissions that a request needs, by its `x-amz-target` and its body.
///
/// # Panics
/// When it is one that no function has made so far: then its permissions are to be looked up, and written down here.
#[must_use]
pub fn permissions(target: &str, body: &Value) -> Vec<Permission> {
    let (service, operation) = target.split_once('.').unwrap();
    match (service.split('_').next().unwrap(), operation) {
        ("DynamoDB", operation) => of_dynamodb(operation, body),
        ("Kinesis", "PutRecords") => {
            assert_eq!(body["StreamName"], SEGMENT_STREAM, "there is no other stream");
            vec![Permission::new("kinesis:PutRecords", Resource::Stream)]
        }
        // A request of many needs the action for one:
        // <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html>
        ("AmazonSQS", operation) => {
            let action = operation.strip_suffix("Batch").unwrap_or(operation);
            vec![Permission::new(&format!("sqs:{action}"), Resource::SegmentQueue)]
        }
        ("Kinesis", "ListShards") => vec![Permission::new("kinesis:ListShards", Resource::Stream)],
        _ => panic!("what does {target} need?"),
    }
}

fn of_dynamodb(operation: &str, body: &Value) -> Vec<Permission> {
    match operation {
        "PutItem" | "UpdateItem" | "DeleteItem" | "GetItem" | "DescribeTable" => {
            vec![on_table(operation, text(&body["TableName"]))]
        }
        "Query" | "Scan" => vec![on_index(operation, text(&body["TableName"]), body["IndexName"].as_str())],
        "BatchGetItem" => {
            body["RequestItems"].as_object().unwrap().keys().map(|table| on_table(operation, table)).collect()
        }
        "BatchWriteItem" => {
            body["RequestItems"].as_object().unwrap().keys().map(|table| on_table(operation, table)).collect()
        }
        "TransactWriteItems" => body["TransactItems"].as_array().unwrap().iter().map(of_transact_item).collect(),
        "BatchExecuteStatement" => body["Statements"].as_array().unwrap().iter().map(of_statement).collect(),
        other => panic!("what does DynamoDB's {other} need?"),
    }
}

fn of_transact_item(item: &Value) -> Permission {
    let [(part, request)] = item.as_object().unwrap().iter().collect::<Vec<_>>()[..] else { panic!("{item}") };
    let action = match part.as_str() {
        "Put" => "PutItem",
        "Update" => "UpdateItem",
        "Delete" => "DeleteItem",
        "ConditionCheck" => "ConditionCheckItem",
        other => panic!("what does a transaction's {other} need?"),
    };
    on_table(action, text(&request["TableName"]))
}

fn of_statement(statement: &Value) -> Permission {
    let statement = text(&statement["Statement"]);
    let action = match statement.split_whitespace().next().unwrap().to_uppercase().as_str() {
        "INSERT" => "PartiQLInsert",
        "UPDATE" => "PartiQLUpdate",
        "DELETE" => "PartiQLDelete",
        "SELECT" => "PartiQLSelect",
        other => panic!("what does a {other} need?"),
    };
    on_table(action, statement.split('"').nth(1).unwrap())
}

fn on_table(action: &str, table: &str) -> Permission {
    on_index(action, table, None)
}

fn on_index(action: &str, table: &str, index: Option<&str>) -> Permission {
    let on = match (table == CONTROL_TABLE, index) {
        (true, None) => Resource::Table,
        (true, Some(index)) => Resource::Index(index.to_owned()),
        (false, None) => Resource::Source,
        (false, Some(_)) => Resource::SourceIndexes,
    };
    Permission::new(&format!("dynamodb:{action}"), on)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// A bus that notes what the one on AWS would call: `PutEvents`, and nothing else. Of the first few events the answer is lost.
#[derive(Debug)]
pub struct BusCalls {
    calls: Calls,
    lost: Mutex<u32>,
}

impl BusCalls {
    /// Notes its calls there.
    #[must_use]
    pub fn new(calls: Calls) -> Self {
        Self { calls, lost: Mutex::new(0) }
    }

    /// The answers to so many completions will be lost.
    pub fn lose(&self, events: u32) {
        *self.lost.lock().unwrap() = events;
    }

    fn put(&self) {
        self.calls.note([Permission::new("events:PutEvents", Resource::Bus)]);
    }
}

impl EventBus for BusCalls {
    fn publish<'a>(&'a self, event: &'a CompletionEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        self.put();
        let mut lost = self.lost.lock().unwrap();
        let answer = match lost.checked_sub(1) {
            None => Ok(()),
            Some(rest) => {
                *lost = rest;
                let source = "the answer was lost".into();
                Err(PublishError { execution: event.execution_id, target: "the test's bus".to_owned(), source })
            }
        };
        Box::pin(std::future::ready(answer))
    }

    fn notify<'a>(&'a self, _: &'a NotificationEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        self.put();
        Box::pin(std::future::ready(Ok(())))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn needed(operation: &str, body: &Value) -> Vec<String> {
        permissions(&format!("DynamoDB_20120810.{operation}"), body).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_transaction_needs_the_actions_of_its_items_and_a_statement_that_of_its_first_word() {
        let items =
            json!({"TransactItems": [{"Put": {"TableName": "control"}}, {"ConditionCheck": {"TableName": "t"}}]});
        let expected = ["dynamodb:PutItem on Table", "dynamodb:ConditionCheckItem on Source"];
        assert_eq!(needed("TransactWriteItems", &items), expected);
        let statements = json!({"Statements": [{"Statement": "INSERT INTO \"control\" VALUE {'pk': ?}"}]});
        assert_eq!(needed("BatchExecuteStatement", &statements), ["dynamodb:PartiQLInsert on Table"]);
    }

    #[test]
    fn a_query_of_an_index_is_none_of_its_table() {
        let query = json!({"TableName": "control", "IndexName": "due"});
        assert_eq!(needed("Query", &query), ["dynamodb:Query on Index(\"due\")"]);
        assert_eq!(needed("Query", &json!({"TableName": "control"})), ["dynamodb:Query on Table"]);
        assert_eq!(needed("Scan", &json!({"TableName": "t", "IndexName": "i"})), ["dynamodb:Scan on SourceIndexes"]);
    }
}
