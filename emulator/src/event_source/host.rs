//! What surrounds every mapping: time, request ids, and the end.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::handler::Invocation;
use crate::StopSignal;
use chrono::{DateTime, TimeDelta, Utc};

/// The pause before the first repetition of a failed batch; it doubles with each.
const PAUSE_FIRST: Duration = Duration::from_millis(200);
/// No pause is longer.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// What the mappings of one process have in common.
#[derive(Clone)]
pub struct Host {
    clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    request_ids: Arc<dyn Fn() -> String + Send + Sync>,
    stop: StopSignal,
    grace: Duration,
}

impl Host {
    /// `clock` says what time it is, `request_ids` makes an id for each invocation. After `stop`, running invocations get
    /// `grace` to finish; then they are aborted, and their records are left as unprocessed.
    pub fn new(
        clock: impl Fn() -> DateTime<Utc> + Send + Sync + 'static,
        request_ids: impl Fn() -> String + Send + Sync + 'static,
        stop: StopSignal,
        grace: Duration,
    ) -> Self {
        Self { clock: Arc::new(clock), request_ids: Arc::new(request_ids), stop, grace }
    }

    pub(super) fn invocation(&self, timeout: Duration) -> Invocation {
        let timeout = TimeDelta::from_std(timeout).unwrap_or(TimeDelta::MAX);
        let deadline = (self.clock)().checked_add_signed(timeout).unwrap_or(DateTime::<Utc>::MAX_UTC);
        Invocation { request_id: (self.request_ids)(), deadline }
    }

    pub(super) fn stop(&self) -> StopSignal {
        self.stop.clone()
    }

    pub(super) fn grace(&self) -> Duration {
        self.grace
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("stop", &self.stop).field("grace", &self.grace).finish_non_exhaustive()
    }
}

/// Waits out the pause before a batch is tried, which for a first try is none: a timer of zero takes a millisecond, too.
pub(super) async fn rest(retries: u32) {
    if retries > 0 {
        tokio::time::sleep(pause(retries)).await;
    }
}

/// The pause before a batch that was repeated `retries` times already is tried again.
pub(super) fn pause(retries: u32) -> Duration {
    match retries.checked_sub(1) {
        None => Duration::ZERO,
        // 2^6 pauses of 200 ms are over the limit, whatever comes after.
        Some(doublings) => (PAUSE_FIRST * (1 << doublings.min(6))).min(PAUSE_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let millis: Vec<_> = [0, 1, 2, 6, 7, u32::MAX].map(|n| pause(n).as_millis()).into();
        assert_eq!(millis, [0, 200, 400, 6_400, 10_000, 10_000]);
    }
}
