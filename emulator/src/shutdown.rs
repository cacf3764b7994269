//! The end of a process's tasks.

use tokio::sync::watch;

/// Ends the tasks of a process that listen to its signals. Dropping it ends them, too.
#[derive(Debug)]
pub struct Shutdown {
    sender: watch::Sender<bool>,
}

impl Shutdown {
    /// Nothing is to end yet.
    pub fn new() -> Self {
        Self { sender: watch::Sender::new(false) }
    }

    /// Asks everything that has a signal of this to end. It takes no new work, and has the host's grace for the rest.
    pub fn request(&self) {
        self.sender.send_replace(true);
    }

    /// What a task listens to.
    pub fn signal(&self) -> StopSignal {
        StopSignal { requested: self.sender.subscribe() }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

/// Says when to end.
#[derive(Debug, Clone)]
pub struct StopSignal {
    requested: watch::Receiver<bool>,
}

impl StopSignal {
    /// Waits until the end is asked for.
    pub async fn requested(&mut self) {
        // An error means that every sender is gone, which is a reason to end, too.
        let _ = self.requested.wait_for(|requested| *requested).await;
    }

    /// Whether the end was asked for.
    pub fn is_requested(&self) -> bool {
        *self.requested.borrow() || self.requested.has_changed().is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dropped_shutdown_ends_what_listens() {
        let shutdown = Shutdown::new();
        let mut signal = shutdown.signal();
        assert!(!signal.is_requested());
        drop(shutdown);
        assert!(signal.is_requested());
        signal.requested().await;
    }
}
