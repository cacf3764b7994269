//! The command line, from its arguments to its exit status.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use clap::error::ErrorKind;
use serde_json::json;
use tracing_subscriber::EnvFilter;

use crate::args::{Cli, Global};
use crate::context::Context;
use crate::error::USAGE;
use crate::output::Output;
use crate::verb;

/// Runs the command line with this process's arguments. `None` does the built-in work that a run asks for.
pub async fn run(work: Option<Arc<dyn runtime::Work>>) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let context = Context::new(&cli.global, program(), work);
    log(&cli.global, &context.output);
    match verb::execute(&context, cli.verb).await {
        Ok(code) => code,
        Err(error) => {
            if !error.is_silent() {
                context.output.error(&error);
            }
            error.exit_code()
        }
    }
}

/// What clap says: help and version on standard output, everything else is a usage error.
fn refuse(error: &clap::Error) -> ExitCode {
    let is_answer = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    // Nothing is parsed yet, so the flag is looked for as it stands.
    let is_json = std::env::args_os().any(|argument| argument == "--json");
    if is_json && !is_answer {
        let output = Output::new(&Global { json: true, ..Global::default() });
        let message = error.render().to_string();
        let message = message.trim_start_matches("error: ").trim_end();
        output.complain(json!({ "error": { "message": message, "retryable": false } }));
    } else {
        // A closed pipe has nobody to tell.
        drop(error.print());
    }
    if is_answer { ExitCode::SUCCESS } else { ExitCode::from(USAGE) }
}

/// What this program was called as.
fn program() -> String {
    let first = std::env::args_os().next();
    let name = first.as_deref().map(Path::new).and_then(Path::file_stem).and_then(|name| name.to_str());
    name.unwrap_or("scatterctl").to_owned()
}

/// Failed segments are in the table, with their errors, and are shown at the end: a line for each would bury the rest. Where
/// credentials were looked for and not found is in the error, if they were not found anywhere.
const USUAL: &str = "warn,runtime=error,aws_config=error";

fn log(global: &Global, output: &Output) {
    let usual = match global.verbose {
        0 => USUAL,
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let asked = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_default();
    let filter = EnvFilter::builder().parse_lossy(if asked.is_empty() { usual } else { asked.as_str() });
    let writer = output.log_writer();
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(output.error_colours())
        .with_writer(move || writer.clone());
    // A worker that set up its own logs keeps them.
    drop(if output.is_json() { logs.json().flatten_event(true).try_init() } else { logs.try_init() });
}
