//! Runs seeds of the fault harness: one, with its trace, or many, with what they came to.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::process::ExitCode;

use clap::Parser;
use protocol_proofs::faults::{FaultRun, Report, many};

/// Runs seeds of the fault harness.
#[derive(Debug, Parser)]
struct Arguments {
    /// Runs this seed alone, and prints what happened in it.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Runs so many seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Seeds that are run at once.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let is_clean = match arguments.seed {
        Some(seed) => one(seed),
        None => several(&arguments),
    };
    if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn one(seed: u64) -> bool {
    let report = FaultRun { keeps_lines: true, ..FaultRun::new(seed) }.report();
    for line in &report.lines {
        println!("{line}");
    }
    println!("seed {seed}: {:?}, trace {:016x}", report.counts, report.trace);
    violation(&report);
    report.violation.is_none()
}

fn several(arguments: &Arguments) -> bool {
    let begun = tokio::time::Instant::now();
    let seeds = arguments.from..arguments.from.saturating_add(arguments.seeds);
    let tally = many(seeds, arguments.threads, violation);
    let seconds = begun.elapsed().as_secs_f64();
    println!("{} seeds, {:?}", tally.seeds, tally.counts);
    println!("{} violations, {seconds:.1} s", tally.violations.len());
    tally.violations.is_empty()
}

fn violation(report: &Report) {
    if let Some(violation) = &report.violation {
        println!(
            "seed {}: {violation}\n  again: cargo run -p protocol-proofs --bin fault-seeds -- --seed {}",
            report.seed, report.seed
        );
    }
}
