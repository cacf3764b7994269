//! `scatterctl`: the command line with the built-in jobs.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    scatter_gather_cli::run(scatter_gather_cli::Program::SCATTERCTL, None).await
}
