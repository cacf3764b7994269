//! Virtual time: a runtime whose clock stands still while a task can run, and jumps to the next timer when none can.
//!
//! So tokio's own timers are the queue of events, and code that awaits `tokio::time::sleep` is simulated as it is.

use chrono::{DateTime, TimeDelta, Utc};
use control_table::clock::Clock;
use tokio::runtime::Builder;
use tokio::time::Instant;

/// The moment at which every simulation begins, in milliseconds since 1970: 2026-01-01. Any other would do.
const BEGIN_MS: i64 = 1_767_225_600_000;

/// Runs a future to its end in virtual time, on this thread. Tasks that it leaves behind are dropped.
///
/// # Errors
/// When the operating system has no resources for a runtime.
pub fn run<F: Future>(future: impl FnOnce() -> F) -> std::io::Result<F::Output> {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
    Ok(runtime.block_on(async { future().await }))
}

/// The clock of a simulation.
#[derive(Debug, Clone, Copy)]
pub struct VirtualClock {
    origin: Instant,
}

impl VirtualClock {
    /// A clock that begins now. Call it inside [`run`].
    #[must_use]
    pub fn begin() -> Self {
        Self { origin: Instant::now() }
    }

    /// The time since the simulation began.
    #[must_use]
    pub fn elapsed(&self) -> TimeDelta {
        TimeDelta::from_std(self.origin.elapsed()).unwrap_or(TimeDelta::MAX)
    }

    /// The whole seconds since the simulation began.
    #[must_use]
    pub fn second(&self) -> u64 {
        self.origin.elapsed().as_secs()
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(BEGIN_MS).unwrap_or_default() + self.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_month_passes_in_no_time_and_both_clocks_agree() {
        let (elapsed, second) = run(|| async {
            let clock = VirtualClock::begin();
            tokio::time::sleep(Duration::from_hours(720)).await;
            (clock.elapsed(), clock.second())
        })
        .unwrap();
        assert_eq!((elapsed, second), (TimeDelta::days(30), 30 * 86_400));
    }
}
