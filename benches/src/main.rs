//! `bench-noop`: what a segment that does nothing costs, in the figures that other systems are measured by.
//!
//!     cargo run --release -p benches -- --n 1000,10000 --repeat 3
//!
//! - `args`: the command line
//! - `cases`: what is measured, each run in a process of its own
//! - `one_run`: one run, in such a process
//! - `process`: what the operating system says of this process
//! - `redrive`: a redrive beside a fresh run
//! - `row`: the figures of one case
//! - `table`: rows as text

mod args;
mod cases;
mod error;
mod one_run;
mod process;
mod redrive;
mod row;
mod table;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Args, Command};
use crate::error::BenchError;

#[tokio::main]
async fn main() -> Result<ExitCode, BenchError> {
    let Args { command, measure } = Args::parse();
    match command {
        None => cases::measure(&measure).await,
        Some(Command::Table) => table::from_stdin().map(|()| ExitCode::SUCCESS),
        Some(Command::Redrive(args)) => redrive::measure(&args).await.map(|()| ExitCode::SUCCESS),
        Some(Command::OneRun(args)) => one_run::one_run(&args).await.map(|()| ExitCode::SUCCESS),
    }
}

/// The one place that prints: a line on standard output.
#[expect(clippy::print_stdout, reason = "the figures are what this program is for")]
fn print_line(line: &str) {
    println!("{line}");
}
