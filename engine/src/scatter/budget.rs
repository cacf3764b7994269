//! The time of one invocation.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use control_table::clock::Clock;

/// How long after its end the groups may still be committed whose rows were written before. Eight of them need a quarter of a second; more
/// only if a busy stream holds them up, and then the margin before the deadline is for the records of those that are committed.
const DRAINED_WITHIN: TimeDelta = TimeDelta::seconds(2);

/// When a scatter stops by itself, so that it is not stopped in the middle of something.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    stop_at: DateTime<Utc>,
}

impl Budget {
    /// Stops `margin` before the deadline, or at half time where the margin would leave less than half of the time: a
    /// function with a short timeout still gets on.
    pub fn new(now: DateTime<Utc>, deadline: DateTime<Utc>, margin: TimeDelta) -> Self {
        let half = (deadline - now) / 2;
        Self { stop_at: deadline - margin.min(half) }
    }

    /// Stops then.
    pub const fn until(stop_at: DateTime<Utc>) -> Self {
        Self { stop_at }
    }

    pub fn is_over(&self, clock: &dyn Clock) -> bool {
        clock.now() >= self.stop_at
    }

    /// Whether what was begun must end now, too.
    pub fn is_exceeded(&self, clock: &dyn Clock) -> bool {
        clock.now() >= self.stop_at + DRAINED_WITHIN
    }

    /// What is left of it.
    pub fn left(&self, clock: &dyn Clock) -> Duration {
        (self.stop_at - clock.now()).to_std().unwrap_or(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop_after(seconds: i64, margin: i64) -> i64 {
        let start = DateTime::UNIX_EPOCH;
        let budget = Budget::new(start, start + TimeDelta::seconds(seconds), TimeDelta::seconds(margin));
        (budget.stop_at - start).num_seconds()
    }

    #[test]
    fn a_short_invocation_still_gets_half_of_its_time() {
        assert_eq!((stop_after(900, 30), stop_after(20, 30), stop_after(0, 30)), (870, 10, 0));
    }
}
