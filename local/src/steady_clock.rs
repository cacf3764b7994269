//! A clock that never goes back. One that is set back while a process works would let retries wait until it has caught up: for a day, if
//! it was set back by a day.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use control_table::clock::Clock;

/// A step back that is worth a word: smaller ones are the usual corrections.
const NOTABLE: TimeDelta = TimeDelta::seconds(1);

/// Another clock, which is followed forwards. When it is set back, this one continues from where it was, ahead of the other by as much,
/// until the other has caught up.
pub struct SteadyClock {
    clock: Arc<dyn Clock>,
    state: Mutex<Option<State>>,
}

struct State {
    /// The last moment that was given.
    last: DateTime<Utc>,
    ahead: TimeDelta,
}

impl SteadyClock {
    /// As that clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::new(None) }
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> DateTime<Utc> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let time = self.clock.now();
        let state = state.get_or_insert(State { last: time, ahead: TimeDelta::zero() });
        if time >= state.last {
            state.ahead = TimeDelta::zero();
        } else if time + state.ahead < state.last {
            let back = state.last - time - state.ahead;
            if back >= NOTABLE {
                tracing::warn!(
                    seconds = back.num_seconds(),
                    "the clock was set back; this process counts on from where it was"
                );
            }
            state.ahead = state.last - time;
        }
        state.last = time + state.ahead;
        state.last
    }
}

impl fmt::Debug for SteadyClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SteadyClock").field("clock", &self.clock).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock that a test sets, in seconds.
    #[derive(Debug, Default)]
    struct Hand(Mutex<i64>);

    impl Clock for Hand {
        fn now(&self) -> DateTime<Utc> {
            DateTime::from_timestamp(*self.0.lock().unwrap(), 0).unwrap()
        }
    }

    #[test]
    fn a_clock_that_is_set_back_counts_on_and_is_met_again() {
        let hand = Arc::new(Hand::default());
        let steady = SteadyClock::new(Arc::clone(&hand) as _);
        let day = 86_400;
        // What the machine's clock says, and what this one says then.
        for (machine, expected) in [
            (2 * day, 2 * day),
            (2 * day + 5, 2 * day + 5),
            (day, 2 * day + 5),
            (day + 7, 2 * day + 12),
            (day, 2 * day + 12),
            (day + 1, 2 * day + 13),
            (3 * day, 3 * day),
            (3 * day - 1, 3 * day),
        ] {
            *hand.0.lock().unwrap() = machine;
            assert_eq!(steady.now().timestamp(), expected, "at {machine}");
        }
    }
}
