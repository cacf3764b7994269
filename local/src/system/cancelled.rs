//! Attempts at segments of executions that were cancelled: their work is stopped, whichever process has cancelled them.

use std::time::Duration;

use control_table::ControlTable;
use control_table::rows::{ExecutionRow, ExecutionStatus};
use emulator::StopSignal;
use runtime::Attempts;
use tokio::time::MissedTickBehavior;

/// How often to look: one read for each execution with an attempt under way.
const LOOK: Duration = Duration::from_millis(250);

/// Looks until the stop is requested and no attempt is under way.
pub(super) async fn stop_attempts(attempts: Attempts, table: ControlTable, mut stop: StopSignal) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.requested(), if !stop.is_requested() => {}
            _ = ticks.tick() => {}
        }
        if stop.is_requested() && attempts.runs().is_empty() {
            return;
        }
        for (execution_id, generation) in attempts.runs() {
            match table.execution(execution_id).await {
                Ok(row) if is_over(row.as_ref(), generation) => {
                    tracing::info!(%execution_id, generation, "is cancelled: its attempts are stopped");
                    attempts.stop(execution_id, generation);
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%execution_id, %error, "cannot be read; the next look tries again"),
            }
        }
    }
}

/// Whether no attempt at a segment of that generation can have an outcome any more.
fn is_over(execution: Option<&ExecutionRow>, generation: u32) -> bool {
    execution.is_none_or(|row| {
        row.generation != generation || row.status == ExecutionStatus::Cancelling || row.status.is_terminal()
    })
}
