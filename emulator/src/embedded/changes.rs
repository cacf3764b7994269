//! A bell that rings whenever something was written.

use tokio::sync::watch;

/// Tells a poller that there may be something to read, so that it neither waits for a tick nor burns CPU.
///
/// Rings are counted, not queued: any number of writes between two looks is one wake-up, and a ring before the first
/// wait is not lost.
#[derive(Debug)]
pub struct Changes {
    seen: watch::Receiver<u64>,
}

impl Changes {
    /// Waits for a write since the last call. Returns for good (at once, every time) when the service is gone.
    pub async fn wait(&mut self) -> bool {
        self.seen.changed().await.is_ok()
    }
}

/// The side of the service that rings.
#[derive(Debug)]
pub(super) struct Bell {
    rings: watch::Sender<u64>,
}

impl Bell {
    pub(super) fn new() -> Self {
        Self { rings: watch::Sender::new(0) }
    }

    pub(super) fn ring(&self) {
        self.rings.send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(super) fn changes(&self) -> Changes {
        let mut seen = self.rings.subscribe();
        // What was written before anyone listened is there to be read, too.
        seen.mark_changed();
        Changes { seen }
    }
}
