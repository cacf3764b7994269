//! The scatter function in Lambda: wires the handler to the control table and to the segment stream.

use std::sync::Arc;

use chrono::DateTime;
use control_table::ControlTable;
use control_table::clock::{Entropy, SystemClock};
use control_table::trace::TraceContext;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use scatter::{Dispatcher, Request, Scatter, ScatterError, Settings, Sources};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let telemetry = telemetry::init();
    let (table, stream) = (telemetry::variable("CONTROL_TABLE")?, telemetry::variable("SEGMENT_STREAM")?);
    let config = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
    let dynamodb = aws_sdk_dynamodb::Client::new(&config);
    let kinesis = aws_sdk_kinesis::Client::new(&config);
    let entropy = Arc::new(Entropy::from_system());
    let scatter = Scatter::new(
        ControlTable::new(dynamodb.clone(), &table, Arc::clone(&entropy)),
        Dispatcher::new(kinesis, &stream, Arc::clone(&entropy)),
        Sources::new(dynamodb),
        Arc::new(SystemClock),
        entropy,
        Settings::default(),
    );
    let handler = |event: LambdaEvent<Value>| async {
        let LambdaEvent { payload, context } = event;
        let deadline = DateTime::from(context.deadline());
        let trace = context.xray_trace_id.as_deref().and_then(TraceContext::from_header);
        let request = Request { id: &context.request_id, trace };
        let answer = scatter.handle(payload, request, deadline).await;
        let answer = answer.map_err(|error| diagnostic(&error));
        telemetry.flush();
        answer
    };
    lambda_runtime::run(service_fn(handler)).await
}

fn diagnostic(error: &ScatterError) -> Diagnostic {
    tracing::error!(error_type = error.error_type(), retryable = error.is_retryable(), "{error}");
    Diagnostic { error_type: error.error_type().to_owned(), error_message: error.to_string() }
}
