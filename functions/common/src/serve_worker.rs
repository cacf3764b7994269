//! The entry point on Lambda.

use std::env;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use control_table::ControlTable;
use control_table::clock::{Entropy, SystemClock, Timestamp};
use control_table::store::DynamoDbStore;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

use crate::environment::{QUEUE_VARIABLE, optional};
use crate::handlers::WorkerHandler;
use crate::sqs::Visibility;
use crate::{clients, telemetry};
use runtime::{Invocation, Settings, Work, Worker};

// Otherwise the panic of one segment's work would end the process, with every segment in it, and again at each retry.
#[cfg(panic = "abort")]
compile_error!(
    "the worker catches a panic of the work and records it, which needs `panic = \"unwind\"` under [profile.release] in your \
     Cargo.toml (of the workspace, if it is in one): `cargo lambda build` sets \"abort\" where nothing is said"
);

/// The variable that names the control table; `infra/template.yaml` sets it.
const TABLE_VARIABLE: &str = "CONTROL_TABLE";

/// Why a worker did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Nothing says which table is the control table.
    #[error("{TABLE_VARIABLE} is not set: give the function that environment variable, as infra/template.yaml does")]
    NoTable(#[source] env::VarError),
}

/// Serves records on Lambda with that work, until Lambda ends the process.
///
/// Takes the records of a Kinesis stream and the messages of an SQS queue, whichever its event source mapping hands it.
///
/// Reads `CONTROL_TABLE`, and `SEGMENT_QUEUE_URL` if there is a queue; logs JSON to standard output, by the level of `AWS_LAMBDA_LOG_LEVEL` or `RUST_LOG` (`info` if
/// neither is set), with metrics for CloudWatch among it if `METRICS_STACK` says of which stack they are.
///
/// # Errors
/// [`ServeError`] when the environment is incomplete, and whatever the runtime ends with.
pub async fn serve(work: Arc<dyn Work>) -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    // Logged here, because the error that `main` returns is printed for programmers.
    let name = env::var(TABLE_VARIABLE).map_err(ServeError::NoTable);
    let name = name.inspect_err(|error| tracing::error!(%error, "the worker cannot start"))?;
    let entropy = Arc::new(Entropy::from_system());
    let config = clients::config().await;
    let dynamodb = aws_sdk_dynamodb::Client::new(&config);
    let table = ControlTable::new(DynamoDbStore::new(dynamodb, &name, Arc::clone(&entropy)));
    let visibility = optional(QUEUE_VARIABLE)
        .map(|url| Visibility::new(aws_sdk_sqs::Client::new(&config), &url, Arc::clone(&entropy)));
    let worker = Worker::new(table, work, Arc::new(SystemClock), entropy, Settings::default());
    let handler = &WorkerHandler::new(worker, visibility);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move {
        let LambdaEvent { payload, context, .. } = event;
        let invocation = Invocation { request_id: context.request_id, deadline: deadline(context.deadline) };
        let response = handler.handle(payload, invocation).await;
        telemetry::flush();
        Ok::<_, lambda_runtime::Error>(response.inspect_err(|error| tracing::error!(%error, "nothing was done"))?)
    }))
    .await
}

/// A `DynamoDB` client with the function's credentials and bounded requests: for [`serve`], and for work that needs one.
pub async fn dynamodb_client() -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(&clients::config().await)
}

fn deadline(millis: u64) -> DateTime<Utc> {
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)).to_datetime()
}
