//! `console`.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use api::console::{self, Token};
use serde_json::json;
use tokio::net::TcpListener;

use crate::args::{ConsoleArgs, ListenArgs, SystemArgs};
use crate::context::Context;
use crate::error::CliError;
use crate::interrupt::Interrupt;
use crate::job::UsageError;

pub(super) async fn execute(context: &Context, args: ConsoleArgs) -> Result<ExitCode, CliError> {
    let console = Console::open(context, &args.listen, &args.system).await?;
    console.serve(context.take_signals_while_watching()).await?;
    Ok(ExitCode::SUCCESS)
}

/// A console that listens.
pub(super) struct Console {
    listener: TcpListener,
    address: SocketAddr,
    token: Token,
    parts: api::Parts,
}

impl Console {
    /// Listens, and says where.
    pub async fn open(context: &Context, listen: &ListenArgs, system: &SystemArgs) -> Result<Self, CliError> {
        let address = listen.address()?;
        let token = match &listen.token {
            Some(text) => Token::new(text).map_err(|error| UsageError::Token(error.to_string()))?,
            None => Token::random(&context.entropy()),
        };
        let refused = |source| CliError::Listen { port: address.port(), source };
        // Bound before anything is opened, so that a port in use changes nothing.
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let parts = context.api_parts(system, listen.read_only).await?;
        announce(context, &format!("http://{address}"), &token)?;
        Ok(Self { listener, address, token, parts })
    }

    /// Answers until the process is to end.
    pub async fn serve(self, interrupt: Interrupt) -> Result<(), CliError> {
        let Self { listener, address, token, parts } = self;
        let operator = Arc::clone(&parts.operator);
        let mut stop = interrupt.clone();
        let router = console::console(parts, address, token);
        let served = console::serve(listener, router, async move { stop.wait().await }).await;
        super::shut_down(&*operator, &interrupt).await;
        served.map_err(|source| CliError::Listen { port: address.port(), source })
    }
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
