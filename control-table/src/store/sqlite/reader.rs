//! The thread that reads. It sees what is committed, and every answer of the writer comes after the commit: so a caller reads what it
//! wrote.

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::Failure;

/// Reads that may wait for the thread; more callers wait before it.
const WAITING_MAX: usize = 1_024;

type Read = Box<dyn FnOnce(&Connection) + Send>;

/// A handle of the thread, which ends with the last of them.
#[derive(Clone)]
pub(super) struct Reader {
    reads: mpsc::Sender<Read>,
}

impl Reader {
    pub fn start(connection: Connection) -> Result<Self, std::io::Error> {
        let (reads, mut waiting) = mpsc::channel::<Read>(WAITING_MAX);
        std::thread::Builder::new().name("control-table-read".to_owned()).spawn(move || {
            while let Some(read) = waiting.blocking_recv() {
                read(&connection);
            }
        })?;
        Ok(Self { reads })
    }

    pub async fn call<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, answered) = oneshot::channel();
        let read: Read = Box::new(move |connection| {
            // A caller that has gone needs no answer.
            let _ = answer.send(read(connection));
        });
        self.reads.send(read).await.map_err(|_| Failure::Defect)?;
        answered.await.unwrap_or(Err(Failure::Defect))
    }
}
