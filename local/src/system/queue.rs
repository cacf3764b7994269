//! Records on their way to this process's workers, in memory.
//!
//! The rows are the truth: a record that is lost with its process is made again from its row by the process that continues the
//! execution.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use control_table::clock::Timestamp;
use control_table::message::SegmentRecord;
use control_table::store::sqlite::ProcessId;
use emulator::StopSignal;
use engine::{DispatchError, Dispatcher, PositionError, StreamPosition};
use futures::future::{BoxFuture, ready};
use futures::stream::{self, Stream};
use runtime::Handed;
use tokio::sync::mpsc;

/// Records that wait for a worker; more wait in the table. At most 24 KB each (spec and parameters).
const WAITING_MAX: usize = 1_024;

/// How long a record waits that a worker gave back: its outcome could not be written, or every slot has a long segment.
const AGAIN_WAIT: Duration = Duration::from_secs(1);

/// The way in.
#[derive(Debug)]
pub(super) struct Queue {
    process: ProcessId,
    handed: AtomicU64,
    /// Records that a put has begun with, and no worker has.
    waiting: AtomicUsize,
    records: mpsc::Sender<Handed>,
}

/// The way out.
#[derive(Debug)]
pub(super) struct Records(mpsc::Receiver<Handed>);

impl Queue {
    pub fn new(process: ProcessId) -> (Self, Records) {
        let (records, waiting) = mpsc::channel(WAITING_MAX);
        (Self { process, handed: AtomicU64::new(0), waiting: AtomicUsize::new(0), records }, Records(waiting))
    }

    /// Hands a record over again, after a wait, under the same ID. At most three times as many wait as there are workers.
    pub fn again(self: Arc<Self>, handed: Handed) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            tokio::time::sleep(AGAIN_WAIT).await;
            // Closed: the process is stopping, and the next one makes the record again.
            let _ = self.records.send(handed).await;
        });
    }

    async fn send(&self, record: &SegmentRecord) -> Result<(), DispatchError> {
        let number = self.handed.fetch_add(1, Ordering::Relaxed);
        let handed = Handed { id: format!("{}:{number}", self.process), record: record.clone() };
        self.records.send(handed).await.map_err(|_| DispatchError::Stopping { segment: record.segment() })
    }
}

impl Dispatcher for Queue {
    /// Waits for room, as long as the workers take.
    fn put<'a>(&'a self, records: &'a [SegmentRecord]) -> BoxFuture<'a, Result<(), DispatchError>> {
        Box::pin(async move {
            self.waiting.fetch_add(records.len(), Ordering::Relaxed);
            for record in records {
                self.send(record).await?;
            }
            Ok(())
        })
    }
}

impl StreamPosition for Queue {
    /// Nothing is known of the order in which several callers put: so everything was read, or nothing.
    fn read_until(&self, now: Timestamp) -> BoxFuture<'_, Result<Timestamp, PositionError>> {
        let is_empty = self.waiting.load(Ordering::Relaxed) == 0;
        Box::pin(ready(Ok(if is_empty { now } else { Timestamp::EPOCH })))
    }

    fn records_put(&self, _: u64, _: Timestamp) -> BoxFuture<'_, Result<(), PositionError>> {
        Box::pin(ready(Ok(())))
    }
}

impl Records {
    /// The records until the stop is requested: from then on none is taken.
    pub fn until(self, queue: Arc<Queue>, stop: StopSignal) -> impl Stream<Item = Handed> + Send {
        stream::unfold((self.0, queue, stop), |(mut records, queue, mut stop)| async move {
            let next = tokio::select! {
                biased;
                () = stop.requested() => None,
                next = records.recv() => next,
            };
            let handed = next?;
            queue.waiting.fetch_sub(1, Ordering::Relaxed);
            Some((handed, (records, queue, stop)))
        })
    }
}
