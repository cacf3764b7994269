//! `noop`: does nothing, for as long as it is told. It shows what everything around the work costs.

use std::time::Duration;

use serde::Deserialize;

use crate::output::Output;

/// Its parameters.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Noop {
    /// Milliseconds that a segment takes.
    sleep_ms: u64,
}

impl Default for Noop {
    fn default() -> Self {
        Self { sleep_ms: 20 }
    }
}

impl Noop {
    pub async fn run(&self) -> Output {
        tokio::time::sleep(Duration::from_millis(self.sleep_ms)).await;
        Output::items(1)
    }
}
