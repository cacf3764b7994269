//! `scatterctl`: the command line with the built-in jobs.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    scatter_gather_cli::run(None).await
}
