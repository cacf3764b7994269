//! The sweeper's schedule.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use control_table::clock::Clock;
use engine::Engine;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use emulator::StopSignal;

/// How long one sweep may take: the Lambda limit, as everything here has it.
const SWEEP_LIMIT: TimeDelta = TimeDelta::minutes(15);

/// Sweeps at every tick until the stop is requested. A sweep that takes longer than a tick is not overlapped.
pub(super) async fn tick(
    engine: Engine,
    clock: Arc<dyn Clock>,
    period: Duration,
    finalized: Arc<watch::Sender<()>>,
    mut stop: StopSignal,
) {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.requested() => return,
            _ = ticks.tick() => {}
        }
        match engine.sweep(clock.now() + SWEEP_LIMIT).await {
            Ok(report) if report.due > 0 => {
                finalized.send_replace(());
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "the sweep failed; the next tick tries again"),
        }
    }
}
