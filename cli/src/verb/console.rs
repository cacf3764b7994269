//! `console`.

use std::process::ExitCode;

use api::console::{self, Token};
use serde_json::json;
use tokio::net::TcpListener;

use crate::args::ConsoleArgs;
use crate::context::Context;
use crate::error::CliError;
use crate::job::UsageError;

pub(super) async fn execute(context: &Context, args: ConsoleArgs) -> Result<ExitCode, CliError> {
    let address = args.address()?;
    let token = match &args.token {
        Some(text) => Token::new(text).map_err(|error| UsageError::Token(error.to_string()))?,
        None => Token::random(&context.entropy()),
    };
    let refused = |source| CliError::Listen { port: address.port(), source };
    // Bound before anything is opened, so that a port in use changes nothing.
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let address = listener.local_addr().map_err(refused)?;
    let interrupt = context.take_signals_while_watching();
    let parts = context.api_parts(&args.system, args.read_only).await?;
    let operator = std::sync::Arc::clone(&parts.operator);
    announce(context, &format!("http://{address}"), &token)?;
    let mut stop = interrupt.clone();
    let served =
        console::serve(listener, console::console(parts, address, token), async move { stop.wait().await }).await;
    super::shut_down(&*operator, &interrupt).await;
    served.map_err(refused)?;
    Ok(ExitCode::SUCCESS)
}

fn announce(context: &Context, server: &str, token: &Token) -> Result<(), CliError> {
    let (output, url) = (&context.output, format!("{server}/?token={}", token.reveal()));
    if output.is_json() {
        return Ok(output.value(&json!({ "url": url, "api": format!("{server}/api/v1") }))?);
    }
    output.line(url)?;
    output.note("open this URL in a browser of this machine; the API is under /api/v1. Ctrl-C stops it");
    Ok(())
}
