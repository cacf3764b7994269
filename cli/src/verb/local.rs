//! `local`.

use std::net::Ipv4Addr;
use std::process::ExitCode;

use local::System;
use serde_json::json;
use tokio::net::TcpListener;

use crate::args::LocalArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::interrupt::Interrupt;

pub(super) async fn execute(context: &Context, args: LocalArgs) -> Result<ExitCode, CliError> {
    let interrupt = context.take_signals();
    let refused = |source| CliError::Listen { port: args.port, source };
    // Loopback only: the endpoint does not authenticate its callers.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await.map_err(refused)?;
    let endpoint = format!("http://{}", listener.local_addr().map_err(refused)?);
    let system = context.start_here(&args.system).await?;
    let ended = serve(context, &system, listener, &endpoint, &interrupt).await;
    super::shut_down(&system, &interrupt).await;
    ended
}

async fn serve(
    context: &Context,
    system: &System,
    listener: TcpListener,
    endpoint: &str,
    interrupt: &Interrupt,
) -> Result<ExitCode, CliError> {
    let output = &context.output;
    let control_table = system.control_table().name();
    if output.is_json() {
        output.value(&json!({ "endpoint": endpoint, "control_table": control_table }))?;
    } else {
        output.line(format_args!("DynamoDB is at {endpoint}, with the tables of `import`. For example:"))?;
        output.line("  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_REGION=us-east-1")?;
        output.line(format_args!("  aws dynamodb list-tables --endpoint-url {endpoint}"))?;
        output.line(format_args!("The control table is {control_table}."))?;
        output.line("Ctrl-C stops it.")?;
    }
    let mut stop = interrupt.clone();
    system.serve_dynamodb(listener, async move { stop.wait().await }).await?;
    Ok(ExitCode::SUCCESS)
}
