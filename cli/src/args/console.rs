//! What `console` takes, and what of it `serve` takes, too.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::Args;

use super::SystemArgs;
use crate::job::UsageError;

/// The variable with the token: unlike an argument, no other user of the machine sees it.
const TOKEN_VARIABLE: &str = "SCATTERCTL_CONSOLE_TOKEN";

/// What `console` takes.
#[derive(Debug, Args)]
pub struct ConsoleArgs {
    /// Where it listens, and whom it lets in.
    #[command(flatten)]
    pub listen: ListenArgs,
    /// How the system runs.
    #[command(flatten)]
    pub system: SystemArgs,
}

/// Where the console listens, and whom it lets in.
#[derive(Debug, Args)]
pub struct ListenArgs {
    /// The address on this machine's loopback interface, as 127.0.0.1:8377
    #[arg(long, value_name = "IP:PORT", conflicts_with = "port")]
    pub address: Option<SocketAddr>,
    /// The port on 127.0.0.1; 0 for any
    #[arg(long, value_name = "PORT", default_value_t = 8377)]
    pub port: u16,
    /// The token that callers have to show [default: a new one each time]
    #[arg(long, value_name = "T", env = TOKEN_VARIABLE, hide_env_values = true)]
    pub token: Option<String>,
    /// Refuse whatever changes something
    #[arg(long)]
    pub read_only: bool,
}

impl ListenArgs {
    /// Where to listen.
    ///
    /// # Errors
    /// When other machines could reach it.
    pub fn address(&self) -> Result<SocketAddr, UsageError> {
        let address = self.address.unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.port));
        if address.ip().is_loopback() { Ok(address) } else { Err(UsageError::NotLoopback(address)) }
    }
}
