//! `noop`: does nothing, for as long as its parameters say. It shows what everything around the work costs.

use std::time::Duration;

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
        // Tokio's timer counts whole milliseconds: a sleep of none would be one of one.
        if self.sleep_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.sleep_ms)).await;
        }
        Output::items(1)
    }
}
