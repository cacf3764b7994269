//! `load-sim`: what must hold when a stack has much to do, in virtual time. A JSON line for each scenario; exit status 0 only if all
//! hold.

mod case;
mod report;
mod run;
mod scenarios;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::run::{Args, run_all};

fn main() -> ExitCode {
    let mut all_hold = true;
    run_all(&Args::parse(), |outcome| {
        let mut out = std::io::stdout().lock();
        let (holds, line) = outcome.line();
        let is_printed = writeln!(out, "{line}").is_ok();
        all_hold &= holds && is_printed;
    });
    if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
