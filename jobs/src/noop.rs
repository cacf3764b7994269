//! `noop`: does nothing, for as long as its parameters say. It shows what everything around the work costs.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use serde::Deserialize;

use runtime::Output;

/// Its parameters.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Noop {
    /// Milliseconds that a segment takes; none if not given.
    sleep_ms: u64,
}

impl Noop {
    pub async fn run(&self) -> Output {
        if self.sleep_ms > 0 {
            let attempt = Arc::new(());
            let until = tokio::time::Instant::now().into_std() + Duration::from_millis(self.sleep_ms);
            let alive = Arc::downgrade(&attempt);
            // A thread of its own: the runtime's timer is late by a millisecond or two, which is a tenth of a short segment. The thread
            // cannot fail, and its end is all that is waited for.
            let _ = tokio::task::spawn_blocking(move || sleep_until(until, &alive)).await;
        }
        Output::items(1)
    }
}

/// How soon the thread of a cancelled attempt ends.
const PIECE: Duration = Duration::from_millis(50);

/// Sleeps, unless the attempt is cancelled before.
#[expect(clippy::disallowed_methods, reason = "the thread is there to be blocked")]
fn sleep_until(until: Instant, attempt: &Weak<()>) {
    while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        if attempt.strong_count() == 0 {
            return;
        }
        std::thread::sleep(left.min(PIECE));
    }
}
