//! A clock that stands still until it is moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use control_table::clock::{Clock, Timestamp};

/// When every execution begins: an evening, so that long runs cross midnight.
const BEGIN_MS: i64 = 1_795_561_200_000;

/// The time of an execution. Clones show the same.
#[derive(Debug, Clone)]
pub(super) struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(BEGIN_MS)))
    }

    pub fn advance(&self, millis: u64) {
        self.0.fetch_add(i64::try_from(millis).unwrap(), Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed)).to_datetime()
    }
}
