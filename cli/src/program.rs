//! The command line, from its arguments to its exit status.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _};
use tracing_subscriber::filter::{LevelFilter, ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::{Cli, Global};
use crate::context::Context;
use crate::error::USAGE;
use crate::output::Output;
use crate::verb;

/// The program, as its help and `--version` name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

impl Program {
    /// The command line of this crate.
    pub const SCATTERCTL: Self = Self { name: "scatterctl", version: env!("CARGO_PKG_VERSION") };

    fn command(self) -> clap::Command {
        let version = match self {
            Self::SCATTERCTL => self.version.to_owned(),
            _ => format!("{} (scatter-gather {})", self.version, env!("CARGO_PKG_VERSION")),
        };
        Cli::command().name(self.name).version(version)
    }
}

/// Runs the command line with this process's arguments. An author's worker has its own work; `None` does the built-in work that a
/// job asks for.
pub async fn run(program: Program, work: Option<Arc<dyn runtime::Work>>) -> ExitCode {
    let parsed = program.command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let context = Context::new(&cli.global, program.name, called_as(program), work);
    log(&cli.global, &context.output);
    // Boxed: the future of all verbs is large.
    match Box::pin(verb::execute(&context, cli.verb)).await {
        Ok(code) => code,
        Err(error) => {
            if !error.is_silent() {
                context.output.error(&error);
            }
            error.exit_code()
        }
    }
}

/// Prints an answer of clap: help and version on standard output, a usage error on standard error.
fn refuse(error: &clap::Error) -> ExitCode {
    let is_answer = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if is_answer {
        // A closed pipe is no error.
        drop(error.print());
        return ExitCode::SUCCESS;
    }
    // Nothing is parsed, so this reads the raw arguments.
    let has = |flag: &str| std::env::args_os().any(|argument| argument == flag);
    let output = Output::new(&Global { json: has("--json"), no_color: has("--no-color"), ..Global::default() });
    // Not printed by clap itself, which writes a value to the terminal as it was given.
    let message = error.render().to_string();
    output.failure(message.trim_start_matches("error: ").trim_end(), false);
    ExitCode::from(USAGE)
}

/// The name that the caller used, for hints.
fn called_as(program: Program) -> String {
    let first = std::env::args_os().next();
    let name = first.as_deref().map(Path::new).and_then(Path::file_stem).and_then(|name| name.to_str());
    name.unwrap_or(program.name).to_owned()
}

/// The table has the failed segments with their errors, and the end of an execution shows them: a log line for each would bury the rest.
/// If no credentials are found, the error says where they were looked for. The embedded DynamoDB has no connections to close.
const USUAL: &str =
    "warn,scatter_gather_runtime=error,aws_config=error,aws_smithy_runtime::client::http::connection_poisoning=off";

fn log(global: &Global, output: &Output) {
    let usual = match global.verbose {
        0 => USUAL,
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let asked = std::env::var("RUST_LOG").ok().filter(|asked| !asked.is_empty());
    let (filter, misread) = filter(asked.as_deref(), usual);
    let writer = output.log_writer();
    let logs = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(output.error_colours())
        .with_writer(move || writer.clone());
    // A worker that set up its own logs keeps them.
    drop(if output.is_json() {
        logs.json().flatten_event(true).finish().with(filter).try_init()
    } else {
        logs.finish().with(filter).try_init()
    });
    if let Some(error) = misread {
        tracing::warn!(%error, "RUST_LOG is not of the form target=level,…; it changes nothing");
    }
}

/// The asked filter; the usual one, and why, if what is asked for cannot be read.
fn filter(asked: Option<&str>, usual: &str) -> (Targets, Option<ParseError>) {
    let usual = || usual.parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::WARN));
    match asked.map(str::parse) {
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (usual(), Some(error)),
        None => (usual(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_read_leaves_the_usual_one() {
        let (usual, _) = filter(None, USUAL);
        let (kept, error) = filter(Some("scatter_gather=loud"), USUAL);
        assert_eq!(kept, usual);
        assert!(error.is_some());
        let (asked, error) = filter(Some("scatter_gather_engine=debug"), USUAL);
        assert!(asked.would_enable("scatter_gather_engine::sweep", &tracing::Level::DEBUG));
        assert!(!asked.would_enable("hyper", &tracing::Level::ERROR));
        assert!(error.is_none());
    }
}
