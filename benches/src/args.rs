//! The command line.

use clap::{Args as ClapArgs, Parser, Subcommand};

/// Measures what a segment that does nothing costs.
#[derive(Debug, Parser)]
#[command(name = "bench-noop", args_conflicts_with_subcommands = true)]
pub struct Args {
    /// What to do instead of measuring.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What to measure.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// What else there is to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prints rows, one JSON object a line on standard input, as one table.
    Table,
    /// Redrives the one segment in a hundred of a large run that failed, and makes a fresh run of as many.
    Redrive(crate::redrive::RedriveArgs),
    /// Makes one run and prints its figures. The program calls itself with this.
    #[command(hide = true)]
    OneRun(RunArgs),
}

/// What to measure.
#[derive(Debug, ClapArgs)]
pub struct MeasureArgs {
    /// Numbers of segments of the cases without sleep.
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000")]
    pub n: Vec<u64>,
    /// Runs of each case. The figures are their medians.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: u32,
    /// Segments worked on at once.
    #[arg(long, default_value_t = 8)]
    pub workers: usize,
    /// Seconds that a run may take.
    #[arg(long, default_value_t = 600)]
    pub limit: u64,
    /// Wait for the disk at each commit.
    #[arg(long)]
    pub durable: bool,
    /// Leave out 400 segments of 20 ms.
    #[arg(long)]
    pub no_sleep_case: bool,
}

/// One run.
#[derive(Debug, ClapArgs)]
pub struct RunArgs {
    /// Segments.
    #[arg(long)]
    pub n: u64,
    /// Milliseconds that each takes.
    #[arg(long)]
    pub sleep_ms: u64,
    /// Segments worked on at once.
    #[arg(long)]
    pub workers: usize,
    /// Wait for the disk at each commit.
    #[arg(long)]
    pub durable: bool,
    /// When this process was started, in milliseconds since 1970.
    #[arg(long)]
    pub spawned_at: i64,
}
