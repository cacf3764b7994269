//! The command line as its own process, so that a test can kill it: what `scatterctl`'s `main` does.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    cli::run(cli::Program::SCATTERCTL, None).await
}
