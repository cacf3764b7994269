//! A completion bus that writes where the local system does.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use control_table::message::CompletionEvent;
use control_table::message::NotificationEvent;
use engine::{EventBus, PublishError};
use futures::future::BoxFuture;

/// Appends each event to the file of a data directory. The answers to the first events are lost: the bus has them, and the
/// publisher gets an error.
pub struct FileBus {
    events: PathBuf,
    lost: AtomicU32,
}

impl FileBus {
    /// A bus that loses the answers to the first `lost` events.
    #[must_use]
    pub fn new(data_dir: &Path, lost: u32) -> Self {
        Self { events: data_dir.join(local::system::EVENTS_FILE), lost: AtomicU32::new(lost) }
    }
}

impl EventBus for FileBus {
    fn publish<'a>(&'a self, event: &'a CompletionEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(async move {
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&self.events).unwrap();
            writeln!(file, "{}", serde_json::to_string(event).unwrap()).unwrap();
            let lose = self.lost.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |lost| lost.checked_sub(1));
            if lose.is_err() {
                return Ok(());
            }
            let source = std::io::Error::other("the answer was lost").into();
            Err(PublishError { execution: event.execution_id, target: "the test's bus".to_owned(), source })
        })
    }

    fn notify<'a>(&'a self, _: &'a NotificationEvent) -> BoxFuture<'a, Result<(), PublishError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
