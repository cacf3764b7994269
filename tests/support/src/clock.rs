//! A clock that stands where a test puts it.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use control_table::clock::{Clock, Timestamp};

/// When the tests' executions begin.
pub const START: Timestamp = Timestamp::from_millis(1_764_000_000_000);

/// A clock that a test moves. With a step it also moves at each look, so that an invocation runs out of time.
#[derive(Debug)]
pub struct ManualClock(Mutex<Moment>);

#[derive(Debug)]
struct Moment {
    now: DateTime<Utc>,
    step: TimeDelta,
}

impl ManualClock {
    /// A clock that stands there.
    #[must_use]
    pub fn at(now: Timestamp) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Moment { now: now.to_datetime(), step: TimeDelta::zero() })))
    }

    /// Moves it.
    pub fn advance(&self, span: TimeDelta) {
        self.0.lock().unwrap().now += span;
    }

    /// From now on each look moves it by that much, after it has shown the time.
    pub fn step(&self, step: TimeDelta) {
        self.0.lock().unwrap().step = step;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        let mut moment = self.0.lock().unwrap();
        let (now, step) = (moment.now, moment.step);
        moment.now += step;
        now
    }
}
