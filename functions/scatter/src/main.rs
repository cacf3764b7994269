//! The scatter function in Lambda.

use std::sync::Arc;

use chrono::DateTime;
use control_table::clock::{Entropy, SystemClock};
use control_table::trace::TraceContext;
use engine::EngineError;
use engine::scatter::Request;
use functions::environment::{stream_settings, transport, variable};
use functions::wiring::{self, Deployment};
use functions::{clients, handlers, telemetry};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;

#[tokio::main]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let (control_table, transport) = (variable("CONTROL_TABLE")?, transport()?);
    let deployment = Deployment { control_table, transport, stream: stream_settings(), event_bus: None };
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(Entropy::from_system()));
    let engine = &wiring::engine(&clients::config().await, &deployment, clock, entropy);
    let handler = async |event: LambdaEvent<Box<RawValue>>| {
        let LambdaEvent { payload, context } = event;
        let deadline = DateTime::from(context.deadline());
        let trace = context.xray_trace_id.as_deref().and_then(TraceContext::from_header);
        let request = Request { id: &context.request_id, trace };
        let answer = handlers::scatter(engine, payload.get(), request, deadline).await;
        telemetry::flush();
        answer.map_err(|error| diagnostic(&error))
    };
    lambda_runtime::run(service_fn(handler)).await
}

fn diagnostic(error: &EngineError) -> Diagnostic {
    tracing::error!(error_type = error.error_type(), retryable = error.is_retryable(), "{error}");
    Diagnostic { error_type: error.error_type().to_owned(), error_message: error.to_string() }
}
