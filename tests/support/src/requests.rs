//! Requests counted on their way out of an SDK client, with what they cost.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use serde_json::Value;

use crate::interceptors::operation;

/// What one kind of request came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Requests sent, each try for itself.
    pub requests: u64,
    /// Write units of the table, if no item is larger than 1 KB.
    pub write_units: u64,
}

/// Counts what the clients send whose interceptor it is. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Requests {
    by_operation: Arc<Mutex<BTreeMap<String, Spent>>>,
}

impl Requests {
    /// What each operation came to so far.
    #[must_use]
    pub fn by_operation(&self) -> BTreeMap<String, Spent> {
        self.by_operation.lock().unwrap().clone()
    }

    /// How many requests of each operation there were so far.
    #[must_use]
    pub fn made(&self) -> BTreeMap<String, u64> {
        self.by_operation().into_iter().map(|(operation, spent)| (operation, spent.requests)).collect()
    }

    /// What all of them came to so far.
    #[must_use]
    pub fn total(&self) -> Spent {
        self.by_operation().into_values().fold(Spent::default(), |sum, spent| Spent {
            requests: sum.requests + spent.requests,
            write_units: sum.write_units + spent.write_units,
        })
    }
}

/// What `DynamoDB` charges for a request whose items are all up to 1 KB: also for one whose condition does not hold.
fn write_units(operation: &str, body: &Value) -> u64 {
    let parts = |list: &str| body[list].as_array().unwrap().len() as u64;
    match operation {
        "PutItem" | "UpdateItem" | "DeleteItem" => 1,
        "BatchExecuteStatement" => parts("Statements"),
        // Prepared and committed.
        "TransactWriteItems" => 2 * parts("TransactItems"),
        "GetItem" | "BatchGetItem" | "Query" | "PutRecords" => 0,
        other => panic!("what does a {other} cost?"),
    }
}

impl Intercept for Requests {
    fn name(&self) -> &'static str {
        "Requests"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let operation = operation(context)?;
        let body = serde_json::from_slice(request.body().bytes().ok_or("a streamed request")?)?;
        let mut by_operation = self.by_operation.lock().unwrap();
        let spent = by_operation.entry(operation.clone()).or_default();
        spent.requests += 1;
        spent.write_units += write_units(&operation, &body);
        Ok(())
    }
}
