//! What is measured: each run in a process of its own, so that its peak memory is its own.

use std::process::{ExitCode, Stdio};
use std::time::Duration;

use control_table::clock::{Clock, SystemClock};
use tokio::process::Command;

use crate::args::MeasureArgs;
use crate::error::BenchError;
use crate::one_run::Figures;
use crate::process;
use crate::row::{Case, Row};

/// Segments and milliseconds of the case that measures efficiency.
const SLEEP_CASE: (u64, u64) = (400, 20);

/// Measures every case and prints a row of each. Fails if anything was counted wrongly.
pub async fn measure(args: &MeasureArgs) -> Result<ExitCode, BenchError> {
    let without_sleep = args.n.iter().map(|&n| (n, 0));
    let with_sleep = (!args.no_sleep_case).then_some(SLEEP_CASE);
    let (mut previous_s, mut is_wrong) = (None, false);
    for (n, sleep_ms) in without_sleep.chain(with_sleep) {
        let case = Case { n, sleep_ms, workers: args.workers, durable: args.durable };
        let mut runs = Vec::new();
        for _ in 0..args.repeat {
            runs.push(in_own_process(case, args.limit).await?);
        }
        let row = Row::of(case, &runs, previous_s.filter(|_| sleep_ms == 0), process::load1());
        previous_s = Some(row.total_s);
        is_wrong |= row.is_wrong();
        crate::print_line(&serde_json::to_string(&row)?);
    }
    Ok(if is_wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn in_own_process(case: Case, limit: u64) -> Result<Figures, BenchError> {
    let Case { n, sleep_ms, workers, durable } = case;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("one-run")
        .args(["--n", &n.to_string(), "--sleep-ms", &sleep_ms.to_string(), "--workers", &workers.to_string()])
        .args(["--spawned-at", &SystemClock.now().timestamp_millis().to_string()])
        .args(durable.then_some("--durable"))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(limit), command.output());
    let output = output.await.map_err(|_| BenchError::Late { n, limit })??;
    if !output.status.success() {
        return Err(BenchError::Run { n, status: output.status });
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
